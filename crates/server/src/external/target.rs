//! A server that is running already: measured, and never stopped or signalled.

use crate::contract::ServerError;
use crate::external::{
    command::without_directories,
    listener::{hold, is_forbidden, listeners, visit},
};
use process::tree::with_descendants;
use procfs::process::Process;
use protocol::endpoint::Endpoint;
use report::model::Phase;

const WHOSE_PID: &str = "give --pid the process that listens, which 'ss -ltnp' names, or leave it out: \
                         CPU and memory aren't measured then";

/// Where a server is running, and as which process if that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Its process, if that is known.
    pub pid: Option<u32>,
}

/// A server that was found running.
#[derive(Debug)]
pub struct TargetServer {
    target: Target,
    /// When the process was started, in ticks since boot: another one may get its number.
    started: Option<u64>,
}

impl Target {
    /// Where it listens, as reports carry it.
    pub fn shared_place(&self) -> String {
        without_directories(&self.endpoint.to_string())
    }

    /// Looks whether the server is there.
    ///
    /// # Errors
    /// It isn't, or is another process.
    pub fn start(&self) -> Result<TargetServer, ServerError> {
        let Self { endpoint, pid } = self;
        let pid = *pid;
        visit(endpoint).map_err(|error| {
            ServerError::start(
                format!("nothing answers at {endpoint}: {error}"),
                "start the server first, or see where it listens: ss -ltn, and ss -lx for sockets of \
                 files",
            )
        })?;
        let started = pid.map(|pid| {
            started(pid)
                .ok_or_else(|| ServerError::start(format!("there is no process {pid}"), WHOSE_PID))
        });
        let server = TargetServer {
            target: self.clone(),
            started: started.transpose()?,
        };
        // A listener in a network namespace of its own isn't seen from here.
        let sockets = listeners(endpoint);
        match pid {
            Some(pid) if is_forbidden(pid) => Err(ServerError::start(
                format!("process {pid} is another user's: it is not permitted to look at it"),
                "run as that user or as root, or leave --pid out: CPU and memory aren't measured then",
            )),
            Some(pid) if server.pids().contains(&std::process::id()) => Err(ServerError::start(
                format!(
                    "this program runs under process {pid}: what is measured would be the load \
                     generator's, too"
                ),
                WHOSE_PID,
            )),
            Some(pid) if !sockets.is_empty() && !hold(&server.pids(), &sockets) => {
                Err(ServerError::start(
                    format!(
                        "process {pid} and its children don't listen on {endpoint}: what was measured \
                         would be another's"
                    ),
                    WHOSE_PID,
                ))
            }
            _ => Ok(server),
        }
    }
}

impl TargetServer {
    /// Where it listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.target.endpoint
    }

    /// The process and its children; none when it isn't known.
    pub fn pids(&self) -> Vec<u32> {
        let pid = self.target.pid;
        pid.and_then(|pid| with_descendants(&[pid]).ok())
            .unwrap_or_default()
    }

    /// Fails when the process has ended.
    ///
    /// # Errors
    /// That it has.
    pub fn check_alive(&self) -> Result<(), ServerError> {
        match self.target.pid {
            Some(pid) if started(pid) != self.started => Err(ServerError::Died {
                phase: Phase::Run,
                how: format!("process {pid} ended during the run"),
                stderr_tail: String::new(),
            }),
            _ => Ok(()),
        }
    }
}

fn started(pid: u32) -> Option<u64> {
    let stat = Process::new(i32::try_from(pid).ok()?).ok()?.stat().ok()?;
    (stat.state != 'Z').then_some(stat.starttime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, io::ErrorKind, net::TcpListener};

    #[test]
    fn a_process_that_may_not_be_looked_at_is_said_to_be_so() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Target {
            endpoint: listener.local_addr().unwrap().into(),
            pid: Some(1),
        };
        let said = target.start().err().map(|error| error.to_string());
        // Root may look at anybody's.
        let files = fs::read_dir("/proc/1/fd").map_err(|error| error.kind());
        let is_denied = files.err() == Some(ErrorKind::PermissionDenied);
        let says_so = said
            .as_deref()
            .is_some_and(|said| said.contains("not permitted"));
        assert_eq!(says_so, is_denied, "{said:?}");
    }
}
