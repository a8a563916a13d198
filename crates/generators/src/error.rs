//! What went wrong with a generator.

use crate::host::Generator;
use process::child::Silence;
use stats::HistogramError;
use std::{io, process::ExitStatus};
use thiserror::Error;

/// What went wrong with a generator.
#[derive(Debug, Error)]
pub enum GeneratorError {
    /// It can't be started.
    #[error("the load generator can't be started: {0}")]
    Start(io::Error),
    /// It says nothing any more.
    #[error("the load generator {silence}: {stderr_tail}")]
    Silent {
        /// In which way.
        silence: Silence,
        /// What it wrote last to its standard error.
        stderr_tail: String,
    },
    /// It isn't there any more.
    #[error("the load generator ended before its work was done ({how}): {stderr_tail}")]
    Ended {
        /// As `exit status: 1`, or the signal.
        how: ExitStatus,
        /// What it wrote last to its standard error.
        stderr_tail: String,
    },
    /// It lives, and what it is told doesn't reach it.
    #[error("the load generator can't be told anything: {0}")]
    NotTold(io::Error),
    /// It says that it failed.
    #[error("the load generator failed: {0}")]
    Failed(String),
    /// It says something else than it should.
    #[error("the load generator wrote {0:?}")]
    Unexpected(String),
    /// It can't be waited for.
    #[error("the load generator can't be waited for: {0}")]
    Wait(io::Error),
    /// What it measured can't be read.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
    /// The user wants to stop.
    #[error("interrupted")]
    Interrupted,
    /// One of another machine.
    #[error("on {machine}: {error}")]
    Elsewhere {
        /// The machine's name.
        machine: String,
        /// What is wrong there.
        error: Box<GeneratorError>,
    },
}

impl GeneratorError {
    /// With the machine that it is about, if that is another one.
    pub(crate) fn of(self, generator: &dyn Generator) -> Self {
        match (self, generator.machine()) {
            (Self::Interrupted, _) => Self::Interrupted,
            (error, Some(machine)) => Self::Elsewhere {
                machine: machine.to_owned(),
                error: Box::new(error),
            },
            (error, None) => error,
        }
    }
}

pub(crate) type Result<T> = std::result::Result<T, GeneratorError>;
