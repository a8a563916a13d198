//! Why something isn't compared.

use super::plans::{self, PlanDifference};
use report::{check::Status, model::ModelReport, run::RunReport};
use thiserror::Error;

/// Why two reports aren't compared.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Refusal {
    /// The figures of one side must not be used.
    #[error(
        "the {side} ({model} of run {run}) is invalid, so its figures say nothing: {check}, {detail}"
    )]
    Invalid {
        /// `baseline`, `candidate`, or just `model`.
        side: &'static str,
        /// The model on that side.
        model: String,
        /// Its run.
        run: String,
        /// Id of the first of the worst checks that failed.
        check: String,
        /// What was measured.
        detail: String,
    },
    /// The sides were asked for different things.
    #[error(
        "baseline and candidate did different work:\n{}\n(--allow-different compares them anyway)",
        plans::listed(.0)
    )]
    Different(Vec<PlanDifference>),
    /// A run has no model of this name.
    #[error("the run has no model {0:?}")]
    NoSuchModel(String),
    /// There is nothing to compare.
    #[error("baseline and candidate have no figure in common that could be compared{}",
        .notes.iter().map(|note| format!("\n  {note}")).collect::<String>())]
    NothingInCommon {
        /// Why not, figure by figure.
        notes: Vec<String>,
    },
}

/// Those whose figures may be used, and why the others' may not.
pub(super) fn usable<'a>(
    run: &RunReport,
    reports: &[&'a ModelReport],
) -> (Vec<&'a ModelReport>, Vec<String>) {
    let (mut usable, mut refused) = (Vec::new(), Vec::new());
    for &report in reports {
        match refuse_invalid("model", &run.run, report) {
            Ok(()) => usable.push(report),
            Err(refusal) => refused.push(refusal.to_string()),
        }
    }
    (usable, refused)
}

pub(super) fn refuse_invalid(
    side: &'static str,
    run: &str,
    report: &ModelReport,
) -> Result<(), Refusal> {
    // Figures have verdicts of their own; in older reports one check touches them all.
    if report.verdict.status < Status::Invalid || !report.verdict.figures.is_empty() {
        return Ok(());
    }
    let worst = report.verdict.worst();
    Err(Refusal::Invalid {
        side,
        model: report.model.name.clone(),
        run: run.to_owned(),
        check: worst.map_or_else(|| "verdict".to_owned(), |check| check.id.clone()),
        detail: worst.map_or_else(|| "no check says why".to_owned(), |c| c.detail.clone()),
    })
}
