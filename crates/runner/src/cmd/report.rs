//! `runner report`: shows saved reports again. Measuring and reporting are apart.

use crate::{exit::Exit, gates::GateArgs, output};
use clap::{Args, ValueEnum};
use render::{
    comparison::rankings,
    table::{explanation, markdown, table},
};
use std::path::PathBuf;
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
}

pub(crate) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    if matches!(args.format, Format::Html) {
        let runs: Vec<_> = args
            .runs
            .iter()
            .map(|path| read::run(path))
            .collect::<Result<_, _>>()?;
        let runs: Vec<_> = runs.iter().map(|(run, models)| (run, &**models)).collect();
        output::write(page::page(&runs));
        return Ok(Exit::Fine);
    }
    let mut exit = Exit::Fine;
    for path in &args.runs {
        let (run, models) = read::run(path)?;
        match args.format {
            Format::Text => {
                output::line(format_args!(
                    "{}\n{}",
                    table(&models),
                    explanation(&models, &run, args.explain)
                ));
                if !run.rankings.is_empty() {
                    output::line(format_args!("\n{}", rankings(&run.rankings, false)));
                }
            }
            Format::Markdown => output::write(format_args!("{}", markdown(&run, &models))),
            Format::Html => unreachable!("returned above"),
        }
        exit = args.gates.pass(&models, exit);
    }
    Ok(exit)
}
