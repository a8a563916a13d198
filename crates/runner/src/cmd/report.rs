//! `runner report`: shows saved reports again. Measuring and reporting are apart.

use crate::{output, usage::usage};
use clap::{Args, ValueEnum};
use report::{
    model::ModelReport,
    run::{RUN_SCHEMA, RunReport},
    table::{explanation, markdown, table},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

#[derive(Args, Debug)]
pub(crate) struct ReportArgs {
    /// Directories of runs (or their run.json)
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// Show every check with what was measured, not only the worst
    #[arg(long)]
    explain: bool,

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
}

pub(crate) fn report(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    for path in &args.runs {
        let file = if path.is_dir() {
            path.join("run.json")
        } else {
            path.clone()
        };
        let run: RunReport = read(&file)?;
        if run.schema != RUN_SCHEMA {
            return Err(usage(format!(
                "{} is {:?}, this runner reads {RUN_SCHEMA:?}",
                file.display(),
                run.schema
            )));
        }
        let directory = file.parent().unwrap_or(Path::new("."));
        let models: anyhow::Result<Vec<ModelReport>> = run
            .models
            .iter()
            .map(|model| read(&directory.join(&model.report)))
            .collect();
        let models = models?;
        match args.format {
            Format::Text => {
                output::line(format_args!(
                    "{}\n{}",
                    table(&models),
                    explanation(&models, &run, args.explain)
                ));
            }
            Format::Markdown => output::write(format_args!("{}", markdown(&run, &models))),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read_to_string(path)
        .map_err(|error| usage(format!("can't read {}: {error}", path.display())))?;
    serde_json::from_str(&text).map_err(|error| {
        usage(format!(
            "{} is not a report of a run: {error}",
            path.display()
        ))
    })
}
