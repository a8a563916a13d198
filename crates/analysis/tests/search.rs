//! The search for the capacity, and what a rate of a schedule has to keep.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use analysis::{
    rules::{achieved_share, is_generator_bound, meets, of_trial},
    summary::conclude,
};
use common::*;
use report::{
    check::Status,
    model::{ModelReport, Times},
    slo::Slo,
    trial::{Arrivals, Load, Step},
};

fn slo() -> Slo {
    "p99<=5ms".parse().unwrap()
}

/// A window at a rate, with its p99 at 2 ms or at 10.
fn at(rate_per_s: f64, is_met: bool) -> Step {
    let mut step = open_step();
    step.rate_per_s = Some(rate_per_s);
    let window = step.window.scheduled.as_mut().unwrap();
    if !is_met {
        window.response_time_us.p99 = 10_000.0;
    }
    step
}

fn search(steps: Vec<Step>) -> ModelReport {
    let load = Load::Capacity {
        arrivals: Arrivals::Poisson,
        deadline_us: 1_000_000,
        slo: slo(),
    };
    let mut report = sound();
    report.trials = (1..=3)
        .map(|block| trial(block, load, steps.clone()))
        .collect();
    conclude(&mut report).unwrap();
    report
}

/// By the majority of a rate's windows; where there is none it met. A rate that failed below one that
/// met was bad luck.
fn steps() -> Vec<Step> {
    [
        (500.0, false),
        (1_000.0, true),
        (1_500.0, true),
        (1_500.0, false),
        (2_000.0, true),
        (2_000.0, false),
        (2_000.0, false),
        (4_000.0, false),
    ]
    .map(|(rate, is_met)| at(rate, is_met))
    .into()
}

#[test]
fn the_capacity_lies_between_the_highest_rate_that_met_and_the_next_that_did_not() {
    let report = search(steps());
    let capacity = report.summary.capacity.as_ref().unwrap();
    assert_eq!(capacity.rate_per_s.unwrap().median, 1_500.0);
    assert_eq!(capacity.failed_rate_per_s, Some(2_000.0));
    assert!(!capacity.generator_bound);
    let rates: Vec<f64> = capacity
        .curve
        .iter()
        .map(|at| at.offered_rate_per_s)
        .collect();
    assert_eq!(rates, [500.0, 1_000.0, 1_500.0, 2_000.0, 4_000.0]);
    assert_eq!(
        report.verdict.figures["capacity.rate_per_s"].status,
        Status::Valid
    );

    let none = search(vec![at(500.0, false)]);
    assert_eq!(none.summary.capacity.unwrap().rate_per_s, None);
    let all = search(vec![at(500.0, true)]).summary.capacity.unwrap();
    assert_eq!(all.failed_rate_per_s, None);
}

#[test]
fn beyond_the_capacity_the_generator_may_have_been_the_limit() {
    for (index, is_bound) in [(1, false), (7, true)] {
        let mut steps = steps();
        steps[index].window.polls_empty = Some(0);
        let capacity = search(steps).summary.capacity.unwrap();
        assert_eq!(capacity.generator_bound, is_bound, "{index}");
    }
}

/// A target that a window has missed because something else ran on the machine isn't known to be too high.
#[test]
fn a_rate_that_was_missed_while_others_took_the_cpus_is_suspect() {
    let status = |disturbed: &[usize]| {
        let mut steps = steps();
        for &index in disturbed {
            steps[index].machine.steal_share = Some(0.5);
        }
        search(steps).verdict.figures["capacity.rate_per_s"].status
    };
    // Those at 2,000/s decide it: one of three met the target, two missed it.
    assert_eq!(status(&[5]), Status::Suspect);
    assert_eq!(status(&[5, 6]), Status::Suspect);
    // At 500/s and at 4,000/s, and where the target was met, it changes nothing.
    assert_eq!(status(&[0, 2, 7]), Status::Valid);
    let mut missed_thrice = steps();
    missed_thrice[4] = at(2_000.0, false);
    missed_thrice[5].machine.steal_share = Some(0.5);
    let report = search(missed_thrice);
    let of = &report.verdict.figures["capacity.rate_per_s"];
    assert_eq!(of.status, Status::Valid, "two others missed it, too");
}

/// It was sent late, or its reply read late.
#[test]
fn a_rate_that_was_missed_by_the_generators_own_lag_is_a_floor() {
    let is_floor = |late: &[usize], without_lag_us: f64| {
        let mut steps = steps();
        for &index in late {
            steps[index].window.prompt_time_us = Some(Times {
                p99: Some(without_lag_us),
                ..Times::default()
            });
        }
        let report = search(steps);
        let of = &report.verdict.figures["capacity.rate_per_s"];
        assert_eq!(of.status, Status::Valid);
        of.bound.is_some()
    };
    // Those at 2,000/s decide it.
    assert!(is_floor(&[5], 900.0));
    assert!(is_floor(&[5, 6], 900.0));
    assert!(
        !is_floor(&[5, 6], 90_000.0),
        "it is too long without it, too"
    );
    assert!(!is_floor(&[0, 2], 900.0));
}

#[test]
fn a_percentile_takes_its_requests() {
    let mut step = at(1_000.0, true);
    assert!(meets(&step, &slo()));
    step.window.requests = 999;
    step.window.scheduled.as_mut().unwrap().offered = 999;
    assert!(!meets(&step, &slo()), "p99 of 999 requests isn't known");
    assert!(meets(&step, &"p90<=5ms".parse().unwrap()));
}

#[test]
fn a_rate_that_is_too_high_for_the_target_is_no_fault() {
    let disturbed = |index: usize| {
        let mut steps = steps();
        steps[index].machine.steal_share = Some(0.5);
        steps[index].window.never_served = 50;
        search(steps)
    };
    assert_eq!(failed_checks(&disturbed(7)), Vec::<String>::new());
    let report = disturbed(1);
    let mut failed = failed_checks(&report);
    failed.sort_unstable();
    failed.dedup();
    assert_eq!(failed, ["every_connection_served", "steal"]);
    let mut checks = report.verdict.checks.iter();
    let check = checks.find(|check| !check.passed).unwrap();
    assert_eq!(check.trial.as_deref(), Some("block 1, capacity, 1000/s"));
}

#[test]
fn checks_say_which_step_where_there_are_several() {
    let named = |trial| of_trial(&trial).last().unwrap().trial.clone().unwrap();
    assert_eq!(
        named(trial(2, CLOSED, vec![step(100, 500)])),
        "block 2, closed"
    );
    let two = vec![step(100, 500), step(200, 500)];
    assert_eq!(
        named(trial(2, CLOSED, two)),
        "block 2, closed, 200 connections"
    );
}

#[test]
fn a_target_is_met_by_what_was_answered_whole_and_in_time() {
    assert!(meets(&at(1.0, true), &slo()));
    assert!(!meets(&at(1.0, false), &slo()));
    assert!(!meets(&step(100, 1), &slo()), "it has no schedule");
    let with = |requests: u64, missing: u64| {
        let mut step = at(1.0, true);
        (step.window.requests, step.window.replies_missing) = (requests, missing);
        meets(&step, &slo())
    };
    assert!(with(9_900, 0));
    assert!(!with(9_899, 0));
    assert!(!with(10_000, 1));
    let mut late = at(1.0, false);
    (late.window.requests, late.window.replies_missing) = (5_000, 1);
    assert!(!meets(&late, &slo()));
    late.window.replies_missing = 0;
    assert!(!meets(&late, &slo()));

    let mut nothing = at(1.0, true);
    assert_eq!(achieved_share(&nothing), Some(1.0));
    nothing.window.requests = 2_500;
    assert_eq!(achieved_share(&nothing), Some(0.25));
    nothing.window.scheduled.as_mut().unwrap().offered = 0;
    assert_eq!(achieved_share(&nothing), None);
}

/// A server that takes 200 ms has 200 requests outstanding at 1,000/s, and more or less by chance.
#[test]
fn a_rate_is_held_when_what_is_outstanding_grows_by_chance_alone() {
    let with = |offered: u64, open: u64, close: u64| {
        let mut step = at(1_000.0, true);
        step.window.requests = offered + open - close;
        let window = step.window.scheduled.as_mut().unwrap();
        window.offered = offered;
        (window.outstanding_at_open, window.outstanding_at_close) = (Some(open), Some(close));
        meets(&step, &slo())
    };
    assert!(with(1_100, 200, 250));
    assert!(!with(1_100, 200, 270));
    assert!(!with(1_100, 0, 14), "nothing waited before");
    assert!(with(100_000, 0, 1_000), "one of a hundred");
    assert!(!with(100_000, 0, 1_001));
}

#[test]
fn a_polling_generator_has_something_to_spare_when_a_tenth_of_its_looks_were_empty() {
    let bound = |empty: u64| {
        let mut step = open_step();
        (step.window.polls, step.window.polls_empty) = (Some(1_000), Some(empty));
        let checks = of_trial(&trial(1, OPEN, vec![step.clone()]));
        let left = checks
            .iter()
            .find(|check| check.id == "polls_left")
            .unwrap();
        assert_eq!(left.measured, Some(empty as f64 / 1e3));
        is_generator_bound(&step)
    };
    assert_eq!([0, 99, 100, 900].map(bound), [true, true, false, false]);
    let mut unread = step(100, 500);
    unread.window.unread_share = Some(0.10);
    unread.machine.server_cpus_idle_share = Some(0.02);
    assert!(!is_generator_bound(&unread), "as much is allowed");
}

#[test]
fn each_rate_is_judged_by_its_own_windows() {
    let mut report = sound();
    for trial in report.trials.iter_mut().filter(|trial| trial.load == OPEN) {
        let mut second = open_step();
        second.rate_per_s = Some(20_000.0);
        second.window.replies_wrong = 1;
        second.window.scheduled.as_mut().unwrap().requests_waited = 2_500;
        trial.steps.push(second);
    }
    conclude(&mut report).unwrap();
    let place = |rate: u32| format!("open.100_connections.{rate}_per_s");
    assert!(figures(&report, &place(10_000), Status::Invalid).is_empty());
    assert!(!figures(&report, &place(20_000), Status::Invalid).is_empty());
    let waited = report.summary.open_ladder.iter().map(|at| at.waited_share);
    assert_eq!(waited.collect::<Vec<_>>(), [Some(0.0), Some(0.25)]);
}
