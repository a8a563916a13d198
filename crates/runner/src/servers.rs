//! The processes of one server: mostly one, more where the limit of open files asks for it. They
//! share a port (SO_REUSEPORT), and the kernel spreads connections over them.

use crate::{
    sample::with_descendants,
    server::{Launch, Server, ServerError},
};
use protocol::launch::Done;
use std::net::SocketAddr;

/// A server that is ready, with all its processes.
#[derive(Debug)]
pub(crate) struct Servers {
    /// At least one.
    processes: Vec<Server>,
    addr: SocketAddr,
}

impl Servers {
    /// Starts all processes and waits until each is ready.
    ///
    /// # Errors
    /// Why one of them isn't; all are gone then.
    pub(crate) fn start(launch: &Launch) -> Result<Self, ServerError> {
        let first = launch.start()?;
        let addr = first.addr();
        // The first has found a free port.
        let same_port = Launch {
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
        Ok(Self { processes, addr })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// All processes that serve now, those included that a server started itself.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let own: Vec<u32> = self.processes.iter().map(Server::pid).collect();
        with_descendants(&own)
    }

    /// Fails when a process has ended by itself.
    ///
    /// # Errors
    /// How it died, and what it said last.
    pub(crate) fn check_alive(&mut self) -> Result<(), ServerError> {
        self.processes.iter_mut().try_for_each(Server::check_alive)
    }

    /// Stops all processes, and adds up what they counted.
    ///
    /// # Errors
    /// One didn't stop in time, or without its counts, or not with success.
    pub(crate) fn stop(mut self) -> Result<Done, ServerError> {
        self.processes.iter_mut().for_each(Server::end_input);
        sum_up(self.processes.into_iter().map(Server::stop))
    }

    /// Stops all processes with SIGTERM, likewise.
    ///
    /// # Errors
    /// As with [`Servers::stop`].
    pub(crate) fn terminate(self) -> Result<Done, ServerError> {
        sum_up(self.processes.into_iter().map(Server::terminate))
    }
}

fn sum_up(counts: impl Iterator<Item = Result<Done, ServerError>>) -> Result<Done, ServerError> {
    counts.reduce(|all, one| Ok(sum(all?, one?))).unwrap_or(Err(
        // `start` makes at least one.
        ServerError::Start("a server without processes".to_owned()),
    ))
}

/// A count that one of them couldn't make, none has.
fn sum(all: Done, one: Done) -> Done {
    let both = |a: Option<u64>, b: Option<u64>| Some(a? + b?);
    Done {
        accepted: all.accepted + one.accepted,
        requests: both(all.requests, one.requests),
        responses: both(all.responses, one.responses),
        bytes_in: all.bytes_in + one.bytes_in,
        bytes_out: all.bytes_out + one.bytes_out,
        malformed: all.malformed + one.malformed,
        accept_errors: all.accept_errors + one.accept_errors,
        abandoned: all.abandoned + one.abandoned,
    }
}
