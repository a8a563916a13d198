//! The guard: a process of ours that becomes another program, which then can't outlive us.
//!
//! The kernel is asked to kill this process when its parent ends (PR_SET_PDEATHSIG, which
//! survives execve(2)); then the process becomes the program. So even a runner that is killed
//! with SIGKILL leaves nothing behind, also when the program doesn't watch its input.
//!
//! Any program of ours can be the guard, if it passes on what follows [`GUARD`] on its command line
//! to [`Restrictions::become_program`]. Which one it is, is told to who starts children.

use crate::namespace::{Namespace, enter_at};
use rustix::{
    process::{Pid, Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit},
    thread::{CpuSet, sched_setaffinity},
};
use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

/// The subcommand of the guard's program that becomes another one.
pub const GUARD: &str = "guard";

/// The program through which children are started.
#[derive(Clone, Debug)]
pub struct Guard {
    program: PathBuf,
    network: Option<Arc<Namespace>>,
}

/// What a child is held to.
#[derive(Clone, Debug, Default)]
pub struct Restrictions {
    /// The process that has to live.
    pub parent: u32,
    /// Limit of open files; `None`: that of the parent.
    pub open_files_max: Option<u64>,
    /// CPUs to run on; empty: those of the parent.
    pub cpus: Vec<usize>,
    /// Where the network namespace to be in is found; `None`: that of the parent.
    pub network: Option<PathBuf>,
}

impl Guard {
    /// A guard whose program has the subcommands [`GUARD`] and [`crate::keep::KEEP`].
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            network: None,
        }
    }

    /// The same, whose children are in this network.
    pub fn within(&self, network: Arc<Namespace>) -> Self {
        Self {
            network: Some(network),
            ..self.clone()
        }
    }

    /// A command that becomes `program` as a child of this process; its arguments follow.
    pub(crate) fn command_for(
        &self,
        program: &OsStr,
        open_files_max: Option<u64>,
        cpus: &[usize],
    ) -> Command {
        let mut command = Command::new(&self.program);
        command.args([GUARD, "--parent", &std::process::id().to_string()]);
        if let Some(max) = open_files_max {
            command.args(["--open-files", &max.to_string()]);
        }
        if !cpus.is_empty() {
            command.args(["--cpus", &join(cpus)]);
        }
        if let Some(network) = &self.network {
            command.arg("--network").arg(network.path());
        }
        command.arg("--").arg(program);
        command
    }

    /// Where the program is.
    pub fn program(&self) -> &Path {
        &self.program
    }
}

impl Restrictions {
    /// Becomes the program that `command` names with its arguments; comes back only with the reason
    /// why that failed.
    pub fn become_program(&self, command: &[OsString]) -> io::Error {
        let Some((program, args)) = command.split_first() else {
            return io::Error::other("nothing to run");
        };
        match self.restrict() {
            Ok(()) => {
                let error = Command::new(program).args(args).exec();
                io::Error::new(
                    error.kind(),
                    format!("can't run {}: {error}", program.display()),
                )
            }
            Err(error) => error,
        }
    }

    fn restrict(&self) -> io::Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the kernel was asked.
        if getppid().map(Pid::as_raw_pid) != i32::try_from(self.parent).ok() {
            return Err(io::Error::other("the runner is gone"));
        }
        // When memory runs out the kernel shall end a server or a generator, and not the runner, which
        // then says so in a row of the table. Anyone may raise this, up to 1000: see proc(5).
        let _ = fs::write("/proc/self/oom_score_adj", "500");
        if let Some(limit) = self.open_files_max {
            let limit = Rlimit {
                current: Some(limit),
                maximum: Some(limit),
            };
            setrlimit(Resource::Nofile, limit)?;
        }
        if !self.cpus.is_empty() {
            let mut set = CpuSet::new();
            self.cpus.iter().for_each(|&cpu| set.set(cpu));
            sched_setaffinity(None, &set)?;
        }
        if let Some(network) = &self.network {
            enter_at(network)?;
        }
        Ok(())
    }
}

/// Numbers as the command line takes them: `0,1`.
pub fn join(cpus: &[usize]) -> String {
    let cpus: Vec<String> = cpus.iter().map(usize::to_string).collect();
    cpus.join(",")
}
