//! What the generators of each machine did, as reports hold it.

use generators::{driven::Tally, of_host::HostTally};
use report::{explain_missing, hosts::HostShare, trial::Window};
use stats::{HistogramError, encode, percentiles};

/// Of the window that was measured.
pub(super) fn shares_of(by_host: &[HostTally]) -> Result<Vec<HostShare>, HistogramError> {
    by_host.iter().map(share_of).collect()
}

fn share_of(of: &HostTally) -> Result<HostShare, HistogramError> {
    let counts = of.tally.counts;
    let mut share = HostShare {
        host: of.host.clone(),
        processes: of.processes,
        connections: counts.connections.into(),
        requests: counts.requests,
        offered: counts.offered,
        replies_missing: counts.replies_missing,
        heard_late_us: counts.heard_late_ns / 1000,
        ..HostShare::default()
    };
    match &of.tally.scheduled {
        Some(times) => {
            match counts.longest_stall_ns {
                Some(stall_ns) => share.longest_stall_us = Some(stall_ns / 1000),
                None => {
                    let reason =
                        "the generator sleeps when it has nothing to do, so that it can't tell";
                    explain_missing!(share, reason, [longest_stall_us]);
                }
            }
            share.response_time_histogram = Some(encode(&times.response_time)?);
            share.prompt_response_time_histogram = Some(encode(&times.prompt_response_time)?);
            match times.lag.is_empty() {
                false => share.lag_us = Some(percentiles(&times.lag)),
                true => {
                    let reason = "no request was due whose connection was free";
                    explain_missing!(share, reason, [lag_us]);
                }
            }
        }
        None => {
            let reason = "no schedule says when a request is due";
            explain_missing!(
                share,
                reason,
                [
                    longest_stall_us,
                    lag_us,
                    response_time_histogram,
                    prompt_response_time_histogram
                ]
            );
        }
    }
    Ok(share)
}

/// Puts beside it what each machine's generators told of reading, or why they didn't: `by_host` is of the
/// window in which that was sampled, if there was one, and `window` what all of them told.
pub(super) fn add_reading(
    shares: &mut [HostShare],
    by_host: &[HostTally],
    window: &Window,
) -> Result<(), HistogramError> {
    for share in shares {
        let of_host = by_host.iter().find(|of| of.host == share.host);
        add_reading_of(share, of_host.map(|of| &of.tally), window)?;
    }
    Ok(())
}

fn add_reading_of(
    share: &mut HostShare,
    sampled: Option<&Tally>,
    window: &Window,
) -> Result<(), HistogramError> {
    let read_times = sampled.and_then(|tally| tally.read_times.as_ref());
    let reason = match (window.not_measured.get("read_lag_us"), read_times) {
        // A clock that was set on one machine makes the sum unusable, and here it is known which.
        (_, Some(times)) if times.clock_was_set => "the machine's clock was set during the window",
        (Some(reason), None) => reason,
        (_, Some(times)) if !times.read_lag.is_empty() => {
            share.read_lag_us = Some(percentiles(&times.read_lag));
            share.read_lag_histogram = Some(encode(&times.read_lag)?);
            share.sampled_time_histogram = Some(encode(&times.time)?);
            share.sampled_prompt_time_histogram = Some(encode(&times.prompt_time)?);
            return Ok(());
        }
        _ => "the kernel told of no reply to a sampled connection when it had arrived",
    };
    explain_missing!(
        share,
        reason,
        [
            read_lag_us,
            read_lag_histogram,
            sampled_time_histogram,
            sampled_prompt_time_histogram
        ]
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::tally::{Counts, Errors, ReadTimes, ScheduledTimes};

    type Latencies = hdrhistogram::Histogram<u64>;

    fn latencies(values_ns: &[u64]) -> Latencies {
        let mut all = Latencies::new_with_bounds(1, 1_000_000_000, 3).unwrap();
        for &value in values_ns {
            all.record(value).unwrap();
        }
        all
    }

    fn of_host(scheduled: bool, read_lags_ns: Option<&[u64]>) -> HostTally {
        let times = || latencies(&[100_000]);
        HostTally {
            host: "host 1".to_owned(),
            processes: 2,
            tally: Tally {
                counts: Counts {
                    longest_stall_ns: scheduled.then_some(7_000),
                    ..Counts::default()
                },
                service_time: times(),
                read_times: read_lags_ns.map(|lags| ReadTimes {
                    read_lag: latencies(lags),
                    server_time: latencies(lags),
                    time: latencies(lags),
                    prompt_time: latencies(lags),
                    clock_was_set: false,
                }),
                scheduled: scheduled.then(|| ScheduledTimes {
                    response_time: times(),
                    prompt_response_time: times(),
                    lag: times(),
                    connect_time: None,
                }),
                intervals: Vec::new(),
                errors: Errors::default(),
            },
        }
    }

    fn share(of: &HostTally, window: &Window) -> HostShare {
        let mut shares = shares_of(std::slice::from_ref(of)).unwrap();
        add_reading(&mut shares, std::slice::from_ref(of), window).unwrap();
        shares.remove(0)
    }

    #[test]
    fn what_is_null_of_a_host_has_its_reason_and_is_never_zero() {
        let known = share(&of_host(true, Some(&[40_000])), &Window::default());
        assert_eq!(known.not_measured.len(), 0, "{:?}", known.not_measured);
        assert_eq!(known.longest_stall_us, Some(7));
        assert!((known.lag_us.unwrap().p50 - 100.0).abs() < 0.1);
        assert!((known.read_lag_us.unwrap().p99 - 40.0).abs() < 0.1);

        let mut sleeping = of_host(true, Some(&[40_000]));
        sleeping.tally.counts.longest_stall_ns = None;
        let sleeping = share(&sleeping, &Window::default());
        assert_eq!(sleeping.longest_stall_us, None);
        let reason = &sleeping.not_measured["longest_stall_us"];
        assert!(reason.contains("sleeps"), "{reason}");

        let mut window = Window::default();
        explain_missing!(window, "not sampled", [read_lag_us]);
        let unknown = share(&of_host(false, None), &window);
        assert_eq!((unknown.lag_us, unknown.read_lag_us), (None, None));
        assert!(unknown.not_measured["lag_us"].contains("no schedule"));
        assert_eq!(unknown.not_measured["read_lag_us"], "not sampled");

        let untold = share(&of_host(false, Some(&[])), &Window::default());
        assert_eq!(untold.read_lag_us, None);
        assert!(untold.not_measured["read_lag_us"].contains("the kernel told"));
    }
}
