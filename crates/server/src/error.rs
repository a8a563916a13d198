//! What goes wrong with a server, and what is to be done about it: each failure has a way out of its
//! own.

use protocol::launch::{CONTRACT, STOP_LIMIT_S};
use report::model::Phase;
use rustix::io::Errno;
use std::{fmt::Display, io, net::SocketAddr};
use thiserror::Error;

/// How long a server may take until every listener is up.
pub(crate) const READY_LIMIT_S: u64 = 10;

/// Why a model can't run here.
#[derive(Debug, Error)]
pub enum PreflightError {
    /// Its program can't be started.
    #[error(transparent)]
    Start(std::io::Error),
    /// It gave no answer in time.
    #[error("the preflight did not end")]
    NeverEnded,
    /// It lacks something.
    #[error("{missing}; to mend it: {mend}")]
    Unmet {
        /// What.
        missing: String,
        /// The way out.
        mend: String,
    },
    /// It ended otherwise.
    #[error("the preflight failed ({status}): {stderr_tail}")]
    Failed {
        /// How.
        status: std::process::ExitStatus,
        /// What it wrote last to its standard error.
        stderr_tail: String,
    },
}

/// What went wrong with a server: the reason in a row of the table.
#[derive(Clone, Debug, Error)]
pub enum ServerError {
    /// It isn't there at all.
    #[error("can't be started: {what}")]
    Start {
        /// For this reason.
        what: String,
        /// And this is to be done about it.
        way_out: &'static str,
    },
    /// It keeps the contract, and not in time.
    #[error("was not ready within {} s", READY_LIMIT_S)]
    NeverReady {
        /// What it wrote last to its standard error.
        stderr_tail: String,
    },
    /// It is external, and doesn't listen in time.
    #[error("{what} after {limit_s} s")]
    NeverListened {
        /// What is so instead.
        what: String,
        /// How long it was waited for.
        limit_s: f64,
        /// What it wrote last to its standard error.
        stderr_tail: String,
    },
    /// Its first line is another one.
    #[error("did not write a ready line but {line:?}")]
    NotReady {
        /// That line.
        line: String,
        /// What it wrote last to its standard error.
        stderr_tail: String,
    },
    /// Its contract is another one.
    #[error("speaks version {0} of the launch contract, the runner speaks {CONTRACT}")]
    Contract(u32),
    /// It would have somebody else measured.
    #[error("names process {0} as the server, which is not one that was started")]
    ForeignProcess(u32),
    /// One of its processes would be without connections.
    #[error("listens on {found}, and was told to share {asked} with its other processes")]
    OtherAddress {
        /// Where it was to listen.
        asked: SocketAddr,
        /// Where it does.
        found: SocketAddr,
    },
    /// It ended by itself.
    #[error("{how}")]
    Died {
        /// When.
        phase: Phase,
        /// How.
        how: String,
        /// What it wrote last to its standard error.
        stderr_tail: String,
    },
    /// It had to be killed.
    #[error("did not stop within {STOP_LIMIT_S} s and was killed")]
    DidNotStop {
        /// What it wrote last to its standard error.
        stderr_tail: String,
    },
    /// It didn't say what it counted.
    #[error("stopped without a done line")]
    NoDoneLine {
        /// What it wrote last to its standard error.
        stderr_tail: String,
    },
    /// The user wants to stop.
    #[error("interrupted")]
    Interrupted,
}

impl ServerError {
    /// When it went wrong, as reports name it.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Start { .. }
            | Self::NeverReady { .. }
            | Self::NeverListened { .. }
            | Self::NotReady { .. }
            | Self::Contract(_)
            | Self::ForeignProcess(_)
            | Self::OtherAddress { .. } => Phase::Start,
            Self::Died { phase, .. } => *phase,
            Self::Interrupted => Phase::Run,
            Self::DidNotStop { .. } | Self::NoDoneLine { .. } => Phase::Stop,
        }
    }

    /// What the server wrote last to its standard error.
    pub fn stderr_tail(&self) -> &str {
        match self {
            Self::NeverReady { stderr_tail }
            | Self::NeverListened { stderr_tail, .. }
            | Self::NotReady { stderr_tail, .. }
            | Self::Died { stderr_tail, .. }
            | Self::DidNotStop { stderr_tail }
            | Self::NoDoneLine { stderr_tail } => stderr_tail,
            Self::Start { .. }
            | Self::Contract(_)
            | Self::ForeignProcess(_)
            | Self::OtherAddress { .. }
            | Self::Interrupted => "",
        }
    }
    /// It isn't there at all for a reason, about which this is to be done.
    pub(crate) fn start(what: impl Display, way_out: &'static str) -> Self {
        Self::Start {
            what: what.to_string(),
            way_out,
        }
    }

    /// The kernel starts no process for it.
    pub(crate) fn cant_spawn(error: &io::Error) -> Self {
        Self::start(
            error,
            if is_out_of_files(error) {
                OPEN_FILES
            } else {
                SPAWN
            },
        )
    }

    /// What to do about it.
    pub fn way_out(&self) -> &'static str {
        if self.stderr_tail().contains(TOO_MANY_FILES) {
            return OPEN_FILES;
        }
        match self {
            Self::Start { way_out, .. } => way_out,
            Self::NeverReady { .. } => {
                "start it by hand as --dry-run shows: once it listens it has to write its ready line"
            }
            Self::NeverListened { .. } => {
                "start its command by hand, and look where it listens: ss -ltnp"
            }
            Self::NotReady { .. } => {
                "its first line on standard output has to be the ready line of the launch contract: \
                 everything else belongs on standard error"
            }
            Self::Contract(_) => "build it for the launch contract of this runner",
            Self::ForeignProcess(_) => {
                "'pid' in its ready line has to be itself, or a process that it started"
            }
            Self::OtherAddress { .. } => {
                "it has to listen where --listen says, and with SO_REUSEPORT when --reuse-port is there"
            }
            Self::Died { phase, .. } if *phase == Phase::Start => {
                "start it by hand as --dry-run shows"
            }
            Self::Died { phase, .. } if *phase == Phase::Run => {
                "hold it to the conformance suite: runner check"
            }
            Self::Died { .. } | Self::DidNotStop { .. } | Self::NoDoneLine { .. } => {
                "hold it to the end that the launch contract asks for: runner check"
            }
            Self::Interrupted => "",
        }
    }
}

impl PreflightError {
    /// What to do about it.
    pub fn way_out(&self) -> &'static str {
        match self {
            Self::Start(error) if is_out_of_files(error) => OPEN_FILES,
            Self::Start(_) => SPAWN,
            Self::Unmet { .. } => "mend it as it says; 'runner list' asks again",
            Self::NeverEnded | Self::Failed { .. } => {
                "run it by hand with --preflight: it has to end, with 0 or with a line that says what \
                 is missing"
            }
        }
    }
}

/// What to do where there are too few descriptors.
pub const OPEN_FILES: &str = "raise the limit of open files ('ulimit -n', 'ulimit -Hn'), or take fewer --connections: \
     'runner doctor --connections N' has the arithmetic";

/// What the C library says of EMFILE and ENFILE, in the most part.
pub const TOO_MANY_FILES: &str = "Too many open files";

const SPAWN: &str = "see that the program is there and may be run, and that the machine may have more \
                     processes: 'runner doctor' looks";

/// Whether it is for want of descriptors, of the process or of the machine.
pub fn is_out_of_files(error: &io::Error) -> bool {
    let numbers = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
    error
        .raw_os_error()
        .is_some_and(|number| numbers.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_a_way_out_of_its_own() {
        let died = |phase, stderr_tail: &str| ServerError::Died {
            phase,
            how: "ended".to_owned(),
            stderr_tail: stderr_tail.to_owned(),
        };
        let full = io::Error::from(Errno::MFILE);
        let failures = [
            ServerError::cant_spawn(&full),
            ServerError::cant_spawn(&io::Error::from(Errno::NOENT)),
            ServerError::ForeignProcess(1),
            ServerError::Contract(9),
            died(Phase::Start, ""),
            died(Phase::Run, ""),
            died(Phase::Stop, ""),
        ];
        let mut ways: Vec<&str> = failures.iter().map(ServerError::way_out).collect();
        assert_eq!(
            died(Phase::Run, "accept: Too many open files").way_out(),
            ways[0]
        );
        let all = ways.len();
        ways.sort_unstable();
        ways.dedup();
        assert_eq!(ways.len(), all, "{ways:?}");
    }
}
