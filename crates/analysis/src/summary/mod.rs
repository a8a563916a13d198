//! From trials to the summary, and from there to a model's verdict.

mod peak;
mod scheduled;

use crate::{reasons::reasons, threads::shares, verdict};
use memory::{figures::memory, held::held};
use peak::{closed_ladder, peak};
use report::{
    model::{ModelReport, Summary},
    trial::Load,
};
use scheduled::{capacity, scheduled};
use stats::HistogramError;
use std::mem;

/// Fills in what follows from a report's trials: summary, reasons for what is missing, and the
/// verdict. Blocks that were made again are left out; what the figures are with them stands beside.
///
/// # Errors
/// A histogram in a trial can't be read.
pub fn conclude(report: &mut ModelReport) -> Result<(), HistogramError> {
    report.all_blocks.clear();
    if report.trials.iter().any(|trial| trial.made_again) {
        draw(report)?;
        report.all_blocks = verdict::values(report);
    }
    let trials = mem::take(&mut report.trials);
    let (again, accepted): (Vec<_>, Vec<_>) =
        trials.into_iter().partition(|trial| trial.made_again);
    report.trials = accepted;
    let drawn = draw(report);
    if !report.all_blocks.is_empty() {
        verdict::judge_selection(report);
    }
    report.trials.extend(again);
    drawn
}

/// The same, from all trials that there are.
fn draw(report: &mut ModelReport) -> Result<(), HistogramError> {
    let trials = &report.trials;
    let open_ladder = scheduled(trials, |load| matches!(load, Load::Open { .. }))?;
    let churn = scheduled(trials, |load| matches!(load, Load::Churn { .. }))?;
    let closed_ladder = closed_ladder(trials)?;
    report.summary = Summary {
        memory: memory(trials),
        peak: peak(&closed_ladder),
        closed_ladder,
        open: open_ladder.first().cloned(),
        open_ladder,
        churn: churn.into_iter().next(),
        capacity: capacity(trials)?,
        held: held(trials),
        thread_shares: shares(trials),
    };
    report.not_measured = reasons(report);
    report.verdict = verdict::verdict(report);
    Ok(())
}
