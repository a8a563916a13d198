//! `runner guard`: becomes another program that can't outlive the runner. Not for people.
//!
//! The kernel is asked to kill this process when its parent ends (PR_SET_PDEATHSIG, which
//! survives execve(2)); then the process becomes the program. So even a runner that is killed
//! with SIGKILL leaves nothing behind, also when the program doesn't watch its input.

use clap::Args;
use rustix::{
    process::{Pid, Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit},
    thread::{CpuSet, sched_setaffinity},
};
use std::{ffi::OsString, fs, io, os::unix::process::CommandExt as _, process::Command};

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
    /// Program and arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl GuardArgs {
    /// Becomes the program; comes back only with the reason why that failed.
    pub(crate) fn exec(self) -> anyhow::Error {
        let Some((program, args)) = self.command.split_first() else {
            return anyhow::anyhow!("nothing to run");
        };
        match restrict(self.parent, self.open_files, &self.cpus) {
            Ok(()) => {
                let error = Command::new(program).args(args).exec();
                anyhow::anyhow!("can't run {}: {error}", program.display())
            }
            Err(error) => error.into(),
        }
    }
}

fn restrict(parent: u32, open_files: Option<u64>, cpus: &[usize]) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died before the kernel was asked.
    if getppid().map(Pid::as_raw_pid) != i32::try_from(parent).ok() {
        return Err(io::Error::other("the runner is gone"));
    }
    // When memory runs out the kernel shall end a server or a generator, and not the runner, which
    // then says so in a row of the table. Anyone may raise this, up to 1000: see proc(5).
    let _ = fs::write("/proc/self/oom_score_adj", "500");
    if let Some(limit) = open_files {
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        setrlimit(Resource::Nofile, limit)?;
    }
    if !cpus.is_empty() {
        let mut set = CpuSet::new();
        cpus.iter().for_each(|&cpu| set.set(cpu));
        sched_setaffinity(None, &set)?;
    }
    Ok(())
}
