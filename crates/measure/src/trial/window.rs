//! From what generators tell to what reports hold.

use crate::generator::{Connected, Interval, IntervalSum, Tally};
use analysis::stats::{HistogramError, effective_sample_size, encode, percentiles};
use report::trial::{ScheduledWindow, Series, Window};

/// What a window brought, as reports hold it.
///
/// # Errors
/// A histogram can't be encoded.
pub(super) fn window_of(
    tally: Tally,
    connected: Connected,
    interval_us: u64,
) -> Result<Window, HistogramError> {
    let counts = tally.counts;
    let mut errors = tally.errors;
    errors += connected.errors;
    let scheduled = tally.scheduled.map(|times| -> Result<_, HistogramError> {
        let connect_time = times.connect_time.as_ref();
        Ok(ScheduledWindow {
            offered: counts.offered,
            requests_waited: counts.requests_waited,
            replies_late: counts.replies_late,
            response_time_us: percentiles(&times.response_time),
            response_time_histogram: encode(&times.response_time)?,
            lag_us: percentiles(&times.lag),
            lag_histogram: encode(&times.lag)?,
            connect_time_us: connect_time.map(percentiles),
            connect_time_histogram: connect_time.map(encode).transpose()?,
            longest_stall_us: counts.longest_stall_ns / 1000,
            ..ScheduledWindow::default()
        })
    });
    Ok(Window {
        length_us: counts.window_us,
        requests: counts.requests,
        connections_lost: counts.connections_lost,
        replies_missing: counts.replies_missing,
        replies_wrong: counts.replies_wrong,
        sends_skipped: counts.sends_skipped,
        served_least: counts.served_least.unwrap_or(0),
        served_most: counts.served_most,
        never_served: counts.never_served,
        service_time_us: percentiles(&tally.service_time),
        service_time_count: tally.service_time.len(),
        service_time_histogram: encode(&tally.service_time)?,
        scheduled: scheduled.transpose()?,
        polls: Some(counts.polls),
        polls_empty: Some(counts.polls_empty),
        series: Some(series_of(&tally.intervals, interval_us)),
        errors: errors.0,
        ..Window::default()
    })
}

fn series_of(intervals: &[Interval], interval_us: u64) -> Series {
    let sums: Vec<IntervalSum> = intervals.iter().map(IntervalSum::of).collect();
    let requests: Vec<f64> = sums.iter().map(|sum| sum.requests as f64).collect();
    Series {
        interval_us,
        requests: sums.iter().map(|sum| sum.requests).collect(),
        p99_us: sums.iter().map(|sum| sum.p99_us).collect(),
        effective_samples: effective_sample_size(&requests),
    }
}
