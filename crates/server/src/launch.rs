//! Where a trial's server comes from, and the server itself, whatever it is: one that keeps the
//! launch contract, one that doesn't, or one that is running already.

use crate::{
    contract::{ContractLaunch, ServerError},
    external::{ExternalLaunch, ExternalServer, Target, TargetServer},
    shared_port::ServerProcesses,
};
use procfs::process::Process;
use protocol::{endpoint::Endpoint, launch::Done, wire::Wire};
use rustix::{
    process::Pid,
    thread::{CpuSet, sched_getaffinity},
};
use std::net::SocketAddr;

/// How a server comes about.
#[derive(Clone, Debug)]
pub enum Launch {
    /// By the launch contract.
    Contract(ContractLaunch),
    /// By a command of its own.
    External(ExternalLaunch),
    /// It is running already.
    Target(Target),
}

/// A server that is ready.
#[derive(Debug)]
pub enum Server {
    /// It keeps the launch contract.
    Contract(ServerProcesses),
    /// It was started by a command of its own.
    External(ExternalServer),
    /// It was running already.
    Target(TargetServer),
}

/// What a server counted, or why it can't be told.
pub type Heard = Result<Done, &'static str>;

const SAYS_NO_COUNTS: &str = "an external server tells nothing of what it received and sent: there \
    is nothing to hold the generator's counts against. Every reply was verified all the same";

impl From<ContractLaunch> for Launch {
    fn from(launch: ContractLaunch) -> Self {
        Self::Contract(launch)
    }
}

impl Launch {
    /// Starts the server and waits until it is ready.
    ///
    /// # Errors
    /// Why it isn't; it is gone then, unless it was there before.
    pub fn start(&self) -> Result<Server, ServerError> {
        Ok(match self {
            Self::Contract(launch) => Server::Contract(ServerProcesses::start(launch)?),
            Self::External(launch) => Server::External(launch.start()?),
            Self::Target(target) => Server::Target(target.start()?),
        })
    }

    /// The same server as a relay to this backend; one that is running already is what it is.
    pub fn relaying_to(mut self, backend: SocketAddr) -> Self {
        match &mut self {
            Self::Contract(launch) => launch.relay = Some(backend),
            Self::External(launch) => launch.backend = Some(backend),
            Self::Target(_) => {}
        }
        self
    }

    /// The same server with another wire, if it leaves the choice.
    pub fn on(mut self, wire: Wire) -> Self {
        if let Self::Contract(launch) = &mut self {
            launch.wire = wire;
        }
        self
    }
}

impl Server {
    /// Where it listens.
    pub fn endpoint(&self) -> Endpoint {
        match self {
            Self::Contract(servers) => servers.addr().into(),
            Self::External(server) => server.endpoint().clone(),
            Self::Target(server) => server.endpoint().clone(),
        }
    }

    /// Whether it is somebody else's.
    pub fn is_foreign(&self) -> bool {
        !matches!(self, Self::Contract(_))
    }

    /// How many connections were made to see that it listens: a relay's backend counts them, too.
    pub fn visits(&self) -> u32 {
        match self {
            Self::Contract(_) | Self::Target(_) => 0,
            Self::External(server) => server.visits(),
        }
    }

    /// All processes to be measured, of now; none when they aren't known.
    pub fn pids(&self) -> Vec<u32> {
        match self {
            Self::Contract(servers) => servers.pids(),
            Self::External(server) => server.pids(),
            Self::Target(server) => server.pids(),
        }
    }

    /// Fails when the server has ended by itself.
    ///
    /// # Errors
    /// How it died, and what it said last.
    pub fn check_alive(&mut self) -> Result<(), ServerError> {
        match self {
            Self::Contract(servers) => servers.check_alive(),
            Self::External(server) => server.check_alive(),
            Self::Target(server) => server.check_alive(),
        }
    }

    /// The same after something has gone wrong: mostly that is the echo of the server's death, which
    /// may just be happening.
    ///
    /// # Errors
    /// As with [`Server::check_alive`].
    pub fn check_alive_soon(&mut self) -> Result<(), ServerError> {
        match self {
            Self::External(server) => server.check_alive_soon(),
            Self::Contract(_) | Self::Target(_) => self.check_alive(),
        }
    }

    /// Stops the server, unless it was there before.
    ///
    /// # Errors
    /// It keeps the launch contract, but not here.
    pub fn stop(self) -> Result<Heard, ServerError> {
        match self {
            Self::Contract(servers) => servers.stop().map(Ok),
            Self::External(_) | Self::Target(_) => Ok(Err(SAYS_NO_COUNTS)),
        }
    }

    /// The same with SIGTERM, which others than the contract's get anyway.
    ///
    /// # Errors
    /// As with [`Server::stop`].
    pub fn terminate(self) -> Result<Heard, ServerError> {
        match self {
            Self::Contract(servers) => servers.terminate().map(Ok),
            Self::External(_) | Self::Target(_) => self.stop(),
        }
    }

    /// Whether it was told which CPUs to run on; one that runs already wasn't.
    pub fn keeps_to_its_cpus(&self) -> bool {
        !matches!(self, Self::Target(_))
    }

    /// I/O threads and the CPUs that they can use at most. Of a server that isn't ours all threads
    /// count, because nobody knows which do I/O.
    pub fn threads_and_cpus(&self) -> (Option<u32>, Option<u32>) {
        let cpus = match self {
            Self::Contract(servers) => {
                let (threads, cpus) = servers.threads_and_cpus();
                return (Some(threads), cpus);
            }
            Self::External(server) => server.cpus(),
            Self::Target(server) => cpus_of(server).unwrap_or(0),
        };
        let pids = self.pids();
        let threads: u32 = pids.iter().filter_map(|&pid| threads_of(pid)).sum();
        let known = threads > 0 && cpus > 0;
        (
            (threads > 0).then_some(threads),
            known.then_some(threads.min(cpus as u32)),
        )
    }
}

fn threads_of(pid: u32) -> Option<u32> {
    let stat = Process::new(i32::try_from(pid).ok()?).ok()?.stat().ok()?;
    u32::try_from(stat.num_threads).ok()
}

fn cpus_of(server: &TargetServer) -> Option<usize> {
    let pid = server.pids().first().copied()?;
    let set = sched_getaffinity(Pid::from_raw(i32::try_from(pid).ok()?)).ok()?;
    Some((0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).count())
}
