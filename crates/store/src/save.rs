//! Reports on disk. Each is written whole to another name and then renamed, so that a reader,
//! or a crash at any moment, finds the old file or the new one and never half of one.

use crate::error::StoreError;
use flate2::{Compression, write::GzEncoder};
use report::{
    model::{MODEL_SCHEMA, ModelReport},
    run::{RUN_SCHEMA, RunReport},
    trials::{TRIALS_SCHEMA, TrialsReport},
};
use serde::Serialize;
use serde_json::{Serializer, ser::PrettyFormatter};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// The name of the file that a model's trials are in.
pub(crate) fn trials_file(model: &str) -> String {
    format!("{model}.trials.json.gz")
}

/// The directory of one run.
#[derive(Debug)]
pub struct RunDirectory {
    /// Where it is.
    pub path: PathBuf,
    /// Its name, which is the run's.
    pub name: String,
}

impl RunDirectory {
    /// One that is there already.
    pub fn open(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default();
        Self {
            name: name.to_string_lossy().into_owned(),
            path: path.to_owned(),
        }
    }

    /// Makes a new directory in `parent` that is named after `label`.
    ///
    /// # Errors
    /// It can't be made there, with what would help.
    pub fn create(parent: &Path, label: &str) -> Result<Self, StoreError> {
        fs::create_dir_all(parent).map_err(|error| StoreError::write(parent, error))?;
        for attempt in 1..100 {
            let name = match attempt {
                1 => label.to_owned(),
                more => format!("{label}-{more}"),
            };
            let path = parent.join(&name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path, name }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreError::write(&path, error)),
            }
        }
        Err(StoreError::TooMany(parent.to_owned()))
    }

    /// Writes the report of a model: its figures as `<name>.json`, whose path is returned, and what
    /// they are drawn from as `<name>.trials.json.gz` beside it.
    ///
    /// # Errors
    /// It can't be written, with what would help; the files of before stay.
    pub fn write_model(&self, report: &ModelReport) -> Result<PathBuf, StoreError> {
        let name = &report.model.name;
        let trials = TrialsReport {
            schema: TRIALS_SCHEMA.to_owned(),
            run: report.run.clone(),
            model: name.clone(),
            checks: report.verdict.checks.clone(),
            trials: report.trials.clone(),
        };
        let trials = serde_json::to_vec(&trials).map_err(StoreError::Json)?;
        self.write_bytes(&trials_file(name), |file| {
            let mut packed = GzEncoder::new(file, Compression::default());
            packed.write_all(&trials)?;
            packed.finish().map(drop)
        })?;
        let figures = ModelReport {
            schema: MODEL_SCHEMA.to_owned(),
            verdict: report.verdict.clone().without_passed(),
            trials: Vec::new(),
            ..report.clone()
        };
        self.write_json(name, &figures)
    }

    /// Writes the report of the run as `run.json`; returns its path.
    ///
    /// # Errors
    /// As with [`RunDirectory::write_model`].
    pub fn write_run(&self, run: &RunReport) -> Result<PathBuf, StoreError> {
        let run = RunReport {
            schema: RUN_SCHEMA.to_owned(),
            ..run.clone()
        };
        self.write_json("run", &run)
    }

    fn write_json(&self, stem: &str, report: &impl Serialize) -> Result<PathBuf, StoreError> {
        // As little before a line as makes the file readable: a report has thousands.
        let mut text = Vec::new();
        let formatter = PrettyFormatter::with_indent(b" ");
        report
            .serialize(&mut Serializer::with_formatter(&mut text, formatter))
            .map_err(StoreError::Json)?;
        text.push(b'\n');
        self.write_bytes(&format!("{stem}.json"), |file| file.write_all(&text))
    }

    /// Writes a file of this name; returns its path.
    ///
    /// # Errors
    /// As with [`RunDirectory::write_model`].
    pub fn write_text(&self, name: &str, text: &str) -> Result<PathBuf, StoreError> {
        self.write_bytes(name, |file| file.write_all(text.as_bytes()))
    }

    fn write_bytes(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<PathBuf, StoreError> {
        let path = self.path.join(name);
        self.replace(&path, write)
            .map_err(|error| StoreError::write(&path, error))?;
        Ok(path)
    }

    fn replace(
        &self,
        path: &Path,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(&self.path)?;
        write(file.as_file_mut())?;
        // Reports are made to be shared: not the 0600 of temporary files.
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(readable)?;
        file.as_file().sync_data()?;
        file.persist(path)?;
        Ok(())
    }

    /// Removes the directory if nothing could be written to it.
    pub fn remove_if_empty(&self) {
        let _ = fs::remove_dir(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_the_same_second_get_directories_of_their_own() {
        let parent = tempfile::tempdir().unwrap();
        let first = RunDirectory::create(parent.path(), "now").unwrap();
        let second = RunDirectory::create(parent.path(), "now").unwrap();
        assert_eq!((&*first.name, &*second.name), ("now", "now-2"));
        let path = first.write_json("a", &[1, 2]).unwrap();
        first.write_json("a", &[3]).unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "[\n 3\n]\n");
        assert_eq!(
            fs::read_dir(&first.path).unwrap().count(),
            1,
            "no leftovers"
        );
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let file = NamedTempFile::new().unwrap();
        let error = RunDirectory::create(&file.path().join("x"), "now")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("is a file") && error.contains("--out"),
            "{error}"
        );
    }
}
