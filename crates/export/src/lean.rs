//! A run's own reports, small enough for a repository.

use hdrhistogram::Histogram;
use report::{
    hosts::HostShare,
    model::ModelReport,
    trial::{Step, Window},
};
use stats::{HistogramError, decode, encode};

/// Significant digits that histograms keep: a value is known to 1 %.
const DIGITS: u8 = 2;

/// The report with histograms of [`DIGITS`] digits. Its figures are those that were taken from the full
/// ones; comparisons, which are made of trials, know percentiles to 1 %.
///
/// # Errors
/// A histogram can't be read.
pub fn lean(mut report: ModelReport) -> Result<ModelReport, HistogramError> {
    let steps = report.trials.iter_mut().flat_map(|trial| &mut trial.steps);
    for step in steps {
        for text in histograms(step) {
            *text = coarse(text)?;
        }
    }
    Ok(report)
}

/// Of all generators together, and of each machine's. A window without requests has no text.
fn histograms(step: &mut Step) -> impl Iterator<Item = &mut String> {
    let of_hosts = step.hosts.iter_mut().flat_map(of_host);
    of_window(&mut step.window)
        .chain(of_hosts)
        .filter(|text| !text.is_empty())
}

fn of_host(host: &mut HostShare) -> impl Iterator<Item = &mut String> {
    let all = [
        host.response_time_histogram.as_mut(),
        host.prompt_response_time_histogram.as_mut(),
        host.read_lag_histogram.as_mut(),
        host.sampled_time_histogram.as_mut(),
        host.sampled_prompt_time_histogram.as_mut(),
    ];
    all.into_iter().flatten()
}

fn of_window(window: &mut Window) -> impl Iterator<Item = &mut String> {
    let scheduled = window.scheduled.iter_mut().flat_map(|times| {
        [
            Some(&mut times.response_time_histogram),
            times.prompt_response_time_histogram.as_mut(),
            Some(&mut times.lag_histogram),
            times.connect_time_histogram.as_mut(),
        ]
    });
    let of_window = [
        Some(&mut window.service_time_histogram),
        window.read_lag_histogram.as_mut(),
        window.server_time_histogram.as_mut(),
        window.sampled_time_histogram.as_mut(),
        window.sampled_prompt_time_histogram.as_mut(),
    ];
    of_window.into_iter().chain(scheduled).flatten()
}

fn coarse(text: &str) -> Result<String, HistogramError> {
    let fine = decode(text)?;
    let bounds = |error: hdrhistogram::CreationError| HistogramError::Bounds(error.to_string());
    let mut coarse = Histogram::new_with_bounds(fine.low(), fine.high(), DIGITS).map_err(bounds)?;
    for value in fine.iter_recorded() {
        coarse
            .record_n(value.value_iterated_to(), value.count_at_value())
            .map_err(|error| HistogramError::Bounds(error.to_string()))?;
    }
    encode(&coarse)
}

#[cfg(test)]
mod tests {
    use super::coarse;
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
            let coarse = decode(&coarse(&encode(&fine).unwrap()).unwrap()).unwrap();
            prop_assert_eq!(coarse.len(), fine.len());
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let [before, after] = [&fine, &coarse].map(|its| its.value_at_quantile(quantile) as f64);
            prop_assert!((after / before - 1.0).abs() < 0.01, "{before} {after}");
        }
    }
}
