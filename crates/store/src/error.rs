//! What goes wrong with files of reports.

use stats::HistogramError;
use std::{
    io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// A report can't be written, or read. Each names its cause itself, so none is a `source` that would be
/// printed once more.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It can't be written.
    #[error("can't write {}: {why}; {}", path.display(), advice(why))]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// There are too many directories of one name.
    #[error("{} has too many runs of this second", .0.display())]
    TooMany(PathBuf),
    /// There is no such file.
    #[error("there is no {}: name a report or the directory of a run", .0.display())]
    Missing(PathBuf),
    /// What is there is no run.
    #[error(
        "{} is no run: name the directory of one, such as bench-results/2026-01-31T12-00-00Z, or the \
         run.json in it",
        .0.display()
    )]
    NoRun(PathBuf),
    /// It can't be read.
    #[error("can't read {}: {why}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// There is more text in it than in any report.
    #[error(
        "{} has more than {most_bytes} bytes of text: no run of ours has so much, and it isn't read",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// So much would have been read of it.
        most_bytes: u64,
    },
    /// It names more models than can be compared.
    #[error("{} names {found} models, and may name {most}", path.display())]
    TooManyModels {
        /// The run's file.
        path: PathBuf,
        /// So many.
        found: usize,
        /// So many may be.
        most: usize,
    },
    /// It names a model, or a run, as none can be called.
    #[error(
        "{} has a model or a run that is called {name:?}: a name has letters, digits, '-', '_', '.' and '@'",
        path.display()
    )]
    OddName {
        /// The file.
        path: PathBuf,
        /// The beginning of the name.
        name: String,
    },
    /// A run names one report for two models.
    #[error("{} names {report:?} twice", path.display())]
    NamesTwice {
        /// The run's file.
        path: PathBuf,
        /// The report.
        report: String,
    },
    /// It names no schema.
    #[error("{} is no run and no report of Millionfold: {why}", path.display())]
    NoReport {
        /// The file.
        path: PathBuf,
        /// What JSON it is, if any.
        why: serde_json::Error,
    },
    /// It is a report of another kind or version.
    #[error("{} is {found:?}, and {expected} was expected", path.display())]
    OtherSchema {
        /// The file.
        path: PathBuf,
        /// The schema that it names.
        found: String,
        /// What could be read.
        expected: String,
    },
    /// It isn't what its schema says.
    #[error("{} is not as {schema} says: {why}", path.display())]
    NotAsSchema {
        /// The file.
        path: PathBuf,
        /// The schema that it names.
        schema: String,
        /// Where it differs.
        why: serde_json::Error,
    },
    /// A histogram in it can't be read.
    #[error("{}: {why}", path.display())]
    Histogram {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: HistogramError,
    },
    /// A run names no report of one of its models.
    #[error("{} names no report", .0.display())]
    NamesNone(PathBuf),
    /// There is no baseline of this name.
    #[error("there is no baseline {name} in {}; {}", parent.display(), those(there))]
    NoBaseline {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        parent: PathBuf,
        /// Those that there are.
        there: Vec<String>,
    },
    /// A value can't be put into JSON.
    #[error("a report can't be put into JSON: {0}")]
    Json(serde_json::Error),
}

impl StoreError {
    pub(crate) fn write(path: &Path, why: io::Error) -> Self {
        Self::Write {
            path: path.to_owned(),
            why,
        }
    }
}

fn those(there: &[String]) -> String {
    match there {
        [] => "--save-baseline keeps a run under a name".to_owned(),
        there => format!("there are: {}", there.join(", ")),
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, or take another directory with --out"
        }
        io::ErrorKind::FileTooLarge => {
            "raise the limit of a file's size ('ulimit -f'), or take another directory with --out"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a part of this path is a file; take another directory with --out"
        }
        _ => "take another directory with --out",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_called_that() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let error = StoreError::write(Path::new("out/x.json"), full).to_string();
        assert!(
            error.contains("out/x.json") && error.contains("free some space"),
            "{error}"
        );
    }
}
