//! Windows with what their checks say.

use crate::rules;
use report::{
    check::Check,
    model::ModelReport,
    trial::{Step, Trial},
};

/// A window, and what its checks say: its own, and those of its trial.
pub(super) struct Seen<'a> {
    pub(super) trial: &'a Trial,
    pub(super) step: &'a Step,
    pub(super) checks: Vec<Check>,
}

/// All windows of a report with what their checks say.
pub(super) fn seen(report: &ModelReport) -> Vec<Seen<'_>> {
    let of_trial = |trial| {
        let whole = rules::of_whole(trial);
        trial.steps.iter().map(move |step| Seen {
            trial,
            step,
            checks: [rules::of_step(trial, step), whole.clone()].concat(),
        })
    };
    report.trials.iter().flat_map(of_trial).collect()
}
