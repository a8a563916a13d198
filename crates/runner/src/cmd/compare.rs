//! `runner compare`: two models, one before and after, or all of a run, figure by figure.

use crate::{exit::Exit, output, usage::usage};
use clap::{Args, ValueEnum};
use compare::{Options, Refusal, compare, compare_against, compare_pairs, rank};
use render::{
    comparison::{markdown, markdown_of_run, rankings, text},
    fitted,
};
use report::{
    comparison::{ComparedFigure, ComparisonReport, Difference},
    model::ModelReport,
    run::RunReport,
};
use std::{io::stdout, path::PathBuf};
use store::read::{self, Saved};

/// Changes for the worse of a candidate up to this are no regression, if nobody says otherwise.
pub(crate) const THRESHOLD: f64 = 0.05;

#[derive(Args, Debug)]
pub(crate) struct CompareArgs {
    /// A report of a model (run/epoll.json, or run/epoll), or the directory of a run
    #[arg(value_name = "BASELINE")]
    baseline: PathBuf,

    /// What is held against it; left out, the models of the first run are compared with each
    /// other
    #[arg(value_name = "CANDIDATE")]
    candidate: Option<PathBuf>,

    /// Compare all other models of the run with this one
    #[arg(long, value_name = "MODEL", conflicts_with = "candidate")]
    against: Option<String>,

    /// Changes for the worse up to this are no regression: 0.05 or 5% [default: 5% for a candidate;
    /// within a run nothing is judged as a regression without it]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    threshold: Option<f64>,

    /// Ratios this close to 1 are as good as equal
    #[arg(long, value_name = "SHARE", default_value = "2%", value_parser = share)]
    margin: f64,

    /// Say of different runs what is said of one, so that whatever differs between their machines
    /// counts as a difference between the models
    #[arg(long)]
    allow_across: bool,

    /// Compare even what did different work, and say how it differed
    #[arg(long)]
    allow_different: bool,

    /// How to show it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A table, and what it comes to
    Text,
    /// All of it, for programs
    Json,
    /// A table for a pull request
    Markdown,
}

pub(crate) fn compare_reports(args: &CompareArgs) -> anyhow::Result<Exit> {
    let baselines = read::models(&args.baseline)?;
    let compared = match &args.candidate {
        None => (within_a_run(args, &baselines)?, true),
        Some(path) => across(args, &baselines, &read::models(path)?)?,
    };
    Ok(outcome(&compared))
}

/// Of models that two runs have in common, and whether something could be compared of each.
pub(crate) type Compared = (Vec<ComparisonReport>, bool);

/// A regression goes before what could not be told: of a figure, or of a model. What is suspect tells nothing.
pub(crate) fn outcome((comparisons, are_all): &Compared) -> Exit {
    let figures = || {
        comparisons
            .iter()
            .flat_map(|comparison| &comparison.figures)
    };
    let is_told = |figure: &ComparedFigure| {
        let difference = figure.comparison.difference;
        figure.suspect.is_none() && difference.is_some_and(|told| told != Difference::CantTell)
    };
    if comparisons.iter().any(|comparison| comparison.regression) {
        Exit::Regression
    } else if *are_all && figures().any(is_told) {
        Exit::Fine
    } else {
        Exit::CantTell
    }
}

impl CompareArgs {
    fn options(&self) -> Options {
        Options {
            margin: self.margin,
            threshold: self.threshold,
            allow_different: self.allow_different,
            allow_across: self.allow_across,
        }
    }
}

fn within_a_run(args: &CompareArgs, models: &[Saved]) -> anyhow::Result<Vec<ComparisonReport>> {
    let [first, _, ..] = models else {
        return Err(usage(format!(
            "{} has one model: say what to compare it with",
            args.baseline.display()
        )));
    };
    let (run, options) = (&first.run, args.options());
    let reports: Vec<&ModelReport> = models.iter().map(|saved| &saved.report).collect();
    let (comparisons, notes) = match &args.against {
        None => compare_pairs(run, &reports, &options),
        Some(baseline) => compare_against(run, baseline, &reports, &options)
            .map_err(|refusal| usage(refusal.to_string()))?,
    };
    for note in &notes {
        output::say(format_args!("note: {note}"));
    }
    if comparisons.is_empty() {
        return Err(usage("there is nothing to compare".to_owned()));
    }
    // A hundred pairs are for programs.
    let are_many = args.against.is_none() && comparisons.len() > 1;
    let ranked = || rank(run, &reports, args.margin).0;
    match args.format {
        Format::Text if are_many => {
            let columns = output::columns(stdout());
            let shown = rankings(&ranked(), true, columns);
            output::line(fitted(&shown, columns) + "\n");
            output::say("pair by pair: --against MODEL, or --format json");
        }
        Format::Markdown if are_many => output::line(markdown_of_run(&ranked(), &comparisons)),
        _ => show(&comparisons, args.format)?,
    }
    Ok(comparisons)
}

fn across(
    args: &CompareArgs,
    baselines: &[Saved],
    candidates: &[Saved],
) -> anyhow::Result<Compared> {
    let options = Options {
        threshold: Some(args.threshold.unwrap_or(THRESHOLD)),
        ..args.options()
    };
    let candidates: Vec<_> = candidates.iter().map(Saved::both).collect();
    let compared = pairs(baselines, &candidates, &options)?;
    show(&compared.0, args.format)?;
    Ok(compared)
}

/// Models of one run against those of the same name of another, or one against one whatever their names.
///
/// Those of which nothing may be used are named and left out.
///
/// # Errors
/// They have no model in common of which something may be used, or did different work.
pub(crate) fn pairs(
    baselines: &[Saved],
    candidates: &[(&RunReport, &ModelReport)],
    options: &Options,
) -> anyhow::Result<Compared> {
    let pairs: Vec<_> = match (baselines, candidates) {
        ([baseline], [candidate]) => vec![(baseline, *candidate)],
        _ => baselines
            .iter()
            .filter_map(|baseline| {
                let name = &baseline.report.model.name;
                let mut candidates = candidates.iter();
                let same = candidates.find(|(_, other)| other.model.name == *name)?;
                Some((baseline, *same))
            })
            .collect(),
    };
    if pairs.is_empty() {
        return Err(usage(
            "the two have no model in common: name one report of each, such as run/epoll.json"
                .to_owned(),
        ));
    }
    let are_several = pairs.len() > 1;
    let mut compared = Vec::new();
    let mut refused = None;
    for (baseline, candidate) in pairs {
        match compare(baseline.both(), candidate, options) {
            Ok(one) => compared.push(one),
            // One that failed says nothing of the others.
            Err(refusal @ (Refusal::Invalid { .. } | Refusal::NothingInCommon { .. }))
                if are_several =>
            {
                output::say(format_args!("not compared: {refusal}"));
                refused = Some(refusal);
            }
            Err(refusal) => return Err(usage(refusal.to_string())),
        }
    }
    match refused {
        Some(refusal) if compared.is_empty() => Err(usage(refusal.to_string())),
        refused => Ok((compared, refused.is_none())),
    }
}

fn show(comparisons: &[ComparisonReport], format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::line(serde_json::to_string_pretty(comparisons)?),
        Format::Text => comparisons.iter().for_each(|one| {
            let columns = output::columns(stdout());
            output::line(fitted(&text(one, columns), columns) + "\n");
        }),
        Format::Markdown => comparisons
            .iter()
            .for_each(|one| output::line(markdown(one))),
    }
    Ok(())
}

fn share(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse().map(|percent: f64| percent / 100.0),
        None => text.parse(),
    };
    match share {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("a share such as 0.05 or 5%".to_owned()),
    }
}
