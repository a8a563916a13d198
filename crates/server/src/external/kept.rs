//! One command under its keeper.
//!
//! The keeper (see [`process::keep`]) ends with the runner, however that ends, takes everything with
//! it that the command has started, and tells how the command ended. So the server is what descends
//! from it.

use crate::contract::ServerError;
use process::{
    child::Child,
    guard::{Guard, join},
    keep::KEEP,
    tree::descendants,
};
use protocol::launch::STOP_LIMIT_S;
use report::model::Phase;
use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

/// What keeping takes beyond the time that the server has to stop.
const KEEPER_LIMIT: Duration = Duration::from_secs(5);

/// A command that runs, until its value is dropped.
#[derive(Debug)]
pub(super) struct Kept {
    keeper: Child,
    /// How it has ended.
    end: Option<String>,
}

/// How a command is to run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeping<'a> {
    /// Through what it is started.
    pub(super) guard: &'a Guard,
    pub(super) directory: &'a Path,
    pub(super) environment: &'a BTreeMap<String, String>,
    /// Any, when empty.
    pub(super) cpus: &'a [usize],
    /// A lower limit of open files than the runner's own.
    pub(super) open_files_max: Option<u64>,
}

impl Keeping<'_> {
    /// Starts the command.
    ///
    /// # Errors
    /// The kernel starts no process.
    pub(super) fn start(self, command: Vec<String>) -> Result<Kept, ServerError> {
        let mut args = vec![KEEP.to_owned(), "--directory".to_owned()];
        args.push(self.directory.display().to_string());
        for (name, value) in self.environment {
            args.push(format!("--env={name}={value}"));
        }
        if !self.cpus.is_empty() {
            args.push(format!("--cpus={}", join(self.cpus)));
        }
        args.push("--".to_owned());
        args.extend(command);
        let keeper = Child::spawn(self.guard, self.guard.program(), args, self.open_files_max);
        let keeper = keeper.map_err(|error| ServerError::cant_spawn(&error))?;
        Ok(Kept { keeper, end: None })
    }
}

impl Kept {
    /// All that descends from it: they come and go. None where they can't be listed.
    pub(super) fn pids(&self) -> Vec<u32> {
        descendants(self.keeper.pid()).unwrap_or_default()
    }

    /// Fails when the command has ended by itself.
    ///
    /// # Errors
    /// How it died, and what it said last.
    pub(super) fn check_alive(&mut self, phase: Phase, when: &str) -> Result<(), ServerError> {
        if self.end.is_none() {
            // Its keeper says nothing as long as it lives.
            self.end = self.keeper.last_words(Duration::ZERO);
        }
        let how = match &self.end {
            Some(how) => how.clone(),
            None if self.keeper.ended().is_some() => "its keeper ended".to_owned(),
            None => return Ok(()),
        };
        Err(ServerError::Died {
            phase,
            how: format!("ended {when} ({how})"),
            stderr_tail: self.last_words(),
        })
    }

    /// Ends it, and tells what it wrote last.
    pub(super) fn last_words(&mut self) -> String {
        self.end();
        self.keeper.post_mortem().stderr_tail
    }

    /// Has it end, without waiting: with SIGTERM, and what doesn't mind that with SIGKILL.
    pub(super) fn begin_end(&mut self) {
        self.keeper.end_input();
    }

    fn end(&mut self) {
        self.begin_end();
        let limit = Duration::from_secs(STOP_LIMIT_S) + KEEPER_LIMIT;
        let _ = self.keeper.wait_until(Instant::now() + limit);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.end();
    }
}
