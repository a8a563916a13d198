//! From all models' reports to what a run as a whole comes to.

use crate::compare::{Options, compare, compare_pairs};
use crate::stats::reach;
use report::{
    check::{Check, Direction, Effect, FigureKind, Status, Touch, Verdict},
    comparison::{ComparisonReport, Difference},
    model::ModelReport,
    run::{AaControl, ModelOutcome, RunReport},
};
use std::collections::BTreeMap;

/// Figures that a control is judged by. More of them would find a difference by chance alone in
/// more runs: with these two it is one in sixteen.
const JUDGED: [&str; 2] = ["peak.rate_per_s", "peak.server_cpu_us_per_request"];

/// Fills in what follows from the models' reports, which have to be concluded: outcomes,
/// comparisons, and the verdict. While a run is on its way (`is_over` false) nothing is compared.
pub fn conclude_run(run: &mut RunReport, reports: &[&ModelReport], is_over: bool) {
    run.models = reports.iter().map(|report| outcome(report)).collect();
    let mut checks = Vec::new();
    if is_over {
        let control = run.aa_control.clone();
        let control = control.and_then(|aa| Some((control_of(run, reports, &aa)?, aa)));
        if let Some((comparison, aa)) = &control {
            checks.push(aa_control(comparison, aa));
            run.noise_bands = noise_bands(comparison);
        }
        let is_control = |report: &ModelReport| {
            let aa = run.aa_control.as_ref();
            aa.is_some_and(|aa| aa.control == report.model.name)
        };
        let compared: Vec<&ModelReport> = reports
            .iter()
            .filter(|report| !is_control(report))
            .copied()
            .collect();
        let options = Options {
            noise_bands: run.noise_bands.clone(),
            ..Options::default()
        };
        (run.comparisons, run.not_compared) = compare_pairs(&compared, &run.plan, &options);
    }
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

/// The model against itself; `None` when one of both can't be compared.
fn control_of(
    run: &RunReport,
    reports: &[&ModelReport],
    aa: &AaControl,
) -> Option<ComparisonReport> {
    let named = |name: &str| reports.iter().find(|report| report.model.name == name);
    let (model, control) = (named(&aa.model)?, named(&aa.control)?);
    compare(model, control, (&run.plan, &run.plan), &Options::default()).ok()
}

fn aa_control(comparison: &ComparisonReport, aa: &AaControl) -> Check {
    let judged = comparison
        .figures
        .iter()
        .filter(|f| JUDGED.contains(&f.id.as_str()));
    let differing: Vec<String> = judged
        .filter(|f| {
            matches!(
                f.comparison.difference,
                Difference::Higher | Difference::Lower
            )
        })
        .map(|f| format!("{} by {:.1} %", f.label, (f.comparison.ratio - 1.0) * 100.0))
        .collect();
    let detail = if differing.is_empty() {
        format!("{} doesn't differ from itself", aa.model)
    } else {
        format!(
            "{} differs from itself in {}",
            aa.model,
            differing.join(" and ")
        )
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

/// As far as the interval of each figure reaches when nothing differs.
fn noise_bands(comparison: &ComparisonReport) -> BTreeMap<String, f64> {
    let figures = comparison.figures.iter();
    figures
        .map(|figure| (figure.id.clone(), reach(&figure.comparison)))
        .collect()
}
