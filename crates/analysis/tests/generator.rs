//! What the generator could not do, and whose limit a rate is.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use analysis::rules::{is_generator_bound, of_trial};
use common::*;
use report::{
    check::{Check, Effect},
    trial::Step,
};

fn check(of: &Step, id: &str) -> Option<Check> {
    let checks = of_trial(&trial(1, CLOSED, vec![of.clone()]));
    checks.into_iter().find(|check| check.id == id)
}

#[test]
fn what_the_generator_could_not_do_is_said() {
    let mut step = step(100, 10);
    (step.window.requests, step.window.service_time_count) = (1_000, 1_000);
    let of = |step: &Step| {
        let checks = ["sends_blocked", "times_clipped"].map(|id| check(step, id));
        checks.map(|check| check.map(|check| check.touches.len()))
    };
    assert_eq!(of(&step), [None, None], "older reports don't tell");
    (step.window.sends_blocked, step.window.times_clipped) = (Some(5), Some(0));
    assert_eq!(of(&step), [Some(0), Some(0)]);
    // 256 outstanding of 1 MiB each, and 2 % of the times beyond five minutes.
    (step.window.sends_blocked, step.window.times_clipped) = (Some(900), Some(20));
    assert_eq!(of(&step), [Some(4), Some(2)]);
}

#[test]
fn who_has_the_requests_says_whose_limit_a_rate_is() {
    let mut step = step(100, 10);
    step.machine.server_cpus_idle_share = Some(0.0);
    step.window.unread_share = Some(0.05);
    assert!(!is_generator_bound(&step));
    // The busiest server isn't the limit when its replies lie about. It may poll: how busy it is doesn't say
    // that it can do no more.
    step.window.unread_share = Some(0.7);
    assert!(is_generator_bound(&step));
    let touch = check(&step, "generator_bound").unwrap().touches[0];
    let Effect::Bounds { slack_share, .. } = touch.effect else {
        panic!("{touch:?}");
    };
    assert!(slack_share.unwrap() > 2.0, "{slack_share:?}");
    step.window.unread_share = Some(0.05);
    step.machine.server_cpus_idle_share = Some(0.2);
    assert!(is_generator_bound(&step));
    let check = check(&step, "generator_bound").unwrap();
    assert!(check.passed, "a bound is no fault");
    assert_eq!(check.touches.len(), 1);
}
