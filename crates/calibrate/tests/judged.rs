//! Figures of disturbed trials against those of undisturbed ones: who is found, who is missed.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use calibrate::{
    disturbed::{
        disturbance::{DISTURBANCES, Disturbance, Setting},
        judged::*,
        order::*,
        published::*,
    },
    row::Outcome,
};
use report::check::{Direction, Effect, FigureVerdict, Status};
use std::collections::BTreeSet;

fn of(name: &str) -> &'static Disturbance {
    DISTURBANCES.iter().find(|of| of.name == name).unwrap()
}

fn valid() -> FigureVerdict {
    FigureVerdict::default()
}

fn suspect(check: &str) -> FigureVerdict {
    FigureVerdict {
        status: Status::Suspect,
        check: Some(check.to_owned()),
        ..FigureVerdict::default()
    }
}

fn at_least(slack: f64) -> FigureVerdict {
    FigureVerdict {
        bound: Some(Effect::Bounds {
            direction: Direction::Low,
            slack_share: Some(slack),
        }),
        ..FigureVerdict::default()
    }
}

fn made(turn: Turn, figure: Published, value: f64, verdict: FigureVerdict) -> Made {
    let figures = Figures::from([(figure, Seen { value, verdict })]);
    Made {
        turn,
        figures: Ok(figures),
        strangers_cpus: 0.0,
    }
}

/// One figure of a disturbed trial among five that aren't, of 1000 each.
fn judged_as(
    name: &str,
    times: f64,
    figure: Published,
    value: f64,
    verdict: FigureVerdict,
) -> Judged {
    let mut all = vec![made(
        Turn::Disturbed(of(name), times),
        figure,
        value,
        verdict,
    )];
    all.extend((0..5).map(|_| made(Turn::Undisturbed, figure, 1_000.0, valid())));
    let [judged] = &judge(&all, 1)[..] else {
        panic!("{all:?}");
    };
    judged.clone()
}

fn found(value: f64, verdict: FigureVerdict) -> Finding {
    judged_as("hog-server", 4.0, Published::Rate, value, verdict).finding
}

#[test]
fn only_a_valid_figure_that_is_off_is_wrong() {
    assert_eq!(found(1_015.0, valid()), Finding::Stands);
    assert_eq!(found(930.0, valid()), Finding::Wrong);
    assert_eq!(found(1_070.0, valid()), Finding::Wrong);
    assert_eq!(found(930.0, suspect("other_load")), Finding::Told);
    assert_eq!(found(1_015.0, suspect("other_load")), Finding::Doubted);
}

#[test]
fn a_bound_allows_what_it_says_in_its_direction() {
    assert_eq!(found(930.0, at_least(0.06)), Finding::Stands);
    assert_eq!(found(900.0, at_least(0.06)), Finding::Wrong);
    assert_eq!(found(1_070.0, at_least(0.06)), Finding::Wrong);
}

#[test]
fn what_isnt_known_isnt_judged() {
    let rate = Published::Rate;
    let mut all = vec![made(
        Turn::Disturbed(of("hog-server"), 4.0),
        rate,
        500.0,
        valid(),
    )];
    all.extend((0..3).map(|_| made(Turn::Undisturbed, rate, 1_000.0, valid())));
    all.extend((0..2).map(|_| made(Turn::Undisturbed, rate, 400.0, suspect("steal"))));
    let judged = judge(&all, 1);
    assert_eq!(judged[0].finding, Finding::NotJudgeable);
    let reason = judged[0].reason.as_deref().unwrap();
    assert!(reason.contains("steal"), "{reason}");
    let rows = rows(Setting::Closed, &all, &judged);
    assert_eq!(rows[0].outcome, Outcome::NotJudged);
}

#[test]
fn what_a_server_really_costs_is_no_fault() {
    let of = |value| judged_as("leak", 2.0, Published::UserMemory, value, valid()).finding;
    assert_eq!(of(1_000.0 + 2_048.0), Finding::Stands);
    assert_eq!(of(1_000.0), Finding::Wrong);
}

#[test]
fn what_arithmetic_says_needs_no_undisturbed_trial() {
    let of = |times, verdict| {
        let all = [made(
            Turn::Disturbed(of("slow-down"), times),
            Published::Rate,
            19_000.0,
            verdict,
        )];
        judge(&all, 1)[0].finding
    };
    assert_eq!(of(2.5, valid()), Finding::Wrong);
    assert_eq!(of(2.5, suspect("steady_state")), Finding::Told);
    assert_eq!(of(0.5, valid()), Finding::Stands);
}

/// Not even a bound excuses it.
#[test]
fn what_did_not_happen_must_not_be_valid() {
    let of = |times, verdict| {
        let turn = Turn::Disturbed(of("offered"), times);
        judge(&[made(turn, Published::P90, 900.0, verdict)], 1)[0].finding
    };
    assert_eq!(of(1.01, valid()), Finding::Wrong);
    assert_eq!(of(1.01, at_least(9.0)), Finding::Wrong);
    assert_eq!(of(1.05, suspect("rising")), Finding::Told);
    assert_eq!(of(0.99, valid()), Finding::Stands);
    assert_eq!(of(0.99, suspect("rising")), Finding::Doubted);
}

#[test]
fn far_below_the_threshold_a_figure_has_to_stay_valid() {
    let of = |times, figure, verdict| {
        judged_as("hog-server", times, figure, 1_000.0, verdict).stayed_valid
    };
    let rate = Published::Rate;
    assert_eq!(of(0.5, rate, valid()), Some(true));
    assert_eq!(of(0.5, rate, suspect("other_load")), Some(false));
    assert_eq!(of(1.0, rate, suspect("other_load")), None, "not below");
    assert_eq!(of(0.5, rate, suspect("steal")), None, "others did that");
    assert_eq!(
        of(0.5, Published::P99, suspect("other_load")),
        None,
        "its threshold is lower"
    );
}

/// A rate moves now and then on a machine like this, with or without a hog.
#[test]
fn what_touches_undisturbed_trials_too_is_nobodys_doing() {
    let rate = Published::Rate;
    let hog = Turn::Disturbed(of("hog-server"), 0.5);
    let stayed = |check, undisturbed: FigureVerdict| {
        let mut all = vec![made(hog, rate, 1_000.0, suspect(check))];
        all.push(made(Turn::Undisturbed, rate, 1_000.0, undisturbed));
        all.extend((0..4).map(|_| made(Turn::Undisturbed, rate, 1_000.0, valid())));
        judge(&all, 1)[0].stayed_valid
    };
    assert_eq!(stayed("steady_state", valid()), Some(false));
    assert_eq!(stayed("steady_state", suspect("steady_state")), None);
    assert_eq!(stayed("steady_state", suspect("steal")), Some(false));
    let own = stayed("other_load", suspect("other_load"));
    assert_eq!(own, Some(false), "a hog is to blame for itself");
}

/// Half a threshold of ours and more than half of others' are over it.
#[test]
fn a_hog_among_strangers_is_not_below_the_threshold() {
    let rate = Published::Rate;
    let stayed = |strangers_cpus| {
        let hog = Turn::Disturbed(of("hog-server"), 0.5);
        let mut all = vec![Made {
            strangers_cpus,
            ..made(hog, rate, 1_000.0, suspect("other_load"))
        }];
        all.extend((0..5).map(|_| made(Turn::Undisturbed, rate, 1_000.0, valid())));
        judge(&all, 1)[0].stayed_valid
    };
    assert_eq!(stayed(0.009), Some(false));
    assert_eq!(stayed(0.011), None);
}

#[test]
fn all_of_it_comes_to_two_sentences() {
    let judged = [
        judged_as("hog-server", 4.0, Published::Rate, 900.0, valid()),
        judged_as(
            "hog-server",
            4.0,
            Published::Rate,
            900.0,
            suspect("other_load"),
        ),
        judged_as("hog-server", 0.5, Published::Rate, 1_000.0, valid()),
    ];
    let totals = Totals::of(&judged);
    assert_eq!((totals.off, totals.off_and_valid), (2, 1));
    assert_eq!((totals.below, totals.below_and_valid), (1, 1));
    let [off, below] = totals.sentences();
    assert_eq!(
        off,
        "of 2 figures that were off by more than they said, 1 were called valid"
    );
    assert_eq!(
        below,
        "of 1 figures at half the threshold, 100 % stayed valid"
    );
    let outcomes: Vec<Outcome> = totals.rows().iter().map(|row| row.outcome).collect();
    assert_eq!(outcomes, [Outcome::Fail, Outcome::Pass]);
    let nothing = Totals::default().rows();
    assert!(nothing.iter().all(|row| row.outcome == Outcome::NotJudged));
}

#[test]
fn a_row_names_what_was_off_by_how_much_and_who_said_so() {
    let judged = judged_as(
        "hog-server",
        4.0,
        Published::Rate,
        900.0,
        suspect("other_load"),
    );
    let rows = rows(Setting::Closed, &[], &[judged]);
    let note = rows[0].note.as_deref().unwrap();
    assert!(
        note.contains("rate -10.0 %") && note.contains("suspect by other_load"),
        "{note}"
    );
    assert_eq!(
        (rows[0].case, rows[0].outcome),
        ("hog-server", Outcome::Pass)
    );
}

#[test]
fn each_has_a_name_of_its_own_and_the_short_form_has_a_strength_of_its() {
    let names: BTreeSet<_> = DISTURBANCES.iter().map(|of| of.name).collect();
    assert_eq!(names.len(), DISTURBANCES.len());
    for of in DISTURBANCES {
        assert!(of.strengths.contains(&of.short), "{}", of.name);
        assert!(
            of.belongs.iter().all(|figure| of.moves.contains(figure)),
            "{}",
            of.name
        );
    }
}

#[test]
fn a_behaviour_is_a_command_line() {
    assert_eq!(
        of("slow-down").behaviour(2.5),
        "slow-down --rate 20000 --percent-per-s 5"
    );
    assert_eq!(of("starve").behaviour(9.0), "starve --percent 9");
    assert_eq!(of("quota").behaviour(1.0), "null");
    let step = "step --bytes-per-connection 4096 --step-bytes 163840 --at-connection 1250";
    assert_eq!(of("step").behaviour(1.0), step);
    assert_eq!(
        (of("pause-generator").what)(0.4),
        "the generator stopped for 2 ms"
    );
}
