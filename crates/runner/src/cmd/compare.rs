//! `runner compare`: two models, or one before and after, figure by figure.

use crate::{exit::Exit, output, usage::usage};
use analysis::{
    compare::{Options, compare, compare_pairs},
    stats::NOISE_BAND_MIN,
};
use clap::{Args, ValueEnum};
use render::comparison::{markdown, text};
use report::comparison::ComparisonReport;
use std::path::PathBuf;
use store::read::{self, Saved};

#[derive(Args, Debug)]
pub(crate) struct CompareArgs {
    /// A report of a model (run/epoll.json, or run/epoll), or the directory of a run
    #[arg(value_name = "BASELINE")]
    baseline: PathBuf,

    /// What is held against it; left out, the models of the first run are compared with each
    /// other
    #[arg(value_name = "CANDIDATE")]
    candidate: Option<PathBuf>,

    /// Changes for the worse up to this are no regression: 0.05 or 5%
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share)]
    threshold: f64,

    /// Ratios this close to 1 are taken as noise; what an A/A control (--aa) found is used if it
    /// is greater
    #[arg(long, value_name = "SHARE", value_parser = share)]
    noise_band: Option<f64>,

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
    let comparisons = match &args.candidate {
        None => within_a_run(args, &baselines)?,
        Some(path) => across(args, &baselines, &read::models(path)?)?,
    };
    show(&comparisons, args.format)?;
    Ok(
        if comparisons.iter().any(|comparison| comparison.regression) {
            Exit::Regression
        } else {
            Exit::Fine
        },
    )
}

impl CompareArgs {
    fn options(&self, sides: [&Saved; 2]) -> Options {
        // The noisier of both runs decides.
        let mut noise_bands = sides[0].run.noise_bands.clone();
        for (id, band) in &sides[1].run.noise_bands {
            let own = noise_bands.entry(id.clone()).or_default();
            *own = own.max(*band);
        }
        Options {
            threshold: self.threshold,
            noise_band: self.noise_band.unwrap_or(NOISE_BAND_MIN),
            noise_bands,
            allow_different: self.allow_different,
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
    let control = first.run.aa_control.as_ref().map(|aa| &aa.control);
    let reports: Vec<_> = models
        .iter()
        .map(|saved| &saved.report)
        .filter(|report| control != Some(&report.model.name))
        .collect();
    let options = args.options([first, first]);
    let (comparisons, refused) = compare_pairs(&reports, &first.run.plan, &options);
    for reason in &refused {
        output::say(format_args!("not compared: {reason}"));
    }
    if comparisons.is_empty() {
        return Err(usage("there is nothing to compare".to_owned()));
    }
    Ok(comparisons)
}

fn across(
    args: &CompareArgs,
    baselines: &[Saved],
    candidates: &[Saved],
) -> anyhow::Result<Vec<ComparisonReport>> {
    let pairs: Vec<(&Saved, &Saved)> = match (baselines, candidates) {
        ([baseline], [candidate]) => vec![(baseline, candidate)],
        _ => baselines
            .iter()
            .filter_map(|baseline| {
                let name = &baseline.report.model.name;
                let mut candidates = candidates.iter();
                let same = candidates.find(|other| other.report.model.name == *name)?;
                Some((baseline, same))
            })
            .collect(),
    };
    if pairs.is_empty() {
        return Err(usage(
            "the two have no model in common: name one report of each, such as run/epoll.json"
                .to_owned(),
        ));
    }
    let compared = pairs.into_iter().map(|(baseline, candidate)| {
        let plans = (&baseline.run.plan, &candidate.run.plan);
        let options = args.options([baseline, candidate]);
        compare(&baseline.report, &candidate.report, plans, &options)
            .map_err(|refusal| usage(refusal.to_string()))
    });
    compared.collect()
}

fn show(comparisons: &[ComparisonReport], format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::line(serde_json::to_string_pretty(comparisons)?),
        Format::Text | Format::Markdown => {
            for comparison in comparisons {
                match format {
                    Format::Text => output::line(format_args!("{}\n", text(comparison))),
                    _ => output::line(markdown(comparison)),
                }
            }
        }
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
