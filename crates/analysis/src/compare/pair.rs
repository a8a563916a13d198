//! Two models of one run, or one model before and after a change, figure by figure.

use super::{
    figures::{self, Figure},
    plans::{self, PlanDifference},
};
use crate::stats::{NOISE_BAND_MIN, compare_blocks, median, with_band};
use report::{
    check::Status,
    comparison::{
        Better, COMPARISON_SCHEMA, ComparedFigure, Comparison, ComparisonReport, Difference, Side,
    },
    model::ModelReport,
    run::Plan,
};
use std::collections::BTreeMap;
use thiserror::Error;

/// Of what little is drawn by lot: the same reports give the same comparison.
const SEED: u64 = 0;

/// How to compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Changes for the worse up to this share are no regression; 0.05 is 5 %.
    pub threshold: f64,
    /// Ratios this close to 1 are noise, as a share.
    pub noise_band: f64,
    /// The same for single figures, by id, where an A/A control has told; the greater counts.
    pub noise_bands: BTreeMap<String, f64>,
    /// Compare even what was asked for different things, and note how they differ.
    pub allow_different: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threshold: 0.05,
            noise_band: NOISE_BAND_MIN,
            noise_bands: BTreeMap::new(),
            allow_different: false,
        }
    }
}

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
    /// There is nothing to compare.
    #[error("baseline and candidate have no figure in common that could be compared{}",
        .notes.iter().map(|note| format!("\n  {note}")).collect::<String>())]
    NothingInCommon {
        /// Why not, figure by figure.
        notes: Vec<String>,
    },
}

/// Compares the figures that both reports have, block by block. `plans` are those of the runs
/// that the reports belong to, in the same order.
///
/// Service times in closed load are left out: each side has them at a rate of its own, and the
/// faster server, asked more often, would look the slower one.
///
/// # Errors
/// One side is invalid, they did different work, or they have no figure in common.
pub fn compare(
    baseline: &ModelReport,
    candidate: &ModelReport,
    plans: (&Plan, &Plan),
    options: &Options,
) -> Result<ComparisonReport, Refusal> {
    refuse_invalid("baseline", baseline)?;
    refuse_invalid("candidate", candidate)?;
    let differences = plans::differences(plans.0, plans.1);
    if !differences.is_empty() && !options.allow_different {
        return Err(Refusal::Different(differences));
    }
    let mut notes = notes(baseline, candidate);
    notes.extend(differences.iter().map(|d| format!("different work: {d}")));
    let same_run = baseline.run == candidate.run;
    let mut compared = Vec::new();
    for pair in common_figures(baseline, candidate, &mut notes) {
        match compare_figure(&pair, same_run, options) {
            Ok(figure) => compared.push(figure),
            Err(note) => notes.push(note),
        }
    }
    if compared.is_empty() {
        return Err(Refusal::NothingInCommon { notes });
    }
    Ok(ComparisonReport {
        schema: COMPARISON_SCHEMA.to_owned(),
        baseline: side(baseline),
        candidate: side(candidate),
        regression: compared.iter().any(|figure| figure.regression),
        figures: compared,
        threshold: options.threshold,
        notes,
    })
}

fn side(report: &ModelReport) -> Side {
    Side {
        run: report.run.clone(),
        model: report.model.name.clone(),
        binary_sha256: report.model.binary_sha256.clone(),
    }
}

pub(super) fn refuse_invalid(side: &'static str, report: &ModelReport) -> Result<(), Refusal> {
    if report.verdict.status < Status::Invalid {
        return Ok(());
    }
    let worst = report.verdict.worst();
    Err(Refusal::Invalid {
        side,
        model: report.model.name.clone(),
        run: report.run.clone(),
        check: worst.map_or_else(|| "verdict".to_owned(), |check| check.id.clone()),
        detail: worst.map_or_else(|| "no check says why".to_owned(), |c| c.detail.clone()),
    })
}

/// What to keep in mind when reading any of the figures.
fn notes(baseline: &ModelReport, candidate: &ModelReport) -> Vec<String> {
    let mut notes = Vec::new();
    if baseline.run != candidate.run {
        notes.push(
            "from different runs: whatever changed on the machine between them counts as a \
             difference too"
                .to_owned(),
        );
    }
    let programs = [baseline, candidate].map(|report| report.model.binary_sha256.as_ref());
    if programs[0].is_some() && programs[0] == programs[1] {
        notes.push("both sides are the same executable: what differs is noise".to_owned());
    }
    for (side, report) in [("baseline", baseline), ("candidate", candidate)] {
        if report.verdict.status == Status::Suspect {
            let checks = report.verdict.checks.iter();
            let mut failed: Vec<&str> = checks
                .filter(|check| !check.passed)
                .map(|check| check.id.as_str())
                .collect();
            failed.sort_unstable();
            failed.dedup();
            notes.push(format!("the {side} is suspect: {}", failed.join(", ")));
        }
        if report.interrupted {
            notes.push(format!("the {side}'s run was interrupted"));
        }
    }
    if let (Some(a), Some(b)) = (&baseline.summary.peak, &candidate.summary.peak)
        && a.connections != b.connections
    {
        notes.push(format!(
            "the baseline's rate peaks at {} connections, the candidate's at {}",
            a.connections, b.connections
        ));
    }
    notes
}

/// The figures of both sides; those of one side only are noted.
fn common_figures(
    baseline: &ModelReport,
    candidate: &ModelReport,
    notes: &mut Vec<String>,
) -> Vec<(Figure, Figure)> {
    let mut only_one = |figure: &Figure, side: &str| {
        let Figure { label, .. } = figure;
        notes.push(format!("{label} isn't compared: only the {side} has it"));
    };
    let mut candidates = figures::figures(candidate);
    let mut pairs = Vec::new();
    for figure in figures::figures(baseline) {
        match candidates.iter().position(|other| other.id == figure.id) {
            Some(index) => pairs.push((figure, candidates.remove(index))),
            None => only_one(&figure, "baseline"),
        }
    }
    for figure in &candidates {
        only_one(figure, "candidate");
    }
    pairs
}

/// A figure of both sides compared, or why it isn't.
fn compare_figure(
    (baseline, candidate): &(Figure, Figure),
    same_run: bool,
    options: &Options,
) -> Result<ComparedFigure, String> {
    let because = |reason: &str| format!("{} isn't compared: {reason}", baseline.label);
    let pairs = if same_run {
        by_block(&baseline.values, &candidate.values)
    } else {
        in_order(&baseline.values, &candidate.values)
    };
    let (before, after): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let (Some(middle_before), Some(middle_after)) = (median(&before), median(&after)) else {
        return Err(because("no block has it on both sides"));
    };
    let comparison = compare_blocks(&before, &after, SEED)
        .ok_or_else(|| because("a value of 0 or less has no ratio"))?;
    let comparison = with_band(comparison, band(options, &baseline.id));
    Ok(ComparedFigure {
        id: baseline.id.clone(),
        label: baseline.label.clone(),
        unit: baseline.unit.clone(),
        better: baseline.better,
        baseline: middle_before,
        candidate: middle_after,
        comparison,
        regression: is_regression(&comparison, baseline.better, options.threshold),
    })
}

fn band(options: &Options, id: &str) -> f64 {
    let own = options.noise_bands.get(id).copied().unwrap_or(0.0);
    own.max(options.noise_band)
}

/// Blocks of one run: what the machine did to one side it did to the other.
fn by_block(baseline: &[(u32, f64)], candidate: &[(u32, f64)]) -> Vec<(f64, f64)> {
    let of_candidate = |block: u32| candidate.iter().find(|(other, _)| *other == block);
    baseline
        .iter()
        .filter_map(|&(block, value)| Some((value, of_candidate(block)?.1)))
        .collect()
}

/// Blocks of different runs have nothing in common; any way to pair them is as good.
fn in_order(baseline: &[(u32, f64)], candidate: &[(u32, f64)]) -> Vec<(f64, f64)> {
    let values = |side: &[(u32, f64)]| {
        let mut side = side.to_vec();
        side.sort_unstable_by_key(|(block, _)| *block);
        side.into_iter().map(|(_, value)| value)
    };
    values(baseline).zip(values(candidate)).collect()
}

pub(super) fn is_regression(comparison: &Comparison, better: Better, threshold: f64) -> bool {
    match (comparison.difference, better) {
        (Difference::Lower, Better::Higher) => comparison.interval.high < 1.0 - threshold,
        (Difference::Higher, Better::Lower) => comparison.interval.low > 1.0 + threshold,
        _ => false,
    }
}
