//! `runner export`: saved reports in formats that other tools read.

use crate::{exit::Exit, output, usage::usage};
use clap::{Args, ValueEnum};
use export::{
    bencher::bencher, csv::csv, github::github, histograms, lean::lean, openmetrics::openmetrics,
};
use report::{comparison::Better, model::ModelReport, run::RunReport};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use store::save::RunDirectory;

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// Directory of a run (or its run.json)
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// For whom
    #[arg(long, value_enum)]
    format: Format,

    /// Write to this file instead of standard output; for hgrm, svg and lean into this
    /// directory
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A row for each figure of each block, for R, pandas, a spreadsheet
    Csv,
    /// HdrHistogram's percentile distributions, a file for each model and load
    Hgrm,
    /// HdrHistogram's interval log, a line for each window
    Hlog,
    /// For Prometheus and its kind, through a push gateway or a textfile collector
    Openmetrics,
    /// Bencher Metric Format
    Bmf,
    /// For github-action-benchmark's customSmallerIsBetter: times, CPU, memory
    GithubBenchmarkSmaller,
    /// For its customBiggerIsBetter: rates
    GithubBenchmarkBigger,
    /// Charts of memory, CPU and response times, light and dark, for a README
    Svg,
    /// The table, for a comment on a pull request
    Markdown,
    /// The same reports, small enough for a repository: histograms that are drawn know values to 1 %
    Lean,
}

pub(crate) fn export(args: &ExportArgs) -> anyhow::Result<Exit> {
    let (run, reports) = store::read::run(&args.run)?;
    let is_of_trials = !matches!(args.format, Format::Markdown | Format::Svg);
    if is_of_trials && reports.iter().all(|report| report.trials.is_empty()) {
        return Err(usage(format!(
            "{}: there are no trials beside the reports (<model>.trials.json.gz), from which this is \
             made",
            args.run.display()
        )));
    }
    let text = match args.format {
        Format::Hgrm => return files(args.out.as_deref(), histograms::distributions(&reports)?),
        Format::Lean => return reports_again(args.out.as_deref(), &run, reports),
        Format::Svg => return files(args.out.as_deref(), page::pictures(&run, &reports)),
        Format::Csv => csv(&reports)?,
        Format::Hlog => histograms::log(&reports)?,
        Format::Openmetrics => openmetrics(&reports),
        Format::Bmf => bencher(&reports),
        Format::GithubBenchmarkSmaller => github(&reports, Better::Lower),
        Format::GithubBenchmarkBigger => github(&reports, Better::Higher),
        Format::Markdown => render::table::markdown(&run, &reports),
    };
    match &args.out {
        None => output::write(text),
        Some(file) => fs::write(file, text).map_err(|error| unwritable(file, &error))?,
    }
    Ok(Exit::Fine)
}

/// A file each, whose paths are printed.
fn files(out: Option<&Path>, files: Vec<(String, String)>) -> anyhow::Result<Exit> {
    let directory = directory(out)?;
    for (name, text) in files {
        // A model's name comes from a report, which may be anybody's.
        let file = directory.join(name.replace(['/', '\\'], "_"));
        fs::write(&file, text).map_err(|error| unwritable(&file, &error))?;
        output::line(file.display());
    }
    Ok(Exit::Fine)
}

/// The directory of a run, whose paths are printed.
fn reports_again(
    out: Option<&Path>,
    run: &RunReport,
    reports: Vec<ModelReport>,
) -> anyhow::Result<Exit> {
    let directory = RunDirectory::open(directory(out)?);
    for report in reports {
        output::line(directory.write_model(&lean(report)?)?.display());
    }
    output::line(directory.write_run(run)?.display());
    Ok(Exit::Fine)
}

/// The directory that was asked for, which is made if it isn't there.
fn directory(out: Option<&Path>) -> anyhow::Result<&Path> {
    let directory =
        out.ok_or_else(|| usage("there are several files of this format: --out DIRECTORY"))?;
    fs::create_dir_all(directory).map_err(|error| unwritable(directory, &error))?;
    Ok(directory)
}

fn unwritable(path: &Path, error: &io::Error) -> anyhow::Error {
    usage(format!("can't write {}: {error}", path.display()))
}
