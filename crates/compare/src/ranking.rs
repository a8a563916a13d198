//! All contestants of a run, figure by figure: between which ranks each lies.

use crate::{
    contest::{Field, fields},
    figures,
    options::Options,
    refusal::usable,
};
use report::{
    comparison::{Better, Difference, FigureRanking, RankedContestant, Ranks},
    model::ModelReport,
    run::{AaControl, PlannedLoad, RunReport},
};
use stats::Family;

/// Ranks the contestants of a run in every figure that more than one of them has. Ratios from
/// 1 / (1 + margin) to 1 + margin are as good as equal. Returns the rankings, and why contestants
/// were left out.
///
/// The A/A control takes part like any other. Where its interval against its model excludes 1, the
/// figure's comparisons are suspect.
pub fn rank(
    run: &RunReport,
    reports: &[&ModelReport],
    margin: f64,
) -> (Vec<FigureRanking>, Vec<String>) {
    let (usable, mut notes) = usable(run, reports);
    let all = figures::of_all(&usable);
    let (fields, of_fields) = fields(&usable, &all, &run.plan, Family::AllPairs, margin);
    notes.extend(of_fields);
    (rankings(run, &usable, &fields, margin), notes)
}

pub(crate) fn rankings(
    run: &RunReport,
    reports: &[&ModelReport],
    fields: &[Field],
    margin: f64,
) -> Vec<FigureRanking> {
    let rankings = fields.iter().map(|field| FigureRanking {
        suspect: run
            .aa_control
            .as_ref()
            .and_then(|control| differs_from_itself(field, reports, control)),
        ..ranking(field, reports, margin)
    });
    rankings.collect()
}

/// Whether every pair is decided or equal in the primary figures of these loads, as far as they are
/// measured. Without a pair there is nothing to decide.
pub fn is_decided(run: &RunReport, reports: &[&ModelReport], loads: &[PlannedLoad]) -> bool {
    let margin = Options::default().margin;
    let (usable, _) = usable(run, reports);
    let all = figures::of_all(&usable);
    let (fields, _) = fields(&usable, &all, &run.plan, Family::AllPairs, margin);
    let is_asked = |field: &&Field| {
        let mut loads = loads.iter();
        field.primary && loads.any(|planned| figures::is_of(&field.id, &planned.load))
    };
    let mut asked = fields.iter().filter(is_asked);
    asked.all(|field| field.is_decided(margin))
}

fn differs_from_itself(
    field: &Field,
    reports: &[&ModelReport],
    control: &AaControl,
) -> Option<String> {
    let named = |name: &str| reports.iter().position(|report| report.model.name == name);
    let (model, again) = (named(&control.model)?, named(&control.control)?);
    let comparison = field.comparison(model, again, 0.0)?;
    let interval = comparison.interval?;
    (interval.low > 1.0 || interval.high < 1.0).then(|| {
        format!(
            "{} differs from itself by {:+.1} % in {}",
            control.model,
            (comparison.ratio - 1.0) * 100.0,
            field.label
        )
    })
}

/// The places of all contestants that have the figure.
///
/// A rank is bounded by those that are surely better and surely worse: all these bounds hold
/// together where the intervals do. Sources: Al Mohamad, Goeman and van Zwet, "Simultaneous
/// confidence intervals for ranks", Biometrics 78, 2022; Klein, Wright and Wieczorek, "A joint
/// confidence region for an overall ranking of populations", Journal of the Royal Statistical
/// Society C 69, 2020.
fn ranking(field: &Field, reports: &[&ModelReport], margin: f64) -> FigureRanking {
    let taking_part = || (0..reports.len()).filter(|&index| field.median(index).is_some());
    let count = taking_part().count() as u32;
    let mut ranks = vec![(1, count); reports.len()];
    let (mut decided, mut equal) = (0, 0);
    for ((first, second), difference) in field.differences(margin) {
        let better_one = match (difference, field.better) {
            (Difference::Higher, Better::Higher) | (Difference::Lower, Better::Lower) => second,
            (Difference::Higher, Better::Lower) | (Difference::Lower, Better::Higher) => first,
            (Difference::Equal, _) => {
                equal += 1;
                continue;
            }
            (Difference::CantTell, _) => continue,
        };
        decided += 1;
        ranks[better_one].1 -= 1;
        ranks[first + second - better_one].0 += 1;
    }
    let contestants = taking_part().filter_map(|index| {
        let (best, worst) = ranks[index];
        Some(RankedContestant {
            model: reports[index].model.name.clone(),
            median: field.median(index)?,
            ranks: Ranks { best, worst },
        })
    });
    FigureRanking {
        id: field.id.clone(),
        label: field.label.clone(),
        unit: field.unit.clone(),
        better: field.better,
        primary: field.primary,
        confidence: 1.0 - field.error,
        pairs: count * (count - 1) / 2,
        pairs_decided: decided,
        pairs_equal: equal,
        contestants: best_first(contestants.collect(), field.better),
        suspect: None,
    }
}

fn best_first(mut contestants: Vec<RankedContestant>, better: Better) -> Vec<RankedContestant> {
    contestants.sort_by(|a, b| {
        let by_median = match better {
            Better::Higher => b.median.total_cmp(&a.median),
            Better::Lower => a.median.total_cmp(&b.median),
        };
        let middle = |one: &RankedContestant| one.ranks.best + one.ranks.worst;
        middle(a).cmp(&middle(b)).then(by_median)
    });
    contestants
}
