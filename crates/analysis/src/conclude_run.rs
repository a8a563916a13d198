//! From all models' reports to what a run as a whole comes to.

use crate::compare::{Options, rank};
use report::{
    check::{Check, Direction, Effect, FigureKind, Status, Touch, Verdict},
    comparison::FigureRanking,
    model::ModelReport,
    run::{ModelOutcome, RunReport},
};

/// Fills in what follows from the models' reports, which have to be concluded: outcomes, ranks, and
/// the verdict. While a run is on its way (`is_over` false) nothing is compared, and of one model
/// nothing is.
pub fn conclude_run(run: &mut RunReport, reports: &[&ModelReport], is_over: bool) {
    run.models = reports.iter().map(|report| outcome(report)).collect();
    if is_over && reports.len() > 1 {
        (run.rankings, run.not_compared) = rank(run, reports, Options::default().margin);
    }
    let checks = match run.aa_control {
        Some(_) if !run.rankings.is_empty() => vec![aa_control(&run.rankings)],
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

/// Of the primary figures, which share the error of one: with all of them a control would be found
/// to differ by chance in every third run.
fn aa_control(rankings: &[FigureRanking]) -> Check {
    let primary = rankings.iter().filter(|ranking| ranking.primary);
    let differing: Vec<&str> = primary
        .filter_map(|ranking| ranking.suspect.as_deref())
        .collect();
    let detail = match differing.as_slice() {
        [] => "the control doesn't differ from its model".to_owned(),
        some => some.join("; "),
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
