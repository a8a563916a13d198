//! Reading saved reports: files from anywhere, which may be anything.

use crate::usage::usage;
use report::{
    model::{MODEL_SCHEMA, ModelReport},
    run::{RUN_SCHEMA, RunReport},
    stats::decode,
};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A model's report with that of its run.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) run: RunReport,
    pub(crate) report: ModelReport,
}

#[derive(Deserialize)]
struct Schema {
    schema: String,
}

/// The models of a run's directory (or its run.json), or one of them: `run/epoll.json` or
/// `run/epoll`.
///
/// # Errors
/// What can't be read, and why.
pub(crate) fn models(path: &Path) -> anyhow::Result<Vec<Saved>> {
    if path.is_dir() || path.file_name().is_some_and(|name| name == "run.json") {
        let (run, reports) = run(path)?;
        let saved = reports.into_iter().map(|report| Saved {
            run: run.clone(),
            report,
        });
        return Ok(saved.collect());
    }
    let mut file = path.to_owned();
    if !file.exists() {
        file.as_mut_os_string().push(".json");
    }
    if !file.exists() {
        return Err(usage(format!(
            "there is no {}: name a report or the directory of a run",
            path.display()
        )));
    }
    let report = model(&file)?;
    let run = report_of(&file.with_file_name("run.json"), RUN_SCHEMA)?;
    Ok(vec![Saved { run, report }])
}

/// A run and its models.
///
/// # Errors
/// What can't be read, and why.
pub(crate) fn run(path: &Path) -> anyhow::Result<(RunReport, Vec<ModelReport>)> {
    let file = match path.is_dir() {
        true => path.join("run.json"),
        false => path.to_owned(),
    };
    let run: RunReport = report_of(&file, RUN_SCHEMA)?;
    let directory = file.parent().map_or_else(PathBuf::new, Path::to_owned);
    let models = run
        .models
        .iter()
        // A report names its neighbours; it doesn't send the reader elsewhere.
        .map(|outcome| match Path::new(&outcome.report).file_name() {
            Some(name) => model(&directory.join(name)),
            None => Err(usage(format!("{} names no report", file.display()))),
        })
        .collect::<anyhow::Result<_>>()?;
    Ok((run, models))
}

fn model(file: &Path) -> anyhow::Result<ModelReport> {
    let report: ModelReport = report_of(file, MODEL_SCHEMA)?;
    for window in report
        .trials
        .iter()
        .flat_map(|trial| &trial.steps)
        .map(|step| &step.window)
    {
        let scheduled = window.scheduled.as_ref();
        let histograms = [
            Some(&window.service_time_histogram),
            scheduled.map(|scheduled| &scheduled.response_time_histogram),
            scheduled.map(|scheduled| &scheduled.lag_histogram),
        ];
        for text in histograms.into_iter().flatten() {
            decode(text).map_err(|error| usage(format!("{}: {error}", file.display())))?;
        }
    }
    Ok(report)
}

fn report_of<T: DeserializeOwned>(file: &Path, schema: &str) -> anyhow::Result<T> {
    let shown = file.display();
    let text =
        fs::read_to_string(file).map_err(|error| usage(format!("can't read {shown}: {error}")))?;
    let named: Schema = serde_json::from_str(&text)
        .map_err(|error| usage(format!("{shown} is no report of Millionfold: {error}")))?;
    if named.schema != schema {
        let found = named.schema;
        return Err(usage(format!(
            "{shown} is {found:?}, and {schema:?} was expected"
        )));
    }
    serde_json::from_str(&text)
        .map_err(|error| usage(format!("{shown} is not as {schema} says: {error}")))
}
