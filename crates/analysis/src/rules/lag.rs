//! The generator's own lateness: sent after its moment, or read after it had arrived.
//!
//! Each percentile is judged by itself: the generator kept, request by request, what the time would
//! be had it been on time, all requests for sending, a sample of them for reading.
//!
//! Older reports have only the distribution of the lag, and a sample knows little of the last
//! percentiles. Then there is a bound. Of the requests a share x had a lag of more than δ. Without any
//! lag these could lie anywhere below, and all others at most δ lower; so a quantile q can't have been
//! lower than the one at q - x, less δ. Nor can it have been lower than that of the service times,
//! which begin when a request was sent.

use crate::prompt::{Sample, lower_by};
use hdrhistogram::Histogram;
use hosts::touch::{JUDGED_FROM_S, TIMES, exposed, exposed_times};
use report::{
    check::{Check, Direction, Effect, FigureKind, Touch},
    hosts::HostShare,
    numbers::Percentiles,
    trial::{ScheduledWindow, Step},
};
use stats::{at_quantile, decode};

/// A percentile that may be off by so little stands as it is.
const NOTHING: f64 = 0.02;

/// One that may be off by so much stands as a bound.
const BOUND_MAX: f64 = 0.10;

pub(super) const SEND_ADVICE: &str =
    "a lower --rate, or more CPUs for the generator (--client-cpus)";

/// Shares of requests with a greater lag, for which the bound is tried.
const BEYOND: [f64; 7] = [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.5];

/// Sent minus due, in the response times of a load with a schedule.
pub(super) fn send_lag(step: &Step, window: &ScheduledWindow) -> Option<Check> {
    let times = decode(&window.response_time_histogram).ok()?;
    let lags = decode(&window.lag_histogram).ok()?;
    let touches = match &window.prompt_response_time_histogram {
        Some(prompt) => {
            let prompt = decode(prompt).ok()?;
            touches(|quantile| lower_by(&times, &prompt, quantile))
        }
        None => {
            let service_times = decode(&step.window.service_time_histogram).ok();
            // Those whose connection was busy have no lag: their waiting is the server's.
            let share_with_lag = lags.len() as f64 / (times.len() as f64).max(1.0);
            touches(|quantile| {
                let bound = lower_by_at_most(&times, &lags, share_with_lag.min(1.0), quantile)?;
                let service = service_times.as_ref();
                let lower = service.and_then(|service| lower_by(&times, service, quantile));
                Some(lower.map_or(bound, |lower| bound.min(lower)))
            })
        }
    };
    let values = (window.lag_us.p99, window.response_time_us.p99);
    let mut check = check("lag", "sent", touches, values, SEND_ADVICE);
    check.detail += &latest(step, |host| host.lag_us);
    Some(check)
}

/// Read minus arrived, in whatever times the step has. What sending took is in the same percentile, and a
/// reader of one figure asks for both.
pub(super) fn read_lag(step: &Step) -> Option<Check> {
    let window = &step.window;
    let lags = decode(window.read_lag_histogram.as_deref()?).ok()?;
    let (times, p99_us, advice) = times_read(step)?;
    let sample = Sample::of(window).ok()?;
    let scheduled = window.scheduled.as_ref();
    let sent_on_time = scheduled.and_then(|of| of.prompt_response_time_histogram.as_ref());
    let sent_on_time = sent_on_time.and_then(|text| decode(text).ok());
    let touches = touches(|quantile| {
        let told = sample.as_ref().and_then(|of| of.lower_by(quantile));
        let read = told.or_else(|| lower_by_at_most(&times, &lags, 1.0, quantile))?;
        let sent = sent_on_time
            .as_ref()
            .and_then(|of| lower_by(&times, of, quantile));
        let sent = sent.unwrap_or(0.0);
        // What sending took alone is said by its own check.
        let says_both = read > NOTHING || sent <= NOTHING;
        Some(if says_both {
            1.0 - (1.0 - read) * (1.0 - sent)
        } else {
            read
        })
    });
    let lag_p99_us = at_quantile(&lags, 0.99) / 1e3;
    let mut check = check("read_lag", "read", touches, (lag_p99_us, p99_us), advice);
    check.detail += &latest(step, |host| host.read_lag_us);
    Some(check)
}

/// `; host 2 most, by 5000 us`, where there are several.
fn latest(step: &Step, lag_us: impl Fn(&HostShare) -> Option<Percentiles>) -> String {
    let late = step
        .hosts
        .iter()
        .filter_map(|host| Some((host, lag_us(host)?.p99)));
    let latest = late.max_by(|(_, a), (_, b)| a.total_cmp(b));
    latest.map_or_else(String::new, |(host, us)| {
        format!("; {} most, by {us:.0} us", host.host)
    })
}

/// The times that a step is about, their p99, and what helps where replies lie unread.
pub(super) fn times_read(step: &Step) -> Option<(Histogram<u64>, f64, &'static str)> {
    let window = &step.window;
    let (times, p99_us, advice) = match &window.scheduled {
        Some(scheduled) => (
            &scheduled.response_time_histogram,
            scheduled.response_time_us.p99,
            "more CPUs for the generator, or prompt_response_time_us, which is without it",
        ),
        None => (
            &window.service_time_histogram,
            window.service_time_us.p99,
            "more CPUs for the generator, or server_time_us, which is without it",
        ),
    };
    Some((decode(times).ok()?, p99_us, advice))
}

pub(super) fn check(
    id: &str,
    what: &str,
    touches: Vec<Touch>,
    (lag_us, time_us): (f64, f64),
    advice: &str,
) -> Check {
    let detail = format!(
        "the generator {what} late by {lag_us:.0} us at p99, where the time itself is {time_us:.0} us"
    );
    Check::new(id, touches, detail, advice).values(lag_us / time_us.max(1e-3), BOUND_MAX)
}

/// A generator that stood still has sent nothing meanwhile. `None` where it can't tell.
pub(super) fn stall(step: &Step, window: &ScheduledWindow) -> Option<Check> {
    let stall_us = window.longest_stall_us?;
    let share = stall_us as f64 / step.window.length_us.max(1) as f64;
    let is_judged = stall_us as f64 / 1e6 >= JUDGED_FROM_S;
    let check = Check::new(
        "generator_stall",
        exposed_times(if is_judged { share } else { 0.0 }),
        format!(
            "{}the generator stood still for {stall_us} us at most",
            worst(step, |host| host.longest_stall_us.unwrap_or(0))
        ),
        "something else ran on its CPU: end it, or give the generator a CPU of its own",
    );
    Some(check.values(share, 0.0))
}

/// A thread of the generator that hears of a window after it has opened has counted nothing before.
/// `None` in older reports.
pub(super) fn heard_late(step: &Step) -> Option<Check> {
    let late_us = step.window.heard_late_us?;
    let share = late_us as f64 / step.window.length_us.max(1) as f64;
    let check = Check::new(
        "heard_late",
        exposed(share.min(1.0)),
        format!(
            "{}a thread of the generator heard of the window {late_us} us after it had opened",
            worst(step, |host| host.heard_late_us)
        ),
        "something else ran on its CPU: end it, or give the generator a CPU of its own",
    );
    Some(check.values(share, 0.0))
}

/// `host 2: `, where it was worst; nothing on one machine, or where there was nothing.
fn worst(step: &Step, of: impl Fn(&HostShare) -> u64) -> String {
    let worst = step.hosts.iter().max_by_key(|host| of(host));
    let worst = worst.filter(|host| of(host) > 0);
    worst.map_or_else(String::new, |host| format!("{}: ", host.host))
}

/// `lower_by`: by how much a quantile would be lower without the lag, as a share of it.
pub(super) fn touches(lower_by: impl Fn(f64) -> Option<f64>) -> Vec<Touch> {
    let touch = |figure: FigureKind| {
        let share = lower_by(figure.quantile()?)?;
        Some(Touch {
            figure,
            effect: effect(share)?,
        })
    };
    TIMES.into_iter().filter_map(touch).collect()
}

fn effect(share: f64) -> Option<Effect> {
    let direction = Direction::High;
    if share <= NOTHING {
        return None;
    }
    Some(match share <= BOUND_MAX {
        true => Effect::Bounds {
            direction,
            slack_share: Some(share),
        },
        false => Effect::Biases {
            direction,
            up_to_share: Some(share),
        },
    })
}

/// By how much it could be lower at most, where nothing but both distributions is known.
pub(super) fn lower_by_at_most(
    times: &Histogram<u64>,
    lags: &Histogram<u64>,
    share_with_lag: f64,
    quantile: f64,
) -> Option<f64> {
    let published = at_quantile(times, quantile);
    if published == 0.0 {
        return None;
    }
    let bounds = BEYOND.iter().map(|&beyond| {
        let lag = at_quantile(lags, 1.0 - beyond);
        let lower = at_quantile(times, (quantile - beyond * share_with_lag).max(0.0));
        (published - (lower - lag).max(0.0)) / published
    });
    bounds.min_by(f64::total_cmp)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use report::check::Status;

    pub(in crate::rules) fn histogram(values_us: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).unwrap();
        for value in values_us {
            histogram.record(value * 1000).unwrap();
        }
        histogram
    }

    #[test]
    fn each_percentile_has_its_own_bound() {
        // 100 us each but for a tail; one request in 200 was sent 5 ms late.
        let times = histogram((0..20_000).map(|i| if i % 100 == 0 { 9_000 } else { 100 }));
        let lags = histogram((0..20_000).map(|i| if i % 200 == 0 { 5_000 } else { 1 }));
        let off = |quantile| lower_by_at_most(&times, &lags, 1.0, quantile).unwrap();
        assert!(off(0.5) < 0.02, "{}", off(0.5));
        assert!(off(0.9) < 0.02, "{}", off(0.9));
        assert!(off(0.995) > 0.5, "{}", off(0.995));
        let touched = touches(|quantile| lower_by_at_most(&times, &lags, 1.0, quantile));
        let figures: Vec<FigureKind> = touched.iter().map(|touch| touch.figure).collect();
        assert_eq!(figures, [FigureKind::P99_9]);
        assert_eq!(touched[0].effect.status(), Status::Suspect);
    }

    #[test]
    fn a_lag_of_a_few_percent_makes_a_bound() {
        let times = histogram((0..20_000).map(|i| 1_000 + i % 3));
        let lags = histogram((0..20_000).map(|_| 50));
        let [touch, ..] = touches(|quantile| lower_by_at_most(&times, &lags, 1.0, quantile))[..]
        else {
            panic!("no bound");
        };
        let Effect::Bounds { slack_share, .. } = touch.effect else {
            panic!("{touch:?}");
        };
        assert!((slack_share.unwrap() - 0.05).abs() < 0.005, "{touch:?}");
    }

    /// Replies lay unread for 200 us, but all while others kept the server busy as long.
    #[test]
    fn a_sample_tells_how_much_it_was_where_it_is_large_enough() {
        let encoded = |values: &Histogram<u64>| stats::encode(values).unwrap();
        let times = histogram((0..2_000).map(|i| 1_000 + i % 5));
        let prompt = histogram((0..2_000).map(|i| if i % 20 == 0 { 995 } else { 800 }));
        let mut step = super::super::tests::step();
        step.window.service_time_histogram = encoded(&times);
        step.window.read_lag_histogram = Some(encoded(&histogram((0..2_000).map(|_| 500))));
        let statuses = |step: &Step| {
            let check = read_lag(step).unwrap();
            let of = |touch: &Touch| (touch.figure, touch.effect.status());
            check.touches.iter().map(of).collect::<Vec<_>>()
        };
        let (p50, p90, p99, p99_9) = (
            FigureKind::P50,
            FigureKind::P90,
            FigureKind::P99,
            FigureKind::P99_9,
        );
        let all = [p50, p90, p99, p99_9].map(|figure| (figure, Status::Suspect));
        assert_eq!(statuses(&step), all, "nothing but the lag is known");
        step.window.sampled_time_histogram = Some(encoded(&times));
        step.window.sampled_prompt_time_histogram = Some(encoded(&prompt));
        // Of p99 it says that there is nothing; of p99.9 two values are not enough.
        let told = [p50, p90, p99_9].map(|figure| (figure, Status::Suspect));
        assert_eq!(statuses(&step), told);
        let nothing = encoded(&histogram((0..2_000).map(|i| 995 + i % 5)));
        step.window.sampled_prompt_time_histogram = Some(nothing);
        assert_eq!(statuses(&step), [(p99_9, Status::Suspect)]);
    }

    #[test]
    fn where_a_generator_stood_still_is_said() {
        let mut step = super::super::tests::step();
        let scheduled = ScheduledWindow {
            longest_stall_us: Some(90_000),
            ..ScheduledWindow::default()
        };
        let said = |step: &Step| stall(step, &scheduled).unwrap().detail;
        assert!(said(&step).starts_with("the generator stood still for 90000 us"));
        let cannot_tell = ScheduledWindow::default();
        assert!(stall(&step, &cannot_tell).is_none());
        step.hosts = [(1, 40), (2, 90_000)]
            .map(|(number, us)| HostShare {
                host: format!("host {number}"),
                longest_stall_us: Some(us),
                lag_us: Some(Percentiles {
                    p99: us as f64,
                    ..Percentiles::default()
                }),
                ..HostShare::default()
            })
            .into();
        assert!(
            said(&step).starts_with("host 2: the generator"),
            "{}",
            said(&step)
        );
        let most = latest(&step, |host| host.lag_us);
        assert_eq!(most, "; host 2 most, by 90000 us");
    }
}
