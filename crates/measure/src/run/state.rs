//! A run on its way, and what it is made with.

use super::contestant::Contestant;
use crate::{
    null::Null,
    progress::Progress,
    trial::{Bench, Deviation},
};
use generators::host::GeneratorHost;
use plan::Plan;
use process::guard::Guard;
use report::run::RunReport;
use stats::HistogramError;
use std::{path::PathBuf, rc::Rc};
use store::{error::StoreError, save::RunDirectory};
use thiserror::Error;

/// What ends a run that isn't about one contestant.
#[derive(Debug, Error)]
pub enum RunError {
    /// Reports can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was measured can't be read.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
}

/// What a run is made with.
#[derive(Clone, Debug)]
pub struct Instruments {
    /// Where generators are started.
    pub generators: Rc<dyn GeneratorHost>,
    /// The null server's, or why there is none.
    pub null_server: Result<PathBuf, String>,
    /// Through what programs are started.
    pub guard: Guard,
    /// Servers may be beyond loopback.
    pub allow_remote: bool,
    /// Profiles are wanted.
    pub profile: bool,
}

impl Instruments {
    pub(super) fn bench<'a>(&'a self, plan: &'a Plan, progress: &'a dyn Progress) -> Bench<'a> {
        Bench {
            plan,
            generators: &*self.generators,
            guard: &self.guard,
            backend: self.null_server.as_deref().ok(),
            allow_remote: self.allow_remote,
            progress,
            samples: true,
            counts_syscalls: true,
            deviation: Deviation::None,
        }
    }
}

/// A run on its way.
#[derive(Debug)]
pub struct Run {
    /// The plan, as far as it is decided.
    pub plan: Plan,
    /// What came of it so far.
    pub report: RunReport,
    /// Where reports are written.
    pub directory: RunDirectory,
    /// In the order in which they were entered.
    pub contestants: Vec<Contestant>,
    /// Paths of the reports, as far as written: the run's first.
    pub saved: Vec<PathBuf>,
    /// Why the reports on disk are those of an earlier block. What has been measured is in memory all
    /// the same, and is written as soon as that can be done again.
    pub unsaved: Option<StoreError>,
    pub(super) is_over: bool,
    /// What rates are held against.
    pub(super) nulls: Vec<Null>,
}

impl Run {
    /// One that nobody takes part in yet.
    pub fn new(plan: Plan, report: RunReport, directory: RunDirectory) -> Self {
        Self {
            plan,
            report,
            directory,
            contestants: Vec::new(),
            saved: Vec::new(),
            unsaved: None,
            is_over: false,
            nulls: Vec::new(),
        }
    }

    /// One more takes part.
    pub fn enter(&mut self, contestant: Contestant) {
        self.contestants.push(contestant);
    }
}
