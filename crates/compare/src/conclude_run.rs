//! From all models' reports to what a run as a whole comes to.

use crate::{options::Options, ranking::rank};
use report::{
    check::{Check, Direction, Effect, FigureKind, Status, Touch, Verdict},
    comparison::{BLOCKS_MIN, FigureRanking},
    model::ModelReport,
    run::{AaControl, ModelOutcome, RunReport},
};
use std::collections::BTreeSet;

/// Fills in what follows from the models' reports, which have to be concluded: outcomes, ranks, and
/// the verdict. While a run is on its way (`is_over` false) nothing is compared, and of one model
/// nothing is.
pub fn conclude_run(run: &mut RunReport, reports: &[&ModelReport], is_over: bool) {
    run.models = reports.iter().map(|report| outcome(report)).collect();
    if is_over && reports.len() > 1 {
        (run.rankings, run.not_compared) = rank(run, reports, Options::default().margin);
    }
    let checks = match &run.aa_control {
        Some(control) if !run.rankings.is_empty() => {
            vec![aa_control(
                &run.rankings,
                is_compared(control, &run.rankings, reports),
            )]
        }
        _ => Vec::new(),
    };
    let of_models = run.models.iter().map(|model| model.status);
    run.verdict = Verdict::of(checks);
    run.verdict.status = of_models.fold(run.verdict.status, Status::max);
}

fn outcome(report: &ModelReport) -> ModelOutcome {
    ModelOutcome {
        name: report.model.name.clone(),
        report: format!("{}.json", report.model.name),
        status: report.verdict.status,
        failure: report
            .failure
            .as_ref()
            .map(|failure| failure.reason.clone()),
    }
}

/// Whether both have a primary figure in enough blocks for an interval.
fn is_compared(control: &AaControl, rankings: &[FigureRanking], reports: &[&ModelReport]) -> bool {
    let names = [&control.model, &control.control];
    let blocks = |name: &String| -> BTreeSet<u32> {
        let of_name = reports.iter().filter(|report| report.model.name == *name);
        let trials = of_name.flat_map(|report| &report.trials);
        let accepted = trials.filter(|trial| !trial.made_again);
        accepted.map(|trial| trial.block).collect()
    };
    let in_common = &blocks(names[0]) & &blocks(names[1]);
    let has_both = |ranking: &FigureRanking| {
        let has = |name: &&String| ranking.contestants.iter().any(|one| one.model == **name);
        ranking.primary && names.iter().all(has)
    };
    in_common.len() >= BLOCKS_MIN as usize && rankings.iter().any(has_both)
}

/// Of the primary figures, which share the error of one: with all of them a control would be found
/// to differ by chance in every third run.
fn aa_control(rankings: &[FigureRanking], is_compared: bool) -> Check {
    let primary = rankings.iter().filter(|ranking| ranking.primary);
    let differing: Vec<&str> = primary
        .filter_map(|ranking| ranking.suspect.as_deref())
        .collect();
    let detail = match (differing.as_slice(), is_compared) {
        ([], true) => "the control doesn't differ from its model".to_owned(),
        ([], false) => {
            format!(
                "the control tells nothing: it and its model haven't {BLOCKS_MIN} blocks in common"
            )
        }
        (some, _) => some.join("; "),
    };
    let touches = match differing.is_empty() {
        true => Vec::new(),
        false => [FigureKind::Rate, FigureKind::Cpu]
            .map(|figure| Touch {
                figure,
                effect: Effect::Biases {
                    direction: Direction::Either,
                    up_to_share: None,
                },
            })
            .into(),
    };
    Check::new(
        "aa_control",
        touches,
        detail,
        "the machine makes differences of its own: a quieter one, or more --trials",
    )
}
