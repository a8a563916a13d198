//! Exit codes: what each means, and which error has which.

use crate::usage::UsageError;
use catalog::error::CatalogError;
use measure::run::RunError;
use request::refusal::Refusal;
use server::external::ExternalError;
use std::process::ExitCode;
use store::error::StoreError;
use toolchain::build::BuildError;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As it should.
    Fine = 0,
    /// By a bug of ours.
    Bug = 1,
    /// By wrong use, or because the machine doesn't allow what was asked. (clap takes the same for
    /// what it finds.)
    WrongUse = 2,
    /// A model failed, a verdict is invalid, or measuring is impossible here.
    Failed = 3,
    /// A comparison shows a regression, or a gate was missed.
    Regression = 4,
    /// A comparison, or a gate, could tell nothing.
    CantTell = 5,
    /// By Ctrl-C. (The usual code of a program that was ended by SIGINT.)
    Interrupted = 130,
}

impl Exit {
    /// What a run came to, with what a gate or a comparison of it did: whoever asked for those has the
    /// news of a regression whatever else there was.
    pub(crate) fn and(self, judged: Self) -> Self {
        match (self, judged) {
            (Self::Interrupted, _) => self,
            (_, Self::Regression) | (Self::Fine, _) => judged,
            _ => self,
        }
    }

    /// That of an error.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        // Inside of these there may be others, which bear on the run alone.
        let of_run = matches!(error.downcast_ref(), Some(RunError::Store(_)));
        let not_in_catalog = matches!(
            error.downcast_ref(),
            Some(CatalogError::Wrong(_) | CatalogError::External(_))
        );
        let is_wrong_use = error.is::<UsageError>()
            || error.is::<Refusal>()
            || error.is::<StoreError>()
            || error.is::<ExternalError>()
            || not_in_catalog
            || of_run
            // A tool that is missing, a disk that is full, sources that somebody changed.
            || error.is::<BuildError>();
        if is_wrong_use {
            Self::WrongUse
        } else {
            Self::Bug
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
