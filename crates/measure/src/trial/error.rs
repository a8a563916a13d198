//! Why there is no trial.

use crate::generator::GeneratorError;
use analysis::stats::HistogramError;
use process::interrupt;
use report::model::{Failure, Phase};
use server::contract::ServerError;
use std::net::SocketAddr;
use thiserror::Error;

/// Why there is no trial.
#[derive(Debug, Error)]
pub enum TrialError {
    /// The server's fault.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The generator's.
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    /// What was measured can't be read.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
    /// The server is somewhere else.
    #[error(
        "the server listens on {0}, which is not loopback; --allow-remote lets it be loaded all \
         the same"
    )]
    Remote(SocketAddr),
    /// Memory was the reason.
    #[error("{0}; the machine ran out of memory, and the kernel killed a process (dmesg names it)")]
    OutOfMemory(Box<TrialError>),
}

impl TrialError {
    /// Whether the user asked for the end.
    pub fn is_interrupt(&self) -> bool {
        matches!(
            self,
            Self::Server(ServerError::Interrupted) | Self::Generator(GeneratorError::Interrupted)
        ) || interrupt::asked()
    }

    /// The row in the table and in the report.
    pub fn failure(&self) -> Failure {
        let (phase, stderr_tail) = match self {
            Self::Server(error) => (error.phase(), error.stderr_tail()),
            Self::Remote(_) => (Phase::Start, ""),
            Self::OutOfMemory(error) => {
                let failure = error.failure();
                return Failure {
                    reason: self.to_string(),
                    ..failure
                };
            }
            Self::Generator(_) | Self::Histogram(_) => (Phase::Generator, ""),
        };
        Failure {
            phase,
            reason: self.to_string(),
            stderr_tail: stderr_tail.to_owned(),
        }
    }
}
