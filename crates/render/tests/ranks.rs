//! What is said of all contestants of a run.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use analysis::summary::conclude;
use common::{BASE, CLOSED, RATE, SLOWER, Truth, figure, idle, model_report, plan, run};
use compare::{Options, Refusal, compare_against, compare_pairs, conclude_run, is_decided, rank};
use render::comparison::{markdown_of_run, rankings};
use render::table::explanation;
use report::check::Status;
use report::comparison::ComparisonReport;
use report::model::ModelReport;
use report::run::{AaControl, PlannedLoad, Stop, StopReason};

#[test]
fn a_bound_is_not_decided_by_more_blocks() {
    let both = [("a", BASE), ("b", SLOWER)];
    let reports = both.map(|(name, truth)| idle(model_report("r1", name, 6, truth), 0.5));
    let reports: Vec<&ModelReport> = reports.iter().collect();
    assert!(is_decided(&run("r1"), &reports, &plan().loads));
}

#[test]
fn models_of_a_run_have_ranks_in_each_figure() {
    let reports = [("a", BASE), ("b", BASE), ("c", SLOWER)]
        .map(|(name, truth)| model_report("r1", name, 6, truth));
    let reports: Vec<&ModelReport> = reports.iter().collect();
    let (ranked, notes) = rank(&run("r1"), &reports, 0.02);
    assert_eq!(notes, Vec::<String>::new());
    let rate = ranked.iter().find(|ranking| ranking.id == RATE).unwrap();
    let places: Vec<_> = rate
        .contestants
        .iter()
        .map(|one| (one.model.as_str(), one.ranks.best, one.ranks.worst))
        .collect();
    assert_eq!(places, [("a", 1, 2), ("b", 1, 2), ("c", 3, 3)]);
    assert_eq!(
        (rate.pairs, rate.pairs_decided, rate.pairs_equal),
        (3, 2, 1)
    );
    let shown = rankings(&ranked, false, None);
    assert!(shown.contains("(1-2)") && shown.contains("(3)"), "{shown}");
    assert!(!shown.contains("exploratory"), "{shown}");
    assert!(rankings(&ranked, true, None).contains("exploratory"));
    // Against one of them there are fewer pairs, and so narrower intervals.
    let (against, _) = compare_against(&run("r1"), "a", &reports, &Options::default()).unwrap();
    let (pairs, _) = compare_pairs(&run("r1"), &reports, &Options::default());
    assert_eq!((against.len(), pairs.len()), (2, 3));
    let width = |report: &ComparisonReport| {
        let interval = figure(report, RATE).comparison.interval.unwrap();
        interval.high - interval.low
    };
    assert!(width(&against[1]) <= width(&pairs[1]));
    let nobody = compare_against(&run("r1"), "x", &reports, &Options::default());
    assert!(matches!(nobody, Err(Refusal::NoSuchModel(_))));
    // For a pull request: what decides, and its pairs folded.
    let shown = markdown_of_run(&ranked, &pairs);
    let (above, folded) = shown.split_once("<details>").unwrap();
    assert_eq!(above.matches("\n| ").count(), 3, "{shown}");
    assert!(above.contains("- closed-load rate over 100: 2 of 3 pairs differ"));
    let primary = ranked.iter().filter(|ranking| ranking.primary).count();
    assert_eq!(folded.matches("\n| b / a | ").count(), primary, "{shown}");
    assert!(!shown.contains("exploratory"), "{shown}");
}

#[test]
fn a_look_asks_only_for_what_has_been_measured() {
    let of = |names: &[(&str, Truth)]| -> Vec<ModelReport> {
        let reports = names.iter();
        reports
            .map(|(name, truth)| model_report("r1", name, 6, *truth))
            .collect()
    };
    let decided = |reports: &[ModelReport], loads: &[PlannedLoad]| {
        let reports: Vec<&ModelReport> = reports.iter().collect();
        is_decided(&run("r1"), &reports, loads)
    };
    let loads = plan().loads;
    // Equal is as good as different.
    assert!(decided(
        &of(&[("a", BASE), ("b", BASE), ("c", SLOWER)]),
        &loads
    ));
    assert!(decided(&of(&[("a", BASE)]), &loads));
    let mut reports = of(&[("a", BASE), ("b", BASE)]);
    for (index, trial) in reports[1].trials.iter_mut().enumerate() {
        for step in trial.steps.iter_mut().filter(|_| trial.load == CLOSED) {
            step.window.requests += 3_000 * (index as u64 % 5);
        }
    }
    assert!(!decided(&reports, &loads));
    assert!(
        decided(&reports, &loads[..1]),
        "of idle load nothing is open"
    );
}

#[test]
fn one_model_is_compared_with_nothing_and_nothing_is_said_of_it() {
    let mut report = model_report("r1", "a", 3, BASE);
    report.trials[1].steps[0].window.replies_wrong = 1;
    conclude(&mut report).unwrap();
    let mut of_run = run("r1");
    (of_run.plan.models, of_run.plan.blocks) = (vec!["a".to_owned()], 3);
    conclude_run(&mut of_run, &[&report], true);
    assert!(of_run.rankings.is_empty() && of_run.not_compared.is_empty());
    let said = explanation(std::slice::from_ref(&report), &of_run, false);
    assert!(!said.contains("too few"), "{said}");
    of_run.plan.models.push("b".to_owned());
    let said = explanation(&[report], &of_run, false);
    let few = "too few for a comparison of 2 models, which takes --trials 6: 3 blocks";
    assert!(said.contains(few), "{said}");
}

/// Of one model nothing was to be decided.
#[test]
fn why_no_more_blocks_were_begun_is_said() {
    let mut of_run = run("r1");
    assert!(!explanation(&[], &of_run, false).contains("ended after"));
    let mut said = |reason, models: &[&str]| {
        of_run.plan.models = models.iter().map(|&name| name.to_owned()).collect();
        of_run.stops = vec![Stop {
            loads: vec!["idle".to_owned(), "closed".to_owned()],
            blocks: 9,
            reason,
        }];
        explanation(&[], &of_run, false)
    };
    for (reason, words) in [
        (StopReason::Decided, "every pair is decided or equal"),
        (StopReason::OutOfPatience, "the patience was over"),
        (StopReason::LastLook, "that was the last look"),
    ] {
        let said = said(reason, &["a", "b"]);
        assert!(
            said.contains("idle and closed ended after 9 blocks: "),
            "{said}"
        );
        assert!(said.contains(words), "{said}");
    }
    assert!(!said(StopReason::Decided, &["a"]).contains("ended after"));
}

#[test]
fn a_control_that_differs_from_itself_makes_the_run_suspect() {
    let verdict_of = |control: Truth| {
        let (model, control) = (
            model_report("r1", "a", 6, BASE),
            model_report("r1", "a-aa", 6, control),
        );
        let mut of_run = run("r1");
        of_run.aa_control = Some(AaControl {
            model: "a".to_owned(),
            control: "a-aa".to_owned(),
        });
        conclude_run(&mut of_run, &[&model, &control], true);
        of_run
    };
    let same = verdict_of(BASE);
    assert_eq!(same.verdict.status, Status::Valid);
    let other = verdict_of(Truth {
        rate: 400.0,
        ..BASE
    });
    assert_eq!(other.verdict.worst().unwrap().id, "aa_control");
    assert_eq!(other.verdict.status, Status::Suspect);
    let rate = other.rankings.iter().find(|r| r.id.ends_with("rate_per_s"));
    assert!(rate.unwrap().suspect.is_some());
}
