//! All pairs of a run's models, adjusted for how many there are.

use super::pair::{Options, compare, is_regression, refuse_invalid};
use crate::stats::with_holm;
use report::comparison::ComparisonReport;
use report::{comparison::Comparison, model::ModelReport, run::Plan};
use std::collections::BTreeSet;

/// Compares every model with every other that comes after it, and adjusts the p of each figure
/// for the number of pairs (Holm). Returns the comparisons, and why pairs could not be compared.
pub fn compare_pairs(
    reports: &[&ModelReport],
    plan: &Plan,
    options: &Options,
) -> (Vec<ComparisonReport>, Vec<String>) {
    let mut compared = Vec::new();
    let mut refused = Vec::new();
    let mut usable = Vec::new();
    for report in reports {
        match refuse_invalid("model", report) {
            Ok(()) => usable.push(report),
            Err(refusal) => refused.push(refusal.to_string()),
        }
    }
    for (index, baseline) in usable.iter().enumerate() {
        for candidate in &usable[index + 1..] {
            match compare(baseline, candidate, (plan, plan), options) {
                Ok(comparison) => compared.push(comparison),
                Err(refusal) => refused.push(refusal.to_string()),
            }
        }
    }
    adjust(&mut compared);
    (compared, refused)
}

fn adjust(reports: &mut [ComparisonReport]) {
    let figures = reports.iter().flat_map(|report| &report.figures);
    let ids: BTreeSet<String> = figures.map(|figure| figure.id.clone()).collect();
    for id in ids {
        let mut figures: Vec<_> = reports
            .iter_mut()
            .flat_map(|report| {
                let threshold = report.threshold;
                let figures = report.figures.iter_mut();
                figures.map(move |figure| (threshold, figure))
            })
            .filter(|(_, figure)| figure.id == id)
            .collect();
        let mut comparisons: Vec<Comparison> = figures
            .iter()
            .map(|(_, figure)| figure.comparison)
            .collect();
        with_holm(&mut comparisons);
        for ((threshold, figure), comparison) in figures.iter_mut().zip(comparisons) {
            figure.comparison = comparison;
            figure.regression = is_regression(&comparison, figure.better, *threshold);
        }
    }
    for report in reports {
        report.regression = report.figures.iter().any(|figure| figure.regression);
    }
}
