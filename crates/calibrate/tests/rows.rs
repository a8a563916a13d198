//! One expectation beside what was measured: what passes, and what doesn't.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use calibrate::row::{Figure, Outcome, Row, Tolerance, false_alarms_most, findings_least};
use report::check::{Check, Direction, Effect, FigureKind, Status, Touch, Verdict};

fn outcome(expected: f64, measured: f64, share: f64, least: f64) -> Outcome {
    Row::timing("x", "us", (expected, measured), Tolerance { share, least }).outcome
}

#[test]
fn a_figure_may_be_off_by_the_greater_of_two_bounds() {
    assert_eq!(outcome(5_000.0, 5_150.0, 0.03, 100.0), Outcome::Pass);
    assert_eq!(outcome(5_000.0, 5_151.0, 0.03, 100.0), Outcome::Fail);
    assert_eq!(outcome(1_000.0, 901.0, 0.03, 100.0), Outcome::Pass);
    assert_eq!(outcome(1_000.0, 899.0, 0.03, 100.0), Outcome::Fail);
    assert_eq!(outcome(1_000.0, f64::NAN, 0.03, 100.0), Outcome::Fail);
}

#[test]
fn a_count_has_to_be_right() {
    assert_eq!(Row::exactly("x", 13, 13).outcome, Outcome::Pass);
    assert_eq!(Row::exactly("x", 13, 12).outcome, Outcome::Fail);
}

fn verdict(failed: &[(&str, Status)]) -> Verdict {
    let check = |id, effect: Option<Effect>| {
        let touch = |effect| Touch {
            figure: FigureKind::Rate,
            effect,
        };
        Check::new(
            id,
            effect.map(touch).into_iter().collect(),
            String::new(),
            "",
        )
    };
    let failed = failed.iter().map(|(id, status)| match status {
        Status::Invalid => check(id, Some(Effect::Spoils)),
        _ => check(
            id,
            Some(Effect::Biases {
                direction: Direction::Either,
                up_to_share: None,
            }),
        ),
    });
    let passed = [check("fine", None)];
    Verdict::of(failed.chain(passed).collect())
}

#[test]
fn a_fault_is_caught_by_its_check_alone() {
    let caught = |failed: &[_]| Row::caught("x", &verdict(failed), &["right"]).outcome;
    assert_eq!(caught(&[("right", Status::Invalid)]), Outcome::Pass);
    let beside = [("other", Status::Invalid), ("right", Status::Invalid)];
    assert_eq!(caught(&beside), Outcome::Pass);
    assert_eq!(caught(&[("other", Status::Invalid)]), Outcome::Fail);
    let only_suspect = [("right", Status::Suspect), ("other", Status::Invalid)];
    assert_eq!(caught(&only_suspect), Outcome::Fail);
    assert_eq!(caught(&[]), Outcome::Fail);
    let row = Row::caught("x", &verdict(&[]), &["right"]);
    assert_eq!(row.measured, Figure::Words("valid".to_owned()));
}

#[test]
fn the_shortened_form_judges_all_but_timing() {
    let bound = Tolerance {
        share: 0.0,
        least: 0.0,
    };
    let timing = Row::timing("x", "us", (1.0, 2.0), bound).timing_not_judged();
    assert_eq!(timing.outcome, Outcome::NotJudged);
    let count = Row::exactly("x", 1, 2).timing_not_judged();
    assert_eq!(count.outcome, Outcome::Fail);
}

#[test]
fn comparisons_are_judged_by_their_number() {
    assert_eq!([20, 19, 10, 2].map(false_alarms_most), [2, 1, 1, 0]);
    assert_eq!([20, 10, 5, 1].map(findings_least), [18, 9, 5, 1]);
    assert_eq!(Row::at_most("x", (3, 20), 2).outcome, Outcome::Fail);
    assert_eq!(Row::at_least("x", (9, 10), 9).outcome, Outcome::Pass);
}

#[test]
fn in_json_a_figure_is_a_number_or_words() {
    let row = serde_json::to_value(Row::exactly("x", 1, 2)).unwrap();
    assert_eq!(row["expected"], 1.0);
    assert_eq!(row["outcome"], "fail");
    let row = Row::words("x", "a", "b", false).not_judged();
    let row = serde_json::to_value(row).unwrap();
    assert_eq!((&row["measured"], &row["unit"]), (&"b".into(), &().into()));
    assert_eq!(row["outcome"], "not_judged");
}
