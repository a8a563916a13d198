//! Which figures are compared.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use analysis::summary::conclude;
use compare::figures;
use report::{check::Status, model::ModelReport, trial::Load};
use std::path::Path;

fn has(report: &ModelReport, id: &str) -> bool {
    figures(report).iter().any(|figure| figure.id == id)
}

#[test]
fn what_one_trial_could_not_measure_is_no_figure_and_compares_with_nothing() {
    let (_, mut reports) = store::read::run(Path::new("../runner/tests/saved-run")).unwrap();
    let mut report = reports.swap_remove(0);
    conclude(&mut report).unwrap();
    let place = report.summary.closed_ladder[0].place();
    let id = format!("{place}.server_cpu_us_per_request");
    assert!(has(&report, &id), "{id}");

    let is_closed = |load: Load| matches!(load, Load::Closed { .. });
    let mut trials = report.trials.iter_mut();
    let closed = trials.find(|trial| is_closed(trial.load)).unwrap();
    let used = &mut closed.steps[0].server;
    (used.cpu_s, used.cpu_user_s, used.cpu_system_s) = (None, None, None);
    conclude(&mut report).unwrap();
    assert_eq!(report.verdict.figures[&id].status, Status::NotMeasured);
    assert!(!has(&report, &id), "others' values stand for it");
}
