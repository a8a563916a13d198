//! A run's own reports, small enough for a repository.

use analysis::prompt;
use hdrhistogram::Histogram;
use report::{
    hosts::HostShare,
    model::ModelReport,
    trial::{Step, Window},
};
use stats::{HistogramError, decode, encode};

/// Significant digits of histograms that are drawn: a value is known to 1 %.
const DRAWN_DIGITS: u8 = 2;

/// Of all others. They are judged when they are measured, and looked at later.
const DIGITS: u8 = 1;

/// A histogram's text, and the digits that it keeps.
type Kept<'a> = (&'a mut String, u8);

/// The report with coarse histograms ([`DRAWN_DIGITS`], [`DIGITS`]). Percentiles that figures and
/// comparisons are made of are taken from the full ones, and kept.
///
/// # Errors
/// A histogram can't be read.
pub fn lean(mut report: ModelReport) -> Result<ModelReport, HistogramError> {
    let windows = report.trials.iter_mut().flat_map(|trial| {
        let held = trial.held.iter_mut().map(|round| &mut round.step);
        trial.steps.iter_mut().chain(held)
    });
    for step in windows {
        step.window.prompt_time_us = prompt::of_window(step)?;
        for (text, digits) in histograms(step) {
            *text = coarse(text, digits)?;
        }
    }
    Ok(report)
}

/// Of all generators together, and of each machine's. A window without requests has no text.
fn histograms(step: &mut Step) -> impl Iterator<Item = Kept<'_>> {
    let of_hosts = step.hosts.iter_mut().flat_map(of_host);
    of_window(&mut step.window)
        .chain(of_hosts)
        .filter(|(text, _)| !text.is_empty())
}

fn of_host(host: &mut HostShare) -> impl Iterator<Item = Kept<'_>> {
    let all = [
        host.response_time_histogram.as_mut(),
        host.prompt_response_time_histogram.as_mut(),
        host.sampled_time_histogram.as_mut(),
        host.sampled_prompt_time_histogram.as_mut(),
        host.read_lag_histogram.as_mut(),
    ];
    all.into_iter().flatten().map(|text| (text, DIGITS))
}

fn of_window(window: &mut Window) -> impl Iterator<Item = Kept<'_>> {
    let scheduled = window.scheduled.iter_mut().flat_map(|times| {
        let drawn = [
            Some(&mut times.response_time_histogram),
            times.prompt_response_time_histogram.as_mut(),
        ];
        // The later one is drawn where there is one.
        let drawn = drawn
            .into_iter()
            .flatten()
            .rev()
            .zip([DRAWN_DIGITS, DIGITS]);
        let others = [
            times.connect_time_histogram.as_mut(),
            Some(&mut times.lag_histogram),
        ];
        drawn.chain(others.into_iter().flatten().map(|text| (text, DIGITS)))
    });
    let of_window = [
        Some(&mut window.service_time_histogram),
        window.sampled_time_histogram.as_mut(),
        window.sampled_prompt_time_histogram.as_mut(),
        window.server_time_histogram.as_mut(),
        window.read_lag_histogram.as_mut(),
    ];
    let of_window = of_window.into_iter().flatten();
    of_window.map(|text| (text, DIGITS)).chain(scheduled)
}

fn coarse(text: &str, digits: u8) -> Result<String, HistogramError> {
    let fine = decode(text)?;
    let bounds = |error: hdrhistogram::CreationError| HistogramError::Bounds(error.to_string());
    let mut coarse = Histogram::new_with_bounds(fine.low(), fine.high(), digits).map_err(bounds)?;
    for value in fine.iter_recorded() {
        coarse
            .record_n(value.value_iterated_to(), value.count_at_value())
            .map_err(|error| HistogramError::Bounds(error.to_string()))?;
    }
    encode(&coarse)
}

#[cfg(test)]
mod tests {
    use super::{DRAWN_DIGITS, coarse};
    use hdrhistogram::Histogram;
    use proptest::{collection::vec, prelude::*};
    use stats::{decode, encode};

    proptest! {
        #[test]
        fn no_value_is_lost_and_each_quantile_stays_within_a_percent(
            values in vec(1_u64..60_000_000_000, 1..200),
            quantile in 0.0..1.0,
        ) {
            let mut fine = Histogram::new_with_bounds(1, 300_000_000_000, 3).unwrap();
            for value in values {
                fine.record(value).unwrap();
            }
            let coarse = decode(&coarse(&encode(&fine).unwrap(), DRAWN_DIGITS).unwrap()).unwrap();
            prop_assert_eq!(coarse.len(), fine.len());
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let [before, after] = [&fine, &coarse].map(|its| its.value_at_quantile(quantile) as f64);
            prop_assert!((after / before - 1.0).abs() < 0.01, "{before} {after}");
        }
    }
}
