//! Connections that are held for long: what grows meanwhile is found, and nothing else is.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use analysis::summary::conclude;
use common::*;
use report::{
    check::Status,
    model::{Held, ModelReport},
    trial::{HeldRound, Step},
};

const CONNECTIONS: u32 = 100_000;
const ROUNDS: u32 = 60;

/// A sound report whose connections were held for an hour, a minute each round, `spoil`ed. Memory goes up
/// and down by a byte a connection, as it does.
fn held_for_an_hour(spoil: impl Fn(u32, &mut Step)) -> ModelReport {
    let mut report = sound();
    for trial in report.trials.iter_mut().filter(|trial| trial.load == IDLE) {
        trial.steps = [10_000, 50_000, CONNECTIONS].map(|n| step(n, 1)).to_vec();
        let round = |number: u32| {
            let mut step = step(CONNECTIONS, 1);
            let wave = u64::from(number * 7 % 5) * u64::from(CONNECTIONS) / 4;
            step.server.pss_bytes = step.server.pss_bytes.map(|bytes| bytes + wave);
            step.server.descriptors = Some(u64::from(CONNECTIONS) + 6);
            spoil(number, &mut step);
            HeldRound {
                since_us: u64::from(number) * 60_000_000,
                replaced: CONNECTIONS / 100,
                step,
            }
        };
        trial.held = (1..=ROUNDS).map(round).collect();
    }
    conclude(&mut report).unwrap();
    report
}

fn held(report: &ModelReport) -> &Held {
    report.summary.held.as_ref().unwrap()
}

#[test]
fn what_stays_as_it_was_is_sound() {
    let report = held_for_an_hour(|_, _| {});
    assert!(failed_checks(&report).is_empty(), "{:?}", report.verdict);
    let held = held(&report);
    assert_eq!((held.rounds, held.length_s), (60, 3_600.0));
    assert_eq!((held.replaced, held.lost), (60_000, 0));
    assert_eq!(held.rounds_with_unserved, 0);
    let drift = held.server_user_bytes_per_connection_hour.unwrap();
    assert!(drift.low < 0.0 && drift.high > 0.0, "{drift:?}");
    assert!(drift.high - drift.low < 2.0, "{drift:?}");
    let descriptors = held.server_descriptors.unwrap();
    assert_eq!((descriptors.low, descriptors.high), (100_006.0, 100_006.0));
    assert!(held.generator_descriptors.is_none());
}

#[test]
fn memory_that_grows_is_found_with_its_rate() {
    // Five bytes a connection in an hour, of a hundred.
    let report = held_for_an_hour(|number, step| {
        let more = u64::from(number) * u64::from(CONNECTIONS) * 5 / 60;
        step.server.pss_bytes = step.server.pss_bytes.map(|bytes| bytes + more);
    });
    assert_eq!(failed_checks(&report), one("memory_held"));
    let drift = held(&report).server_user_bytes_per_connection_hour.unwrap();
    assert!(drift.low < 5.0 && drift.high > 5.0, "{drift:?}");
    let of = &report.verdict.figures["memory.user_bytes_per_connection"];
    assert_eq!(of.status, Status::Suspect);
}

#[test]
fn memory_that_wanders_is_known_less_well() {
    // The same values, once in turn and once in two long waves.
    let interval = |order: fn(u32) -> u32| {
        let report = held_for_an_hour(|number, step| {
            let wave = u64::from(order(number) % 30) * u64::from(CONNECTIONS);
            step.server.pss_bytes = step.server.pss_bytes.map(|bytes| bytes + wave);
        });
        let drift = held(&report).server_user_bytes_per_connection_hour.unwrap();
        drift.high - drift.low
    };
    assert!(interval(|number| number) > 1.5 * interval(|number| number * 7));
}

#[test]
fn descriptors_that_are_left_open_are_found() {
    let report = held_for_an_hour(|number, step| {
        let left = u64::from(number) * u64::from(CONNECTIONS) / 10_000;
        step.server.descriptors = step.server.descriptors.map(|open| open + left);
    });
    assert_eq!(failed_checks(&report), one("descriptors_held"));
}

#[test]
fn a_round_in_which_one_is_forgotten_counts() {
    let report = held_for_an_hour(|number, step| {
        if number == 17 {
            step.window.never_served = 1;
            step.window.served_least = 0;
        }
    });
    assert_eq!(failed_checks(&report), one("every_connection_served"));
    assert_eq!(held(&report).rounds_with_unserved, 1);
}
