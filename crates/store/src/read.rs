//! Reading saved reports: files from anywhere, which may be anything.

use crate::error::StoreError;
use analysis::stats::decode;
use report::{
    model::{MODEL_SCHEMA, ModelReport},
    run::{RUN_SCHEMA, RunReport},
};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A model's report with that of its run.
#[derive(Debug)]
pub struct Saved {
    /// The run.
    pub run: RunReport,
    /// The model.
    pub report: ModelReport,
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
pub fn models(path: &Path) -> Result<Vec<Saved>, StoreError> {
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
        return Err(StoreError::Missing(path.to_owned()));
    }
    let report = model(&file)?;
    let run = report_of(&file.with_file_name("run.json"), RUN_SCHEMA)?;
    Ok(vec![Saved { run, report }])
}

/// A run and its models.
///
/// # Errors
/// What can't be read, and why.
pub fn run(path: &Path) -> Result<(RunReport, Vec<ModelReport>), StoreError> {
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
            None => Err(StoreError::NamesNone(file.clone())),
        })
        .collect::<Result<_, StoreError>>()?;
    Ok((run, models))
}

fn model(file: &Path) -> Result<ModelReport, StoreError> {
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
            decode(text).map_err(|source| StoreError::Histogram {
                path: file.to_owned(),
                source,
            })?;
        }
    }
    Ok(report)
}

fn report_of<T: DeserializeOwned>(file: &Path, schema: &str) -> Result<T, StoreError> {
    let path = || file.to_owned();
    let text = fs::read_to_string(file).map_err(|source| StoreError::Read {
        path: path(),
        source,
    })?;
    let named: Schema = serde_json::from_str(&text).map_err(|source| StoreError::NoReport {
        path: path(),
        source,
    })?;
    if named.schema != schema {
        return Err(StoreError::OtherSchema {
            path: path(),
            found: named.schema,
            expected: format!("{schema:?}"),
        });
    }
    serde_json::from_str(&text).map_err(|source| StoreError::NotAsSchema {
        path: path(),
        schema: schema.to_owned(),
        source,
    })
}
