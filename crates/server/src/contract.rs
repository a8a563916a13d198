//! A process of a server under measurement, started and stopped by the launch contract
//! (`protocol::launch`).

use crate::error::READY_LIMIT_S;
pub use crate::error::{PreflightError, ServerError};
use process::{
    child::{Child, PostMortem, Silence},
    guard::{Guard, join},
};
use protocol::{
    launch::{CONTRACT, Done, Ready, STOP_LIMIT_S, ServerLine, Unmet},
    wire::Wire,
};
use report::model::Phase;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How long a server may take until every listener is up.
const READY_LIMIT: Duration = Duration::from_secs(READY_LIMIT_S);

/// For what a program wrote before it ended. It is there, but on a busy machine whoever reads it may
/// not have had a turn yet; nobody waits that long, because its output ends.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How to start a server.
#[derive(Clone, Debug)]
pub struct ContractLaunch {
    /// The program.
    pub program: PathBuf,
    /// Through what its processes are started.
    pub guard: Guard,
    /// What the program wants to be told before the contract's arguments.
    pub leading_args: Vec<String>,
    /// More than one share the port: see [`crate::shared_port`].
    pub processes: u32,
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// I/O threads of each process.
    pub threads: u32,
    /// What it is to speak.
    pub wire: Wire,
    /// Any, when empty.
    pub cpus: Vec<usize>,
    /// The backend that it is to relay to; `None`: it answers by itself.
    pub relay: Option<SocketAddr>,
    /// A lower limit of open files than the runner's own.
    pub open_files_max: Option<u64>,
    /// How long it may take until it is ready; [`ContractLaunch::new`] has a sensible one.
    pub ready_limit: Duration,
}

/// A process that is ready.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    ready: Ready,
}

impl ContractLaunch {
    /// One process of one thread, framed, anywhere.
    pub fn new(guard: &Guard, program: &Path) -> Self {
        Self {
            guard: guard.clone(),
            program: program.to_owned(),
            leading_args: Vec::new(),
            processes: 1,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            threads: 1,
            wire: Wire::Framed,
            cpus: Vec::new(),
            relay: None,
            open_files_max: None,
            ready_limit: READY_LIMIT,
        }
    }

    /// All arguments: those of the contract, and what comes before.
    pub fn args(&self) -> Vec<String> {
        let wire = self.wire.word();
        let (threads, listen) = (self.threads.to_string(), self.listen.to_string());
        let contract = ["--listen", &listen, "--threads", &threads, "--wire", wire];
        let mut args = self.leading_args.clone();
        args.extend(contract.map(str::to_owned));
        if !self.cpus.is_empty() {
            args.extend(["--cpus".to_owned(), join(&self.cpus)]);
        }
        if let Some(backend) = self.relay {
            args.extend(["--relay".to_owned(), backend.to_string()]);
        }
        if self.processes > 1 {
            args.push("--reuse-port".to_owned());
        }
        args
    }

    /// Asks the model whether it can run here.
    ///
    /// # Errors
    /// What is missing and how to mend it, or what happened instead of an answer.
    pub fn preflight(&self) -> Result<(), PreflightError> {
        let mut args = self.args();
        args.push("--preflight".to_owned());
        let mut child = Child::spawn(&self.guard, &self.program, args, self.open_files_max)
            .map_err(PreflightError::Start)?;
        child.end_input();
        let Some(status) = child.wait_until(Instant::now() + self.ready_limit) else {
            return Err(PreflightError::NeverEnded);
        };
        if status.success() {
            return Ok(());
        }
        let line = child.last_words(LAST_WORDS);
        match line.map(|line| serde_json::from_str(&line)) {
            Some(Ok(ServerLine::Unmet(Unmet { missing, mend }))) => {
                Err(PreflightError::Unmet { missing, mend })
            }
            _ => {
                let stderr_tail = child.post_mortem().stderr_tail;
                Err(PreflightError::Failed {
                    status,
                    stderr_tail,
                })
            }
        }
    }

    /// Whether the program says that it can run as a relay.
    pub fn offers_relaying(&self) -> bool {
        let relay = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let launch = Self {
            relay,
            ..self.clone()
        };
        launch.preflight().is_ok()
    }

    /// Starts one process of the server and waits until it is ready.
    ///
    /// # Errors
    /// Why it isn't; the process is gone then.
    pub fn start(&self) -> Result<ServerProcess, ServerError> {
        let mut child = Child::spawn(&self.guard, &self.program, self.args(), self.open_files_max)
            .map_err(|error| ServerError::cant_spawn(&error))?;
        let line = match child.next_line(Instant::now() + self.ready_limit) {
            Ok(line) => line,
            Err(Silence::Interrupted) => return Err(ServerError::Interrupted),
            Err(Silence::TimedOut) => {
                let stderr_tail = child.post_mortem().stderr_tail;
                return Err(ServerError::NeverReady { stderr_tail });
            }
            Err(Silence::Ended) => {
                return Err(died(
                    Phase::Start,
                    "before it was ready",
                    child.post_mortem(),
                ));
            }
        };
        match serde_json::from_str(&line) {
            Ok(ServerLine::Ready(ready)) if ready.contract != CONTRACT => {
                Err(ServerError::Contract(ready.contract))
            }
            // It is measured and may be signalled: it has to be ours.
            Ok(ServerLine::Ready(ready)) if !child.has_in_group(ready.pid) => {
                Err(ServerError::ForeignProcess(ready.pid))
            }
            Ok(ServerLine::Ready(ready)) => Ok(ServerProcess { child, ready }),
            _ => Err(ServerError::NotReady {
                line: line.chars().take(200).collect(),
                stderr_tail: child.post_mortem().stderr_tail,
            }),
        }
    }
}

impl ServerProcess {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.ready.addr
    }

    /// The process to be measured: the one that says it is the server, which under a start
    /// script is not the one that was started.
    pub fn pid(&self) -> u32 {
        self.ready.pid
    }

    /// Fails when the server has ended by itself.
    ///
    /// # Errors
    /// How it died, and what it said last.
    pub fn check_alive(&mut self) -> Result<(), ServerError> {
        match self.child.ended() {
            None => Ok(()),
            Some(_) => Err(died(Phase::Run, "during the run", self.child.post_mortem())),
        }
    }

    /// Stops the server by ending its input.
    ///
    /// # Errors
    /// It didn't stop in time, or without its counts, or not with success.
    pub fn stop(mut self) -> Result<Done, ServerError> {
        self.end_input();
        self.finish()
    }

    /// Tells the server to stop; [`ServerProcess::stop`] waits for it.
    pub fn end_input(&mut self) {
        self.child.end_input();
    }

    /// Stops the server with SIGTERM.
    ///
    /// # Errors
    /// As with [`ServerProcess::stop`].
    pub fn terminate(mut self) -> Result<Done, ServerError> {
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        self.finish()
    }

    fn finish(&mut self) -> Result<Done, ServerError> {
        let deadline = Instant::now() + Duration::from_secs(STOP_LIMIT_S);
        let Some(status) = self.child.wait_until(deadline) else {
            let stderr_tail = self.child.post_mortem().stderr_tail;
            return Err(ServerError::DidNotStop { stderr_tail });
        };
        let mut done = None;
        while let Some(line) = self.child.last_words(LAST_WORDS) {
            if let Ok(ServerLine::Done(counts)) = serde_json::from_str(&line) {
                done = Some(counts);
            }
        }
        let post_mortem = self.child.post_mortem();
        if !status.success() {
            return Err(died(Phase::Stop, "while stopping", post_mortem));
        }
        done.ok_or(ServerError::NoDoneLine {
            stderr_tail: post_mortem.stderr_tail,
        })
    }
}

fn died(phase: Phase, when: &str, post_mortem: PostMortem) -> ServerError {
    let PostMortem {
        status,
        stderr_tail,
    } = post_mortem;
    let how = match status {
        Some(status) => format!("ended {when} ({status})"),
        None => format!("closed its output {when}"),
    };
    ServerError::Died {
        phase,
        how,
        stderr_tail,
    }
}
