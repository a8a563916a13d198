//! From what generators tell to what reports hold.

use generators::driven::{Connected, Interval, Tally};
use protocol::tally::{Counts, ReadTimes, ScheduledTimes};
use report::{
    explain_missing,
    trial::{ScheduledWindow, Series, Window},
};
use stats::{HistogramError, encode, percentiles};

/// A histogram of nanoseconds.
type Latencies = hdrhistogram::Histogram<u64>;

/// What a window brought, as reports hold it.
///
/// # Errors
/// A histogram can't be encoded.
pub(super) fn window_of(
    tally: &Tally,
    connected: &Connected,
    interval_us: u64,
) -> Result<Window, HistogramError> {
    let counts = tally.counts;
    let mut errors = tally.errors.clone();
    errors += connected.errors.clone();
    let scheduled = tally.scheduled.as_ref();
    let mut window = Window {
        length_us: counts.window_us,
        requests: counts.requests,
        connections_lost: counts.connections_lost,
        replies_missing: counts.replies_missing,
        replies_wrong: counts.replies_wrong,
        sends_skipped: counts.sends_skipped,
        sends_blocked: Some(counts.sends_blocked),
        served_least: counts.served_least.unwrap_or(0),
        served_most: counts.served_most,
        never_served: counts.never_served,
        never_asked: Some(counts.never_asked),
        service_time_us: percentiles(&tally.service_time),
        service_time_count: tally.service_time.len(),
        service_time_histogram: encode(&tally.service_time)?,
        heard_late_us: Some(counts.heard_late_ns / 1000),
        times_clipped: Some(counts.times_clipped),
        scheduled: scheduled
            .map(|times| scheduled_of(times, &counts))
            .transpose()?,
        polls: Some(counts.polls),
        polls_empty: Some(counts.polls_empty),
        series: Some(series_of(
            &tally.intervals,
            interval_us,
            scheduled.is_some(),
        )),
        errors: errors.0,
        ..Window::default()
    };
    add_read_times(&mut window, tally.read_times.as_ref())?;
    if window.scheduled.is_some() {
        window.unread_share = None;
        let reason = "a schedule, and not the replies, says when requests are sent";
        explain_missing!(window, reason, [unread_share]);
    }
    Ok(window)
}

fn scheduled_of(
    times: &ScheduledTimes<Latencies>,
    counts: &Counts,
) -> Result<ScheduledWindow, HistogramError> {
    let connect_time = times.connect_time.as_ref();
    Ok(ScheduledWindow {
        offered: counts.offered,
        requests_waited: counts.requests_waited,
        replies_late: counts.replies_late,
        requests_unqueued: Some(counts.requests_unqueued),
        outstanding_at_open: Some(counts.outstanding_at_open),
        outstanding_at_close: Some(counts.outstanding_at_close),
        response_time_us: percentiles(&times.response_time),
        response_time_histogram: encode(&times.response_time)?,
        prompt_response_time_histogram: Some(encode(&times.prompt_response_time)?),
        lag_us: percentiles(&times.lag),
        lag_histogram: encode(&times.lag)?,
        connect_time_us: connect_time.map(percentiles),
        connect_time_histogram: connect_time.map(encode).transpose()?,
        longest_stall_us: counts.longest_stall_ns.map(|ns| ns / 1000),
    })
}

/// Puts the two parts of the service time into the window, or why they aren't known.
fn add_read_times(
    window: &mut Window,
    times: Option<&ReadTimes<Latencies>>,
) -> Result<(), HistogramError> {
    let missing = match times {
        None if window.service_time_count == 0 => "no request was answered",
        None if window.replies_missing > 0 => {
            "not sampled: replies that never come would be waited for once more"
        }
        None => {
            "not sampled: in an idle load replies are few, with service times of over three quarters of \
                 a second a sample would take too long, and some calibrations need none"
        }
        Some(times) if times.clock_was_set => "the machine's clock was set during the window",
        Some(times) if times.read_lag.is_empty() => {
            "the kernel told of no reply to a sampled connection when it had arrived; of Unix sockets \
             it never does"
        }
        Some(times) => {
            let (read_lag, server_time) = (&times.read_lag, &times.server_time);
            window.read_lag_us = Some(percentiles(read_lag));
            window.read_lag_histogram = Some(encode(read_lag)?);
            window.server_time_us = Some(percentiles(server_time));
            window.server_time_histogram = Some(encode(server_time)?);
            window.sampled_time_histogram = Some(encode(&times.time)?);
            window.sampled_prompt_time_histogram = Some(encode(&times.prompt_time)?);
            let (unread, with_server) = (read_lag.mean(), server_time.mean());
            window.unread_share = Some(unread / (unread + with_server));
            return Ok(());
        }
    };
    explain_missing!(
        window,
        missing,
        [
            read_lag_us,
            read_lag_histogram,
            server_time_us,
            server_time_histogram,
            sampled_time_histogram,
            sampled_prompt_time_histogram,
            unread_share
        ]
    );
    Ok(())
}

fn series_of(intervals: &[Interval], interval_us: u64, is_scheduled: bool) -> Series {
    let latencies = intervals
        .iter()
        .map(|interval| percentiles(&interval.latency));
    let outstanding = intervals.iter().map(|interval| interval.outstanding);
    Series {
        interval_us,
        requests: intervals.iter().map(|interval| interval.requests).collect(),
        p99_us: latencies.clone().map(|of| of.p99).collect(),
        p50_us: latencies.map(|of| of.p50).collect(),
        outstanding: outstanding.filter(|_| is_scheduled).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(values_ns: &[u64]) -> Latencies {
        let mut all = Latencies::new_with_bounds(1, 1_000_000_000, 3).unwrap();
        values_ns
            .iter()
            .for_each(|&value| all.record(value).unwrap());
        all
    }

    fn read_times(clock_was_set: bool) -> ReadTimes<Latencies> {
        ReadTimes {
            read_lag: latencies(&[100_000, 300_000]),
            server_time: latencies(&[300_000, 900_000]),
            time: latencies(&[400_000, 1_200_000]),
            prompt_time: latencies(&[300_000, 900_000]),
            clock_was_set,
        }
    }

    #[test]
    fn a_quarter_of_the_time_unread_is_a_quarter_of_what_is_outstanding() {
        let mut window = Window {
            service_time_count: 2,
            ..Window::default()
        };
        add_read_times(&mut window, Some(&read_times(false))).unwrap();
        let share = window.unread_share.unwrap();
        assert!((share - 0.25).abs() < 1e-3, "{share}");
        assert!((window.read_lag_us.unwrap().mean / 200.0 - 1.0).abs() < 1e-3);
        assert!((window.server_time_us.unwrap().mean / 600.0 - 1.0).abs() < 1e-3);
        assert!(window.not_measured.is_empty());
    }

    #[test]
    fn what_the_kernel_does_not_tell_is_null_with_a_reason() {
        let none = ReadTimes {
            read_lag: latencies(&[]),
            server_time: latencies(&[]),
            time: latencies(&[]),
            prompt_time: latencies(&[]),
            clock_was_set: false,
        };
        let of = |count, times: Option<&ReadTimes<Latencies>>| {
            let mut window = Window {
                service_time_count: count,
                ..Window::default()
            };
            add_read_times(&mut window, times).unwrap();
            assert_eq!((window.read_lag_us, window.unread_share), (None, None));
            window.not_measured["read_lag_us"].clone()
        };
        assert!(of(2, None).contains("not sampled"));
        assert!(of(2, Some(&read_times(true))).contains("clock was set"));
        assert!(of(0, None).contains("no request was answered"));
        assert!(of(2, Some(&none)).contains("kernel told"));
    }
}
