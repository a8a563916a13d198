//! Percentiles over trials.

use report::{
    check::FigureKind,
    model::{Percentiles, Range, Times},
    slo::Percentile,
};
use stats::{HistogramError, decode, median, percentiles, range};

/// Percentiles of [`Times`] that have a verdict, by their names.
pub const PERCENTILES: [(&str, FigureKind); 4] = [
    ("p50", FigureKind::P50),
    ("p90", FigureKind::P90),
    ("p99", FigureKind::P99),
    ("p99_9", FigureKind::P99_9),
];

/// The median of the trials' percentiles, from their histograms; `None` when there is nothing in
/// any of them.
pub fn times<'a>(
    histograms: impl IntoIterator<Item = &'a str>,
) -> Result<Option<Times>, HistogramError> {
    let mut trials = Vec::new();
    for text in histograms {
        let histogram = decode(text)?;
        if !histogram.is_empty() {
            trials.push(of_trial(&percentiles(&histogram), histogram.len()));
        }
    }
    Ok((!trials.is_empty()).then(|| middle(&trials)))
}

/// One trial's percentiles, as far as so many values allow them.
pub fn of_trial(of: &Percentiles, values: u64) -> Times {
    let with = |least: u64, value: f64| (values >= least).then_some(value);
    Times {
        mean: with(1, of.mean),
        p50: with(1, of.p50),
        p90: with(1, of.p90),
        p99: with(Percentile::P99.requests_min(), of.p99),
        p99_9: with(Percentile::P99_9.requests_min(), of.p99_9),
        max: with(1, of.max),
        ..Times::default()
    }
}

/// One of [`Times`] by its name; `None` too when there is none of this name.
pub fn named(times: &Times, name: &str) -> Option<f64> {
    match name {
        "mean" => times.mean,
        "p50" => times.p50,
        "p90" => times.p90,
        "p99" => times.p99,
        "p99_9" => times.p99_9,
        "max" => times.max,
        _ => None,
    }
}

/// Sets one of [`Times`] by its name.
pub(crate) fn set(times: &mut Times, name: &str, value: f64) {
    let place = match name {
        "mean" => &mut times.mean,
        "p50" => &mut times.p50,
        "p90" => &mut times.p90,
        "p99" => &mut times.p99,
        "p99_9" => &mut times.p99_9,
        _ => &mut times.max,
    };
    *place = Some(value);
}

/// The median of each over the trials, with its range.
pub(crate) fn middle(trials: &[Times]) -> Times {
    let mut all = Times::default();
    for name in ["mean", "p50", "p90", "p99", "p99_9", "max"] {
        // What one trial can't tell isn't told.
        let values: Option<Vec<f64>> = trials.iter().map(|trial| named(trial, name)).collect();
        let Some((middle, Range { low, high })) =
            values.and_then(|values| median(&values).zip(range(&values)))
        else {
            continue;
        };
        set(&mut all, name, middle);
        all.ranges.insert(name.to_owned(), Range { low, high });
    }
    all
}
