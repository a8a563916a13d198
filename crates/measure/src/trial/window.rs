//! From what generators tell to what reports hold.

use crate::generator::{Connected, GeneratorError, IntervalSum};
use analysis::stats::{HistogramError, decode, effective_sample_size, percentiles};
use protocol::generator::{Interval, ScheduledTimes, WindowResult};
use report::{
    model::Percentiles,
    trial::{ScheduledWindow, Series, Window},
};

/// What a window brought, as reports hold it.
///
/// # Errors
/// A histogram can't be read.
pub(super) fn window_of(
    result: WindowResult,
    connected: Connected,
    interval_us: u64,
) -> Result<Window, GeneratorError> {
    let histogram = decode(&result.service_time.0)?;
    let mut errors = result.errors;
    for (kind, times) in connected.errors {
        *errors.entry(kind).or_default() += times;
    }
    let counts = (result.offered, result.requests_waited, result.replies_late);
    Ok(Window {
        length_us: result.window_us,
        requests: result.requests,
        connections_lost: result.connections_lost.into(),
        replies_missing: result.replies_missing,
        replies_wrong: result.replies_wrong,
        sends_skipped: result.sends_skipped,
        served_least: result.served_least,
        served_most: result.served_most,
        never_served: result.never_served.into(),
        service_time_us: percentiles(&histogram),
        service_time_count: histogram.len(),
        service_time_histogram: result.service_time.0,
        scheduled: result
            .scheduled
            .map(|times| scheduled_of(counts, times))
            .transpose()?,
        polls: Some(result.polls),
        polls_empty: Some(result.polls_empty),
        series: Some(series_of(&result.intervals, interval_us)?),
        errors,
    })
}

fn scheduled_of(
    (offered, requests_waited, replies_late): (u64, u64, u64),
    times: ScheduledTimes,
) -> Result<ScheduledWindow, HistogramError> {
    Ok(ScheduledWindow {
        offered,
        requests_waited,
        replies_late,
        response_time_us: percentiles_of(&times.response_time.0)?,
        response_time_histogram: times.response_time.0,
        lag_us: percentiles_of(&times.lag.0)?,
        lag_histogram: times.lag.0,
        connect_time_us: times
            .connect_time
            .as_ref()
            .map(|histogram| percentiles_of(&histogram.0))
            .transpose()?,
        connect_time_histogram: times.connect_time.map(|histogram| histogram.0),
        longest_stall_us: times.longest_stall_us,
    })
}

fn series_of(intervals: &[Interval], interval_us: u64) -> Result<Series, GeneratorError> {
    let sums = intervals
        .iter()
        .map(|interval| IntervalSum::of(std::slice::from_ref(interval)));
    let sums: Vec<IntervalSum> = sums.collect::<Result<_, _>>()?;
    let requests: Vec<f64> = sums.iter().map(|sum| sum.requests as f64).collect();
    Ok(Series {
        interval_us,
        requests: sums.iter().map(|sum| sum.requests).collect(),
        p99_us: sums.iter().map(|sum| sum.p99_us).collect(),
        effective_samples: effective_sample_size(&requests),
    })
}

pub(super) fn percentiles_of(histogram: &str) -> Result<Percentiles, HistogramError> {
    Ok(percentiles(&decode(histogram)?))
}
