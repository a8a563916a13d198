//! Two models of one run, or one model before and after a change, figure by figure.

use crate::{
    contest::{Field, fields, fields_across},
    figures::{self, Figure},
    options::Options,
    plans,
    ranking::{rank, rankings},
    refusal::{Refusal, refuse_invalid, usable},
    settings,
};
use report::{
    check::Status,
    comparison::{
        Better, COMPARISON_SCHEMA, ComparedFigure, ComparisonReport, FigureRanking, Side,
    },
    model::{ModelReport, Range},
    run::RunReport,
};
use stats::Family;

/// Compares the figures that both reports have: of one run block by block, of two by their ratios
/// alone, unless options say otherwise. Each report comes with that of its run.
///
/// Service times in closed load are left out: each side has them at a rate of its own, and the
/// faster server, asked more often, would look the slower one.
///
/// # Errors
/// One side is invalid, they did different work, or they have no figure in common.
pub fn compare(
    baseline: (&RunReport, &ModelReport),
    candidate: (&RunReport, &ModelReport),
    options: &Options,
) -> Result<ComparisonReport, Refusal> {
    refuse_invalid("baseline", &baseline.0.run, baseline.1)?;
    refuse_invalid("candidate", &candidate.0.run, candidate.1)?;
    let (plan, margin) = (&baseline.0.plan, options.margin);
    let differences = plans::differences(plan, &candidate.0.plan);
    if !differences.is_empty() && !options.allow_different {
        return Err(Refusal::Different(differences));
    }
    let reports = [baseline.1, candidate.1];
    let across = !baseline.0.is_same_run(candidate.0);
    let all = reports.map(figures::figures);
    let (fields, of_fields) = if across {
        let tells = options.allow_across;
        fields_across(&all, plan, margin, tells)
    } else {
        fields(&reports, &all, plan, Family::AllPairs, margin)
    };
    let sides = Sides {
        reports: &reports,
        all: &all,
        runs: [&baseline.0.run, &candidate.0.run],
        suspects: if across { &[] } else { &baseline.0.rankings },
    };
    let mut report = sides.report((0, 1), &fields, options);
    report.across_runs = across;
    report.notes.extend(of_fields);
    let different = differences.iter().map(|d| format!("different work: {d}"));
    report.notes.extend(different);
    let models = plan.models.len();
    if !across && models > reports.len() {
        report.notes.push(format!(
            "an interval of these two alone: of {models} models some pair that is picked afterwards \
             differs by chance (compare with the run's directory holds for all pairs at once)"
        ));
    }
    if across {
        report.differences = settings::differences(baseline, candidate);
        report.notes.push(across_note(options).to_owned());
    }
    if report.figures.is_empty() {
        return Err(Refusal::NothingInCommon {
            notes: report.notes,
        });
    }
    Ok(report)
}

fn across_note(options: &Options) -> &'static str {
    if options.allow_across {
        "from different runs: whatever differs between their machines counts as a difference, too"
    } else {
        "from different runs, so that nothing can be said but the ratio: measure both in one run, or \
         take what differs between them into the bargain by --allow-across"
    }
}

/// Compares every model of a run with every other that comes after it, all at once. Returns the
/// comparisons, and why models were left out.
pub fn compare_pairs(
    run: &RunReport,
    reports: &[&ModelReport],
    options: &Options,
) -> (Vec<ComparisonReport>, Vec<String>) {
    let all = figures::of_all(reports);
    let RunComparison { pairs, notes, .. } = compare_run(run, reports, &all, options);
    (pairs, notes)
}

/// What a run comes to: its contestants in every figure, and pair by pair.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunComparison {
    /// Each figure over all contestants.
    pub rankings: Vec<FigureRanking>,
    /// Each against every other that comes after it. Their intervals hold all together, so that any
    /// contestant may be taken as the baseline after they were seen.
    pub pairs: Vec<ComparisonReport>,
    /// Why contestants, or figures of some, were left out.
    pub notes: Vec<String>,
}

/// Ranks and compares the contestants of a run, with figures that were drawn from their reports
/// already: `all` has those of each.
pub fn compare_run(
    run: &RunReport,
    reports: &[&ModelReport],
    all: &[Vec<Figure>],
    options: &Options,
) -> RunComparison {
    let (usable, mut notes) = usable(run, reports);
    let of_usable = usable.iter().filter_map(|report| {
        let names = reports.iter().map(|report| &report.model.name);
        let index = names.clone().position(|name| *name == report.model.name)?;
        all.get(index).cloned()
    });
    let all: Vec<Vec<Figure>> = of_usable.collect();
    let (fields, of_fields) = fields(&usable, &all, &run.plan, Family::AllPairs, options.margin);
    notes.extend(of_fields);
    let count = usable.len();
    let pairs = (0..count).flat_map(|first| (first + 1..count).map(move |second| (first, second)));
    let rankings = rankings(run, &usable, &fields, options.margin);
    let suspects = match run.aa_control {
        Some(_) => rankings.as_slice(),
        None => &[],
    };
    let sides = Sides {
        reports: &usable,
        all: &all,
        runs: [&run.run, &run.run],
        suspects,
    };
    let pairs = sides.pairs(pairs, &fields, options);
    RunComparison {
        rankings,
        pairs,
        notes,
    }
}

/// Compares every other model of a run with this one, all at once; likewise.
///
/// # Errors
/// The run has no such model, or it is invalid.
pub fn compare_against(
    run: &RunReport,
    baseline: &str,
    reports: &[&ModelReport],
    options: &Options,
) -> Result<(Vec<ComparisonReport>, Vec<String>), Refusal> {
    let is_baseline = |report: &&&ModelReport| report.model.name == baseline;
    let found = reports.iter().find(is_baseline);
    let found = found.ok_or_else(|| Refusal::NoSuchModel(baseline.to_owned()))?;
    refuse_invalid("baseline", &run.run, found)?;
    let (usable, mut notes) = usable(run, reports);
    let one = usable
        .iter()
        .position(|report| report.model.name == baseline);
    let one = one.ok_or_else(|| Refusal::NoSuchModel(baseline.to_owned()))?;
    let all = figures::of_all(&usable);
    let (plan, margin) = (&run.plan, options.margin);
    let (fields, of_fields) = fields(&usable, &all, plan, Family::Against(one), margin);
    notes.extend(of_fields);
    let others = (0..usable.len()).filter(|&other| other != one);
    let pairs = others.map(|other| (one, other));
    // What is saved may be older than what is known of controls.
    let suspects = match run.aa_control {
        Some(_) => rank(run, &usable, margin).0,
        None => Vec::new(),
    };
    let sides = Sides {
        reports: &usable,
        all: &all,
        runs: [&run.run, &run.run],
        suspects: &suspects,
    };
    Ok((sides.pairs(pairs, &fields, options), notes))
}

/// Those who are compared.
struct Sides<'a> {
    reports: &'a [&'a ModelReport],
    /// The figures of each.
    all: &'a [Vec<Figure>],
    /// Names of the baseline's run, and of the candidate's.
    runs: [&'a str; 2],
    /// Figures whose comparisons may be suspect.
    suspects: &'a [FigureRanking],
}

impl Sides<'_> {
    fn pairs(
        &self,
        pairs: impl Iterator<Item = (usize, usize)>,
        fields: &[Field],
        options: &Options,
    ) -> Vec<ComparisonReport> {
        let compared = pairs.map(|pair| self.report(pair, fields, options));
        compared
            .filter(|report| !report.figures.is_empty())
            .collect()
    }

    fn report(
        &self,
        (first, second): (usize, usize),
        fields: &[Field],
        options: &Options,
    ) -> ComparisonReport {
        let (baseline, candidate) = (self.reports[first], self.reports[second]);
        let figures = fields.iter();
        let figures: Vec<ComparedFigure> = figures
            .filter_map(|field| self.figure((first, second), field, options))
            .collect();
        let mut notes = notes(baseline, candidate);
        notes.extend(self.not_common(first, second));
        ComparisonReport {
            schema: COMPARISON_SCHEMA.to_owned(),
            baseline: side(self.runs[0], baseline),
            candidate: side(self.runs[1], candidate),
            across_runs: false,
            differences: Vec::new(),
            regression: figures.iter().any(|figure| figure.regression),
            figures,
            threshold: options.threshold,
            margin: options.margin,
            notes,
        }
    }

    fn figure(
        &self,
        (first, second): (usize, usize),
        field: &Field,
        options: &Options,
    ) -> Option<ComparedFigure> {
        let one_sided = field.one_sided(first, second).filter(|_| field.primary);
        let is_worse = |(range, threshold)| is_worse(range, field.better, threshold);
        let mut suspects = self.suspects.iter();
        let suspect = suspects.find(|ranking| ranking.id == field.id);
        let suspect = suspect
            .and_then(|ranking| ranking.suspect.clone())
            .or_else(|| self.biased((first, second), &field.id));
        Some(ComparedFigure {
            id: field.id.clone(),
            label: field.label.clone(),
            unit: field.unit.clone(),
            better: field.better,
            primary: field.primary,
            baseline: field.median(first)?,
            candidate: field.median(second)?,
            comparison: field.comparison(first, second, options.margin)?,
            regression: suspect.is_none() && one_sided.zip(options.threshold).is_some_and(is_worse),
            suspect,
        })
    }
}

impl Sides<'_> {
    /// The figures that only one side has, or that are invalid on one.
    fn not_common(&self, baseline: usize, candidate: usize) -> Vec<String> {
        let only = |(of, side): (usize, &str), (other, other_side): (usize, &str)| {
            let theirs = &self.all[other];
            let missing = self.all[of]
                .iter()
                .filter(|figure| !theirs.iter().any(|other| other.id == figure.id));
            let mut notes = Vec::new();
            let mut without: Vec<&str> = Vec::new();
            for figure in missing {
                match figures::invalid_by(self.reports[other], &figure.id) {
                    Some(check) => notes.push(format!(
                        "{} isn't compared: the {other_side}'s is invalid: {check}",
                        figure.label
                    )),
                    // Two figures may have one label, as that of a process and that of its CPUs.
                    None if without.contains(&&*figure.label) => {}
                    None => without.push(&figure.label),
                }
            }
            if !without.is_empty() {
                let without = without.join(", ");
                notes.push(format!("only the {side} has, so not compared: {without}"));
            }
            notes
        };
        let sides = ((baseline, "baseline"), (candidate, "candidate"));
        let mut notes = only(sides.0, sides.1);
        notes.extend(only(sides.1, sides.0));
        notes
    }

    /// Why the figure of one side is biased by itself.
    fn biased(&self, (first, second): (usize, usize), id: &str) -> Option<String> {
        [("baseline", first), ("candidate", second)]
            .into_iter()
            .find_map(|(side, index)| {
                let verdict = self.reports[index].verdict.figures.get(id)?;
                let check = verdict.check.as_deref().unwrap_or_default();
                (verdict.status == Status::Suspect)
                    .then(|| format!("the {side}'s is suspect: {check}"))
            })
    }
}

fn side(run: &str, report: &ModelReport) -> Side {
    Side {
        run: run.to_owned(),
        model: report.model.name.clone(),
        binary_sha256: report.model.binary_sha256.clone(),
    }
}

/// For all that the interval allows, by more than the threshold.
fn is_worse(Range { low, high }: Range, better: Better, threshold: f64) -> bool {
    match better {
        Better::Higher => high < 1.0 - threshold,
        Better::Lower => low > 1.0 + threshold,
    }
}

/// What to keep in mind when reading any of the figures.
fn notes(baseline: &ModelReport, candidate: &ModelReport) -> Vec<String> {
    let mut notes = Vec::new();
    let programs = [baseline, candidate].map(|report| report.model.binary_sha256.as_ref());
    let threads = [baseline, candidate].map(|report| report.model.threads);
    if threads[0] != threads[1] {
        let [before, after] = threads.map(|threads| match threads {
            Some(threads) => threads.to_string(),
            None => "as many as its plan says".to_owned(),
        });
        notes.push(format!(
            "threads differ: {before} in the baseline, {after} in the candidate"
        ));
    } else if programs[0].is_some() && programs[0] == programs[1] {
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
    notes
}
