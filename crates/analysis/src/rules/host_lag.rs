//! The lag of each machine that generates, where there are several.
//!
//! It is judged as that of all is (see [`super::lag`]): by what a percentile of all would be with its
//! lag alone, less what it would be without any. (Not by what it would be without this lag alone: two
//! that are late would hide each other.) So one that is late is named, and one with few of the requests
//! touches no more than these can move.

use super::lag::{SEND_ADVICE, check, lower_by_at_most, times_read, touches};
use crate::prompt::{Sample, lower_by, replaced};
use hdrhistogram::Histogram;
use report::{
    check::Check,
    hosts::HostShare,
    trial::{ScheduledWindow, Step},
};
use stats::{at_quantile, decode};

/// Sent minus due, a check for each. None in older reports, which don't tell machines apart, and where
/// nothing is known.
pub(super) fn send_lags(step: &Step, window: &ScheduledWindow) -> Vec<Check> {
    let of_all = || {
        let prompt = decode(window.prompt_response_time_histogram.as_deref()?).ok()?;
        let lags = step
            .hosts
            .iter()
            .map(|host| send_lag(host, window, &prompt));
        Some(lags.flatten().collect())
    };
    when_several(step, of_all)
}

fn send_lag(host: &HostShare, window: &ScheduledWindow, prompt: &Histogram<u64>) -> Option<Check> {
    let times = decode(host.response_time_histogram.as_deref()?).ok()?;
    let own_prompt = decode(host.prompt_response_time_histogram.as_deref()?).ok()?;
    let with_its_lag = replaced(prompt, &own_prompt, &times)?;
    let touches = touches(|quantile| lower_by(&with_its_lag, prompt, quantile));
    let own_p99_us = host.lag_us.as_ref()?.p99;
    let values = (own_p99_us, window.response_time_us.p99);
    Some(named(
        host,
        check("lag", "sent", touches, values, SEND_ADVICE),
    ))
}

/// Read minus arrived, likewise.
pub(super) fn read_lags(step: &Step) -> Vec<Check> {
    let of_all = || {
        let sample = Sample::of(&step.window).ok()??;
        let of_step = times_read(step)?;
        let lags = step
            .hosts
            .iter()
            .map(|host| read_lag(host, &sample, &of_step));
        Some(lags.flatten().collect())
    };
    when_several(step, of_all)
}

fn read_lag(
    host: &HostShare,
    sample: &Sample,
    (times, p99_us, advice): &(Histogram<u64>, f64, &str),
) -> Option<Check> {
    let own_read = decode(host.sampled_time_histogram.as_deref()?).ok()?;
    let own_prompt = decode(host.sampled_prompt_time_histogram.as_deref()?).ok()?;
    let lags = decode(host.read_lag_histogram.as_deref()?).ok()?;
    let with_its_lag = sample.with_lag_of(&own_read, &own_prompt)?;
    let share = own_read.len() as f64 / (sample.len() as f64).max(1.0);
    let touches = touches(|quantile| {
        let told = with_its_lag.lower_by(quantile);
        told.or_else(|| lower_by_at_most(times, &lags, share.min(1.0), quantile))
    });
    let values = (at_quantile(&lags, 0.99) / 1e3, *p99_us);
    Some(named(
        host,
        check("read_lag", "read", touches, values, advice),
    ))
}

/// On one machine nothing is read: its histograms are those of all.
fn when_several(step: &Step, of_all: impl FnOnce() -> Option<Vec<Check>>) -> Vec<Check> {
    match step.hosts.is_empty() {
        true => Vec::new(),
        false => of_all().unwrap_or_default(),
    }
}

/// With the machine that it is about.
fn named(host: &HostShare, mut check: Check) -> Check {
    check.detail = format!("{}: {}", host.host, check.detail);
    check
}

#[cfg(test)]
mod tests {
    use super::super::lag::tests::histogram;
    use super::*;
    use report::check::FigureKind;

    /// One host's generators, of which every request takes 100 us, and was sent or read so late.
    fn host(number: u32, requests: u64, late_us: u64) -> HostShare {
        let encoded = |us| Some(stats::encode(&histogram((0..requests).map(|_| us))).unwrap());
        let own = histogram((0..requests).map(|_| late_us));
        HostShare {
            host: format!("host {number}"),
            lag_us: Some(stats::percentiles(&own)),
            response_time_histogram: encoded(100 + late_us),
            prompt_response_time_histogram: encoded(100),
            read_lag_us: Some(stats::percentiles(&own)),
            read_lag_histogram: encoded(late_us),
            sampled_time_histogram: encoded(100 + late_us),
            sampled_prompt_time_histogram: encoded(100),
            ..HostShare::default()
        }
    }

    /// What is said of each host, of sending and of reading, where they are so late and have so many requests.
    fn said_of(hosts: &[(u64, u64)]) -> [Vec<(String, Vec<FigureKind>)>; 2] {
        let numbered = hosts.iter().zip(1..);
        let shares = numbered.map(|(&(requests, late_us), number)| host(number, requests, late_us));
        let mut step = super::super::tests::step();
        step.hosts = shares.collect();
        let all = |late: u64| {
            let each = hosts
                .iter()
                .flat_map(|&(requests, late_us)| (0..requests).map(move |_| 100 + late * late_us));
            stats::encode(&histogram(each)).unwrap()
        };
        let scheduled = ScheduledWindow {
            response_time_histogram: all(1),
            prompt_response_time_histogram: Some(all(0)),
            ..ScheduledWindow::default()
        };
        step.window.sampled_time_histogram = Some(all(1));
        step.window.sampled_prompt_time_histogram = Some(all(0));
        step.window.scheduled = Some(scheduled.clone());
        let told = |check: Check| {
            let (host, _) = check.detail.split_once(": the generator").unwrap();
            let figures = check.touches.iter().map(|touch| touch.figure).collect();
            (host.to_owned(), figures)
        };
        let said = [send_lags(&step, &scheduled), read_lags(&step)]
            .map(|checks| Vec::from_iter(checks.into_iter().map(told)));
        assert!(said.iter().all(|of| of.len() == hosts.len()), "{said:?}");
        said
    }

    #[test]
    fn a_late_host_of_four_is_named_though_half_of_all_were_on_time() {
        let (p90, p99, p99_9) = (FigureKind::P90, FigureKind::P99, FigureKind::P99_9);
        for said in said_of(&[(10_000, 1), (10_000, 0), (10_000, 5_000), (10_000, 1)]) {
            let late: Vec<_> = said
                .iter()
                .filter(|(_, touched)| !touched.is_empty())
                .collect();
            assert_eq!(
                late,
                [&("host 3".to_owned(), vec![p90, p99, p99_9])],
                "{said:?}"
            );
        }
    }

    #[test]
    fn two_late_hosts_do_not_hide_each_other() {
        for said in said_of(&[(10_000, 5_000), (10_000, 0), (10_000, 5_000), (10_000, 0)]) {
            let late = said
                .iter()
                .filter(|(_, touched)| touched.contains(&FigureKind::P99));
            let names: Vec<&str> = late.map(|(host, _)| host.as_str()).collect();
            assert_eq!(names, ["host 1", "host 3"]);
        }
    }

    /// However late it is: what it has of the requests is all that it can move.
    #[test]
    fn a_host_with_few_of_the_requests_touches_the_tail_alone() {
        let said = said_of(&[(200, 90_000), (99_800, 0)]);
        assert_eq!(said[0][0].1, [FigureKind::P99_9]);
        assert_eq!(said[1][0].1, [FigureKind::P99_9]);
        // A sample that is too small for it knows the host's lag, and its share.
        let [_, of_reading] = said_of(&[(2, 90_000), (998, 0)]);
        assert_eq!(of_reading[0].1, [FigureKind::P99_9]);
        assert_eq!(of_reading[1].1, []);
    }
}
