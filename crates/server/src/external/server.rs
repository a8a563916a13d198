//! Starting and stopping a server that keeps no launch contract: mostly one command, several where
//! the limit of open files asks for it, which share a port (SO_REUSEPORT).

use super::{
    command::{Places, Told},
    description::{External, is_any_port},
    kept::{Keeping, Kept},
    listener::{free_address, hold, listeners, visit},
};
use crate::contract::ServerError;
use machine::host::allowed_cpus;
use process::{guard::Guard, interrupt};
use protocol::endpoint::Endpoint;
use report::model::Phase;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How often it is looked whether the server listens.
const LOOK: Duration = Duration::from_millis(10);

/// A server that just dies takes a moment to be known dead.
const DEATH_LIMIT: Duration = Duration::from_millis(300);

/// How to start an external server.
#[derive(Clone, Debug)]
pub struct ExternalLaunch {
    /// The server.
    pub external: External,
    /// Where it is told to listen, unless it has an address of its own.
    pub ip: Ipv4Addr,
    /// How often it is started, if it can share its port; at least 1.
    pub processes: u32,
    /// For the place in the command; the server may have others.
    pub threads: u32,
    /// Through what it is started.
    pub guard: Guard,
    /// Any, when empty.
    pub cpus: Vec<usize>,
    /// The backend that it is to relay to; `None`: it answers by itself.
    pub backend: Option<SocketAddr>,
    /// A lower limit of open files than the runner's own.
    pub open_files_max: Option<u64>,
}

/// One that listens.
#[derive(Debug)]
pub struct ExternalServer {
    /// At least one.
    started: Vec<Kept>,
    endpoint: Endpoint,
    visits: u32,
    /// How many CPUs it may run on.
    cpus: usize,
    /// Where its socket is, if we chose the place: gone with the server.
    _directory: Option<TempDir>,
}

impl ExternalLaunch {
    /// Starts the server and waits until it listens.
    ///
    /// # Errors
    /// Why it doesn't; all its processes are gone then.
    pub fn start(&self) -> Result<ExternalServer, ServerError> {
        let (endpoint, directory) = self.place()?;
        let mut server = ExternalServer {
            started: Vec::new(),
            endpoint,
            visits: 0,
            cpus: match self.cpus.len() {
                0 => allowed_cpus().len(),
                told => told,
            },
            _directory: directory,
        };
        let times = if self.external.reuse_port {
            self.processes
        } else {
            1
        };
        for _ in 0..times.max(1) {
            let one = self.start_at(&server.endpoint)?;
            server.started.push(one);
            server.endpoint = server.await_listener(&self.external)?;
        }
        Ok(server)
    }

    /// Where it will listen, and what of that has to be kept.
    fn place(&self) -> Result<(Endpoint, Option<TempDir>), ServerError> {
        let no_place = |error: io::Error| {
            ServerError::start(error, "no address is free: 'runner doctor' looks at ports")
        };
        let free = |ip: IpAddr| free_address(ip).map(Endpoint::Tcp).map_err(no_place);
        match &self.external.address {
            Some(own) if is_any_port(own) => {
                let ip = own.tcp().map_or(self.ip.into(), |own| own.ip());
                Ok((free(ip)?, None))
            }
            Some(own) if !listeners(own).is_empty() => Err(ServerError::start(
                format!("{own} is taken: something listens there already"),
                "end what listens there, or measure that: --target",
            )),
            Some(own) => Ok((own.clone(), None)),
            None if Told::by(&self.external.command) == Some(Told::Path) => {
                let directory = tempfile::tempdir().map_err(|error| {
                    ServerError::start(
                        error,
                        "a directory for temporary files has to be writable: TMPDIR",
                    )
                })?;
                let path = directory.path().join("socket");
                Ok((Endpoint::Unix(path), Some(directory)))
            }
            None => Ok((free(self.ip.into())?, None)),
        }
    }

    fn start_at(&self, endpoint: &Endpoint) -> Result<Kept, ServerError> {
        let places = Places {
            endpoint,
            threads: self.threads,
            backend: self.backend,
        };
        let keeping = Keeping {
            guard: &self.guard,
            directory: &self.external.directory,
            environment: &self.external.environment,
            cpus: &self.cpus,
            open_files_max: self.open_files_max,
        };
        let command = match (self.backend, &self.external.relay) {
            (Some(_), Some(relay)) => relay,
            _ => &self.external.command,
        };
        keeping.start(places.fill(command))
    }
}

impl ExternalServer {
    /// Where it listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// How often it was visited, to see that it listens.
    pub(crate) fn visits(&self) -> u32 {
        self.visits
    }

    /// How many CPUs it may run on.
    pub(crate) fn cpus(&self) -> usize {
        self.cpus
    }

    /// All its processes: they come and go. None where they can't be listed.
    pub fn pids(&self) -> Vec<u32> {
        self.started.iter().flat_map(Kept::pids).collect()
    }

    /// Waits until the one that was started last listens, and says where.
    fn await_listener(&mut self, external: &External) -> Result<Endpoint, ServerError> {
        let deadline = Instant::now() + external.ready_limit;
        let wanted = external.processes.unwrap_or(0) as usize;
        loop {
            if interrupt::asked() {
                return Err(ServerError::Interrupted);
            }
            self.check_alive_at(Phase::Start, "before it listened")?;
            let pids = self.started.last().map(Kept::pids).unwrap_or_default();
            let place = place_of(&pids, &self.endpoint, &mut self.visits);
            if let Some(place) = &place
                && pids.len() >= wanted
            {
                return Ok(place.clone());
            }
            if Instant::now() >= deadline {
                return Err(ServerError::NeverListened {
                    what: match place {
                        Some(_) => format!("has {} of {wanted} processes", pids.len()),
                        None => format!("doesn't listen on {}", self.endpoint),
                    },
                    limit_s: external.ready_limit.as_secs_f64(),
                    stderr_tail: self
                        .started
                        .last_mut()
                        .map(Kept::last_words)
                        .unwrap_or_default(),
                });
            }
            thread::sleep(LOOK);
        }
    }

    /// Fails when the server has ended by itself.
    ///
    /// # Errors
    /// How it died, and what it said last.
    pub fn check_alive(&mut self) -> Result<(), ServerError> {
        self.check_alive_at(Phase::Run, "during the run")
    }

    /// The same for one that may just be dying: something has gone wrong.
    ///
    /// # Errors
    /// As with [`ExternalServer::check_alive`].
    pub fn check_alive_soon(&mut self) -> Result<(), ServerError> {
        let deadline = Instant::now() + DEATH_LIMIT;
        while Instant::now() < deadline {
            self.check_alive()?;
            thread::sleep(LOOK);
        }
        self.check_alive()
    }

    fn check_alive_at(&mut self, phase: Phase, when: &str) -> Result<(), ServerError> {
        let mut started = self.started.iter_mut();
        started.try_for_each(|one| one.check_alive(phase, when))
    }
}

impl Drop for ExternalServer {
    fn drop(&mut self) {
        // All at once: each may take its time.
        self.started.iter_mut().for_each(Kept::begin_end);
    }
}

/// Where these processes listen: at this place, or over IPv6 instead, as `localhost` may mean. Each place
/// that is theirs is visited.
fn place_of(pids: &[u32], told: &Endpoint, visits: &mut u32) -> Option<Endpoint> {
    let mut is_there = |place: &Endpoint| {
        let is_there = hold(pids, &listeners(place)) && visit(place).is_ok();
        *visits += u32::from(is_there);
        is_there
    };
    if is_there(told) {
        return Some(told.clone());
    }
    let addr = told.tcp().filter(|addr| addr.ip() == Ipv4Addr::LOCALHOST)?;
    let instead = SocketAddr::from((Ipv6Addr::LOCALHOST, addr.port())).into();
    if !is_there(&instead) {
        return None;
    }
    // One that listens at both may have been between the two.
    let place = if is_there(told) {
        told.clone()
    } else {
        instead
    };
    Some(place)
}
