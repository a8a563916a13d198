//! Reading saved reports: files from anywhere, which may be anything.

use crate::{bounded::Budget, error::StoreError, save::trials_file};
use report::{
    model::{MODEL_SCHEMA, MODEL_SCHEMA_1, ModelReport},
    run::{MODELS_MAX, RUN_SCHEMA, RUN_SCHEMA_1, RunReport},
    trial::Trial,
    trials::{TRIALS_SCHEMA, TrialsReport},
};
use serde::{Deserialize, de::DeserializeOwned};
use stats::decode;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// The most characters of a model's name.
const NAME_CHARS_MAX: usize = 100;

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
    let mut budget = Budget::of_run();
    let report = model(&file, &mut budget)?;
    let run = run_report(&file.with_file_name("run.json"), &mut budget)?;
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
    let mut budget = Budget::of_run();
    let run = run_report(&file, &mut budget)?;
    let directory = file.parent().map_or_else(PathBuf::new, Path::to_owned);
    let models = run
        .models
        .iter()
        // A report names its neighbours; it doesn't send the reader elsewhere.
        .map(|outcome| match Path::new(&outcome.report).file_name() {
            Some(name) => model(&directory.join(name), &mut budget),
            None => Err(StoreError::NamesNone(file.clone())),
        })
        .collect::<Result<_, StoreError>>()?;
    Ok((run, models))
}

fn run_report(file: &Path, budget: &mut Budget) -> Result<RunReport, StoreError> {
    let run: RunReport = report_of(file, &[RUN_SCHEMA, RUN_SCHEMA_1], budget)?;
    check_name(&run.run, file)?;
    let mut names = BTreeSet::new();
    if run.models.len() > MODELS_MAX {
        return Err(StoreError::TooManyModels {
            path: file.to_owned(),
            found: run.models.len(),
            most: MODELS_MAX,
        });
    }
    for outcome in &run.models {
        check_name(&outcome.name, file)?;
        if !names.insert(&outcome.report) {
            return Err(StoreError::NamesTwice {
                path: file.to_owned(),
                report: outcome.report.clone(),
            });
        }
    }
    Ok(run)
}

/// Files are called after models, rows of spreadsheets begin with runs: they are what the runner calls
/// these, and no paths, formulas or commands for a terminal.
fn check_name(name: &str, file: &Path) -> Result<(), StoreError> {
    let is_fit = |char: char| char.is_ascii_alphanumeric() || "-_.@".contains(char);
    let is_name = name.starts_with(|first: char| is_fit(first) && !".@".contains(first))
        && name.len() <= NAME_CHARS_MAX
        && name.chars().all(is_fit);
    match is_name {
        true => Ok(()),
        false => Err(StoreError::OddName {
            path: file.to_owned(),
            name: name.chars().take(NAME_CHARS_MAX).collect(),
        }),
    }
}

/// One file: of version 2 with the trials beside it, if they came along, of version 1 with those in it.
fn model(file: &Path, budget: &mut Budget) -> Result<ModelReport, StoreError> {
    let mut report: ModelReport = report_of(file, &[MODEL_SCHEMA, MODEL_SCHEMA_1], budget)?;
    check_name(&report.model.name, file)?;
    check_name(&report.run, file)?;
    if report.schema == MODEL_SCHEMA {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let beside = file.with_file_name(trials_file(&name));
        if beside.exists() {
            let trials: TrialsReport = report_of(&beside, &[TRIALS_SCHEMA], budget)?;
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
/// It can't be read or unpacked, is no file, or has more text than a report.
pub fn text_of(file: &Path) -> Result<String, StoreError> {
    Budget::of_run().text_of(file)
}

fn report_of<T: DeserializeOwned>(
    file: &Path,
    schemas: &[&str],
    budget: &mut Budget,
) -> Result<T, StoreError> {
    let path = || file.to_owned();
    let text = budget.text_of(file)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_not_called_like_a_path_a_formula_or_a_command() {
        let check = |name: &str| check_name(name, Path::new("run.json"));
        for name in [
            "epoll",
            "tokio@4",
            "my_server-1.2",
            "-aa",
            "a".repeat(100).as_str(),
        ] {
            assert!(check(name).is_ok(), "{name:?}");
        }
        for name in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "/etc/x",
            "a\\b",
            "=1+1",
            "+1",
            "@x",
            "a b",
            "a,b",
            "a|b",
            "<b>",
            "a\u{1b}[2J",
            "a\n",
            "\u{202e}a",
            "a".repeat(101).as_str(),
        ] {
            assert!(check(name).is_err(), "{name:?}");
        }
    }
}
