//! `runner keep`: runs a program, and lets nothing of it outlive its own standard input. Not for
//! people.

use crate::{exit::Exit, host::guard};
use anyhow::Context as _;
use clap::Args;
use process::keep::{Kept, keep};
use std::{ffi::OsString, path::PathBuf};

/// What to run, and in which surroundings.
#[derive(Args, Debug)]
pub(crate) struct KeepArgs {
    /// Working directory
    #[arg(long)]
    directory: PathBuf,
    /// Environment to be added
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// CPUs to run on
    #[arg(long, value_delimiter = ',')]
    cpus: Vec<usize>,
    /// Program and arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl KeepArgs {
    /// Runs the program until it ends, or this is told to end it.
    ///
    /// # Errors
    /// It can't be started.
    pub(crate) fn keep(self) -> anyhow::Result<Exit> {
        let variables = self.env.iter().filter_map(|env| env.split_once('='));
        let environment = variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let kept = Kept {
            environment,
            directory: self.directory,
            cpus: self.cpus,
            command: self.command,
        };
        keep(&guard(), &kept)
            .with_context(|| format!("can't start in {}", kept.directory.display()))?;
        Ok(Exit::Fine)
    }
}
