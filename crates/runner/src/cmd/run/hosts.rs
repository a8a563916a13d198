//! `--hosts`: the same run over several machines, by a launcher of MPI.

use crate::{exit::Exit, output, usage::usage};
use anyhow::Context as _;
use catalog::workspace::Workspace;
use clap::Args;
use hosts::launcher::{Launcher, hosts_of_file, quoted};
use std::{env, fs, os::unix::process::CommandExt as _, path::PathBuf, process::Command};
use toolchain::build::{self, BuildError};

/// The program that this one's command line is given to.
const FLEET: &str = "fleet";

#[derive(Args, Debug, Default)]
pub(crate) struct HostArgs {
    /// Machines to run on: the first has the servers, the others generate
    ///
    /// Machines to run on, with commas between them: the first has the runner and the servers, the
    /// others generate. Takes MPI and ssh, or in a Slurm job srun; see docs/hosts.md. With --dry-run
    /// the launcher's command is printed
    #[arg(
        long,
        help_heading = "Where, and how long",
        hide_short_help = true,
        value_name = "HOSTS",
        value_delimiter = ',',
        conflicts_with = "hostfile"
    )]
    hosts: Vec<String>,

    /// The same from a file: a machine a line
    #[arg(
        long,
        help_heading = "Where, and how long",
        hide_short_help = true,
        value_name = "FILE"
    )]
    hostfile: Option<PathBuf>,

    /// Which of them has the runner and the servers, instead of the first
    ///
    /// Which of the machines has the runner and the servers, instead of the first: by a name or an
    /// address that the machine itself has, or by its number, from 0. The reports are written there
    #[arg(
        long,
        help_heading = "Where, and how long",
        hide_short_help = true,
        value_name = "NAME|RANK"
    )]
    server_host: Option<String>,
}

impl HostArgs {
    pub(crate) fn are_given(&self) -> bool {
        !self.hosts.is_empty() || self.hostfile.is_some() || self.server_host.is_some()
    }

    /// Becomes the launcher, or says which command that would be.
    ///
    /// # Errors
    /// It can't be started; MPI is missing; too few machines.
    pub(crate) fn launch(&self, dry_run: bool, no_build: bool) -> anyhow::Result<Exit> {
        let hosts = self.machines()?;
        if hosts.len() < 2 {
            return Err(usage(
                "a run over several machines takes two at least, in --hosts or --hostfile: the first \
                 has the servers, or the one that --server-host names, and the others generate",
            ));
        }
        let tree = &Workspace::find()?.tree;
        let fleet = match dry_run {
            true => build::place(tree, FLEET),
            false => build::executable(tree, FLEET, no_build).map_err(explained)?,
        };
        // What would be launched is what is launched without it.
        let given = env::args_os().skip(1).filter(|arg| arg != "--dry-run");
        let launcher = Launcher::of(hosts, |name| env::var(name).ok());
        let words = launcher.command(&fleet, given);
        if dry_run {
            let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
            output::line(words.join(" "));
            return Ok(Exit::Fine);
        }
        let (program, args) = words.split_first().context("a launcher has a name")?;
        let error = Command::new(program).args(args).exec();
        Err(usage(format!(
            "{} can't be started: {error}; it is of MPI (openmpi-bin), inside of a Slurm job of Slurm",
            program.display()
        )))
    }

    fn machines(&self) -> anyhow::Result<Vec<String>> {
        let Some(file) = &self.hostfile else {
            return Ok(self.hosts.clone());
        };
        let text = fs::read_to_string(file);
        let text =
            text.map_err(|error| usage(format!("--hostfile {}: {error}", file.display())))?;
        Ok(hosts_of_file(&text))
    }
}

fn explained(error: BuildError) -> anyhow::Error {
    anyhow::Error::new(error).context(
        "'fleet' can't be built; it takes MPI and libclang: apt-get install libopenmpi-dev openmpi-bin \
         libclang-dev",
    )
}
