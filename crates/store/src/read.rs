//! Reading saved reports: files from anywhere, which may be anything.

use crate::{error::StoreError, save::trials_file};
use flate2::read::GzDecoder;
use report::{
    model::{MODEL_SCHEMA, MODEL_SCHEMA_1, ModelReport},
    run::{RUN_SCHEMA, RUN_SCHEMA_1, RunReport},
    trial::Trial,
    trials::{TRIALS_SCHEMA, TrialsReport},
};
use serde::{Deserialize, de::DeserializeOwned};
use stats::decode;
use std::{
    fs::File,
    io::Read as _,
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

impl Saved {
    /// As comparisons take them.
    pub fn both(&self) -> (&RunReport, &ModelReport) {
        (&self.run, &self.report)
    }
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
    let run = report_of(
        &file.with_file_name("run.json"),
        &[RUN_SCHEMA, RUN_SCHEMA_1],
    )?;
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
    if !path.exists() {
        return Err(StoreError::Missing(path.to_owned()));
    }
    if !file.is_file() {
        return Err(StoreError::NoRun(path.to_owned()));
    }
    let run: RunReport = report_of(&file, &[RUN_SCHEMA, RUN_SCHEMA_1])?;
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

/// One file: of version 2 with the trials beside it, if they came along, of version 1 with those in it.
fn model(file: &Path) -> Result<ModelReport, StoreError> {
    let mut report: ModelReport = report_of(file, &[MODEL_SCHEMA, MODEL_SCHEMA_1])?;
    if report.schema == MODEL_SCHEMA {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let beside = file.with_file_name(trials_file(&name));
        if beside.exists() {
            let trials: TrialsReport = report_of(&beside, &[TRIALS_SCHEMA])?;
            check_histograms(&trials.trials, &beside)?;
            report.trials = trials.trials;
            report.verdict.checks = trials.checks;
        }
    } else {
        check_histograms(&report.trials, file)?;
    }
    Ok(report)
}

fn check_histograms(trials: &[Trial], file: &Path) -> Result<(), StoreError> {
    for window in trials
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
            decode(text).map_err(|why| StoreError::Histogram {
                path: file.to_owned(),
                why,
            })?;
        }
    }
    Ok(())
}

/// The text of a file, unpacked where its name says that it is packed.
///
/// # Errors
/// It can't be read, or unpacked.
pub fn text_of(file: &Path) -> Result<String, StoreError> {
    let is_packed = file.extension().is_some_and(|extension| extension == "gz");
    let read = || {
        let mut text = String::new();
        let mut bytes = File::open(file)?;
        if is_packed {
            GzDecoder::new(bytes).read_to_string(&mut text)?;
        } else {
            bytes.read_to_string(&mut text)?;
        }
        Ok(text)
    };
    read().map_err(|why| StoreError::Read {
        path: file.to_owned(),
        why,
    })
}

fn report_of<T: DeserializeOwned>(file: &Path, schemas: &[&str]) -> Result<T, StoreError> {
    let path = || file.to_owned();
    let text = text_of(file)?;
    let named: Schema =
        serde_json::from_str(&text).map_err(|why| StoreError::NoReport { path: path(), why })?;
    if !schemas.contains(&named.schema.as_str()) {
        let expected: Vec<String> = schemas.iter().map(|one| format!("{one:?}")).collect();
        return Err(StoreError::OtherSchema {
            path: path(),
            found: named.schema,
            expected: expected.join(" or "),
        });
    }
    serde_json::from_str(&text).map_err(|why| StoreError::NotAsSchema {
        path: path(),
        schema: named.schema,
        why,
    })
}
