//! `runner guard`: becomes another program that can't outlive the runner. Not for people.

use clap::Args;
use process::guard::Restrictions;
use std::{ffi::OsString, path::PathBuf};

/// What to become, and under which limits.
#[derive(Args, Debug)]
pub(crate) struct GuardArgs {
    /// Process that has to live
    #[arg(long)]
    parent: u32,
    /// Limit of open files
    #[arg(long)]
    open_files: Option<u64>,
    /// CPUs to run on
    #[arg(long, value_delimiter = ',')]
    cpus: Vec<usize>,
    /// Network namespace to be in
    #[arg(long)]
    network: Option<PathBuf>,
    /// Program and arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl GuardArgs {
    /// Becomes the program; comes back only with the reason why that failed.
    pub(crate) fn exec(self) -> anyhow::Error {
        let restrictions = Restrictions {
            parent: self.parent,
            open_files_max: self.open_files,
            cpus: self.cpus,
            network: self.network,
        };
        restrictions.become_program(&self.command).into()
    }
}
