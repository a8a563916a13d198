//! From checks of trials to a verdict for each figure, and from there to a model's.
//!
//! | file | |
//! |---|---|
//! | `figures` | which figures a report has, and which windows stand behind each |
//! | `seen` | trials with their checks |
//! | `judge` | one figure, by the checks of its windows |

mod figures;
mod judge;
mod seen;

use crate::{reasons::reason, rules};
use figures::figures;
use judge::judge;
pub use judge::words;
use memory::checks as memory_checks;
use report::{
    check::{Check, Direction, Effect, FigureKind, FigureVerdict, Status, Verdict},
    model::ModelReport,
};
use seen::{Seen, seen};
use std::collections::BTreeMap;

/// Two estimates that differ by less than this are one.
const SELECTION_MIN: f64 = 0.005;

/// The verdict of a report whose summary is drawn already.
pub(crate) fn verdict(report: &ModelReport) -> Verdict {
    let seen = seen(report);
    let mut checks: Vec<Check> = seen.iter().flat_map(Seen::checks).cloned().collect();
    checks.extend(report.failure.as_ref().map(rules::failed));
    let mut headline = Vec::new();
    let mut verdict = Verdict::of(checks);
    for figure in figures(report, &seen) {
        let mut judged = match figure.value {
            Some(_) => judge(figure.kind, &figure.trials, figure.half_width_share),
            None => FigureVerdict {
                status: Status::NotMeasured,
                because: Some(reason(report, &figure.id)),
                ..FigureVerdict::default()
            },
        };
        judged.is_headline = figure.is_headline;
        if figure.is_headline {
            headline.push(judged.status);
        }
        verdict.figures.insert(figure.id, judged);
    }
    let measured = headline
        .iter()
        .filter(|status| **status != Status::NotMeasured);
    verdict.status = match (&report.failure, measured.max()) {
        (Some(_), _) => Status::Invalid,
        (None, Some(worst)) => *worst,
        // There was no time for it, which says nothing about it.
        (None, None) if report.trials.is_empty() => Status::NotMeasured,
        (None, None) => verdict
            .figures
            .values()
            .map(|f| f.status)
            .max()
            .unwrap_or_default(),
    };
    verdict
}

/// The figures of a report by their paths.
pub(crate) fn values(report: &ModelReport) -> BTreeMap<String, f64> {
    let figures = figures(report, &[]).into_iter();
    figures
        .filter_map(|figure| Some((figure.id, figure.value?)))
        .collect()
}

/// Makes those figures suspect that depend on which blocks were made again: over all blocks they
/// differ by more than half of their interval.
pub(crate) fn judge_selection(report: &mut ModelReport) {
    let seen = seen(report);
    let of_accepted = figures(report, &seen);
    let differing = of_accepted.into_iter().filter_map(|figure| {
        let (value, all) = (figure.value?, *report.all_blocks.get(&figure.id)?);
        let share = (all / value - 1.0).abs();
        let known_within = match figure.kind {
            // A page more or less is no selection.
            FigureKind::UserMemory | FigureKind::KernelMemory => memory_checks::ERROR_BYTES / value,
            _ => figure.half_width_share.unwrap_or(0.0),
        };
        let differs = share > known_within.max(SELECTION_MIN);
        differs.then_some((figure.id, figure.is_headline, share, all))
    });
    let differing: Vec<_> = differing.collect();
    for (id, is_headline, share, all) in differing {
        let Some(of) = report.verdict.figures.get_mut(&id) else {
            continue;
        };
        if of.status >= Status::Suspect {
            continue;
        }
        *of = FigureVerdict {
            status: Status::Suspect,
            is_headline,
            bias: Some(Effect::Biases {
                direction: Direction::Either,
                up_to_share: Some(share),
            }),
            check: Some("selection".to_owned()),
            because: Some(format!(
                "over all blocks, those that were made again included, it is {all:.4}"
            )),
            ..FigureVerdict::default()
        };
        if is_headline {
            report.verdict.status = report.verdict.status.max(Status::Suspect);
        }
    }
}
