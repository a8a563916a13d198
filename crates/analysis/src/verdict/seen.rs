//! Trials with what their checks say, so that each window is looked at once.

use crate::rules;
use report::{
    check::Check,
    model::ModelReport,
    trial::{Step, Trial},
};

/// A trial, with its own checks and those of each of its windows.
pub(super) struct Seen<'a> {
    pub(super) trial: &'a Trial,
    whole: Vec<Check>,
    windows: Vec<(&'a Step, Vec<Check>)>,
}

/// All trials of a report with what their checks say.
pub(super) fn seen(report: &ModelReport) -> Vec<Seen<'_>> {
    let of_trial = |trial| Seen {
        trial,
        whole: rules::of_whole(trial),
        windows: trial
            .windows()
            .map(|step| (step, rules::of_step(trial, step)))
            .collect(),
    };
    report.trials.iter().map(of_trial).collect()
}

impl Seen<'_> {
    /// Each check once.
    pub(super) fn checks(&self) -> impl Iterator<Item = &Check> {
        let of_windows = self.windows.iter().flat_map(|(_, checks)| checks);
        self.whole.iter().chain(of_windows)
    }

    /// Windows with all that bears on them: their own checks, and those of the trial, causes first.
    pub(super) fn windows(&self) -> impl Iterator<Item = (&Step, Vec<&Check>)> {
        self.windows.iter().map(|(step, checks)| {
            let mut checks: Vec<&Check> = checks.iter().chain(&self.whole).collect();
            checks.sort_by_key(|check| rules::place_by_cause(check));
            (*step, checks)
        })
    }
}
