//! The processes of one server: mostly one, more where the limit of open files asks for it. They
//! share a port (SO_REUSEPORT), and the kernel spreads connections over them.

use crate::contract::{ContractLaunch, ServerError, ServerProcess};
use process::tree::with_descendants;
use protocol::launch::Done;
use std::net::SocketAddr;

/// A server that is ready, with all its processes.
#[derive(Debug)]
pub struct ServerProcesses {
    /// At least one.
    processes: Vec<ServerProcess>,
    addr: SocketAddr,
    threads: u32,
    /// CPUs that they were told to run on; `None`: any.
    cpus: Option<u32>,
}

impl ServerProcesses {
    /// Starts all processes and waits until each is ready.
    ///
    /// # Errors
    /// Why one of them isn't; all are gone then.
    pub fn start(launch: &ContractLaunch) -> Result<Self, ServerError> {
        let first = launch.start()?;
        let addr = first.addr();
        // The first has found a free port.
        let same_port = ContractLaunch {
            listen: addr,
            ..launch.clone()
        };
        let others = (1..launch.processes).map(|_| same_port.start());
        let others = others.collect::<Result<Vec<_>, _>>()?;
        // A server that takes another port would be measured without a connection.
        if let Some(stray) = others.iter().find(|other| other.addr() != addr) {
            return Err(ServerError::OtherAddress {
                asked: addr,
                found: stray.addr(),
            });
        }
        let processes = std::iter::once(first).chain(others).collect();
        let cpus = launch.cpus.len() as u32;
        Ok(Self {
            processes,
            addr,
            threads: launch.threads * launch.processes,
            cpus: (cpus > 0).then_some(cpus),
        })
    }

    /// Where all of them listen.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// I/O threads of all processes, and the CPUs that these can use at most, where that is known.
    pub fn threads_and_cpus(&self) -> (u32, Option<u32>) {
        (self.threads, self.cpus.map(|cpus| self.threads.min(cpus)))
    }

    /// All processes that serve now, those included that a server started itself. None where they can't
    /// be listed: then nobody knows what they use.
    pub fn pids(&self) -> Vec<u32> {
        let own: Vec<u32> = self.processes.iter().map(ServerProcess::pid).collect();
        with_descendants(&own).unwrap_or_default()
    }

    /// Fails when a process has ended by itself.
    ///
    /// # Errors
    /// How it died, and what it said last.
    pub fn check_alive(&mut self) -> Result<(), ServerError> {
        self.processes
            .iter_mut()
            .try_for_each(ServerProcess::check_alive)
    }

    /// Stops all processes, and adds up what they counted.
    ///
    /// # Errors
    /// One didn't stop in time, or without its counts, or not with success.
    pub fn stop(mut self) -> Result<Done, ServerError> {
        self.processes.iter_mut().for_each(ServerProcess::end_input);
        sum_up(self.processes.into_iter().map(ServerProcess::stop))
    }

    /// Stops all processes with SIGTERM, likewise.
    ///
    /// # Errors
    /// As with [`ServerProcesses::stop`].
    pub fn terminate(self) -> Result<Done, ServerError> {
        sum_up(self.processes.into_iter().map(ServerProcess::terminate))
    }
}

fn sum_up(counts: impl Iterator<Item = Result<Done, ServerError>>) -> Result<Done, ServerError> {
    let sum = counts.reduce(|all, one| {
        let mut all = all?;
        all += one?;
        Ok(all)
    });
    // `start` makes at least one.
    sum.unwrap_or_else(|| {
        Err(ServerError::start(
            "a server without processes",
            "take one process at least: --server-processes 1",
        ))
    })
}
