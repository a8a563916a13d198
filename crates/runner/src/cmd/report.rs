//! `runner report`: shows saved reports again. Measuring and reporting are apart.

use crate::{exit::Exit, gates::GateArgs, output};
use clap::{Args, ValueEnum};
use render::{
    comparison::rankings,
    fitted,
    table::{explanation, markdown, table},
};
use report::{model::ModelReport, run::RunReport};
use std::{
    io::stdout,
    path::{Path, PathBuf},
};
use store::read;

#[derive(Args, Debug)]
pub(crate) struct ReportArgs {
    /// Directories of runs (or their run.json)
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// Show every check with what was measured, not only the worst
    #[arg(long)]
    explain: bool,

    #[command(flatten)]
    gates: GateArgs,

    /// How to show them
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A table and the verdicts' reasons
    Text,
    /// A table for a README
    Markdown,
    /// A page with charts, to standard output; of several runs one page, side by side
    Html,
    /// A front page, to standard output: to lie beside the directories of the runs, as 'index.html',
    /// and link to the page in each
    Front,
}

pub(crate) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    let runs = args.runs.iter().map(|path| read::run(path));
    let runs = runs.collect::<Result<Vec<_>, _>>()?;
    if matches!(args.format, Format::Html) {
        let runs: Vec<_> = runs.iter().map(|(run, models)| (run, &**models)).collect();
        output::write(page::page(&runs));
    }
    if matches!(args.format, Format::Front) {
        output::write(front(args, &runs));
    }
    let mut exit = Exit::Fine;
    let columns = output::columns(stdout());
    for (run, models) in &runs {
        match args.format {
            Format::Text => {
                output::line(format_args!(
                    "{}\n{}",
                    table(models, columns),
                    fitted(&explanation(models, run, args.explain), columns)
                ));
                if !run.rankings.is_empty() {
                    output::line(format_args!(
                        "\n{}",
                        fitted(&rankings(&run.rankings, false, columns), columns)
                    ));
                }
            }
            Format::Markdown => output::write(format_args!("{}", markdown(run, models))),
            // One page for all of them.
            Format::Html | Format::Front => {}
        }
        exit = args.gates.pass(models, exit);
    }
    Ok(exit)
}

/// A run is linked by the name of its directory.
fn front(args: &ReportArgs, runs: &[(RunReport, Vec<ModelReport>)]) -> String {
    let directory = |path: &Path| {
        let path = if path.is_file() {
            path.parent().unwrap_or(path)
        } else {
            path
        };
        let name = path
            .canonicalize()
            .ok()
            .and_then(|path| Some(path.file_name()?.to_owned()));
        name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    };
    let directories: Vec<String> = args.runs.iter().map(|path| directory(path)).collect();
    let entries = directories.iter().zip(runs);
    let entries = entries.map(|(directory, (run, models))| page::Entry {
        directory,
        run,
        models,
    });
    page::front(&entries.collect::<Vec<_>>())
}
