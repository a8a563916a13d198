//! Starting and stopping a server that keeps no launch contract.
//!
//! A keeper stands between (see [`process::keep`]): it ends with the runner, however that
//! ends, takes everything with it that the server has started, and tells how the server ended. So
//! the server is what descends from it.

use super::{
    command::Places,
    description::External,
    listener::{free_address, hold, listeners, visit},
};
use crate::contract::ServerError;
use probe::host::allowed_cpus;
use process::{
    child::Child,
    guard::{Guard, join},
    interrupt,
    keep::KEEP,
    tree::descendants,
};
use protocol::launch::STOP_LIMIT_S;
use report::model::Phase;
use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

/// How often it is looked whether the server listens.
const LOOK: Duration = Duration::from_millis(10);

/// A server that just dies takes a moment to be known dead.
const DEATH_LIMIT: Duration = Duration::from_millis(300);

/// What keeping takes beyond the time that the server has to stop.
const KEEPER_LIMIT: Duration = Duration::from_secs(5);

/// How to start an external server.
#[derive(Clone, Debug)]
pub struct ExternalLaunch {
    /// The server.
    pub external: External,
    /// Where it is told to listen, unless it has an address of its own.
    pub ip: Ipv4Addr,
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
    keeper: Child,
    addr: SocketAddr,
    /// How many CPUs it may run on.
    cpus: usize,
    /// How it has ended.
    end: Option<String>,
}

impl ExternalLaunch {
    /// Starts the server and waits until it listens.
    ///
    /// # Errors
    /// Why it doesn't; all its processes are gone then.
    pub fn start(&self) -> Result<ExternalServer, ServerError> {
        let external = &self.external;
        let addr = match external.address {
            Some(addr) if !listeners(addr).is_empty() => {
                let what = format!("{addr} is taken: something listens there already");
                return Err(ServerError::start(
                    what,
                    "end what listens there, or measure that: --target",
                ));
            }
            Some(addr) => addr,
            None => free_address(self.ip).map_err(|error| {
                ServerError::start(error, "no address is free: 'runner doctor' looks at ports")
            })?,
        };
        let keeper = Child::spawn(
            &self.guard,
            self.guard.program(),
            self.keeper_args(addr),
            self.open_files_max,
        );
        let keeper = keeper.map_err(|error| ServerError::cant_spawn(&error))?;
        let mut server = ExternalServer {
            keeper,
            addr,
            cpus: match self.cpus.len() {
                0 => allowed_cpus().len(),
                told => told,
            },
            end: None,
        };
        server.await_listener(external)?;
        Ok(server)
    }

    fn keeper_args(&self, addr: SocketAddr) -> Vec<String> {
        let External {
            directory,
            environment,
            command,
            relay,
            ..
        } = &self.external;
        let command = match (self.backend, relay) {
            (Some(_), Some(relay)) => relay,
            _ => command,
        };
        let mut args = vec![KEEP.to_owned(), "--directory".to_owned()];
        args.push(directory.display().to_string());
        for (name, value) in environment {
            args.push(format!("--env={name}={value}"));
        }
        if !self.cpus.is_empty() {
            args.push(format!("--cpus={}", join(&self.cpus)));
        }
        args.push("--".to_owned());
        let places = Places {
            addr,
            threads: self.threads,
            backend: self.backend,
        };
        args.extend(places.fill(command));
        args
    }
}

impl ExternalServer {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many CPUs it may run on.
    pub(crate) fn cpus(&self) -> usize {
        self.cpus
    }

    /// All its processes: they come and go. None where they can't be listed.
    pub fn pids(&self) -> Vec<u32> {
        descendants(self.keeper.pid()).unwrap_or_default()
    }

    fn await_listener(&mut self, external: &External) -> Result<(), ServerError> {
        let deadline = Instant::now() + external.ready_limit;
        loop {
            if interrupt::asked() {
                return Err(ServerError::Interrupted);
            }
            self.check_alive_at(Phase::Start, "before it listened")?;
            let pids = self.pids();
            let listens = hold(&pids, &listeners(self.addr));
            let wanted = external.processes.unwrap_or(0) as usize;
            if listens && pids.len() >= wanted && visit(self.addr).is_ok() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let limit_s = external.ready_limit.as_secs_f64();
                return Err(ServerError::NeverListened {
                    what: if listens {
                        format!("has {} of {wanted} processes", pids.len())
                    } else {
                        self.where_instead(&pids)
                    },
                    limit_s,
                    stderr_tail: self.last_words(),
                });
            }
            thread::sleep(LOOK);
        }
    }

    fn where_instead(&self, pids: &[u32]) -> String {
        let other = SocketAddr::from((Ipv6Addr::LOCALHOST, self.addr.port()));
        let instead = match self.addr.is_ipv4() && hold(pids, &listeners(other)) {
            true => ", but over IPv6: 'address' in its description says so, such as [::1]:7000",
            false => "",
        };
        format!("doesn't listen on {}{instead}", self.addr)
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

    /// Ends the server, and tells what it wrote last.
    fn last_words(&mut self) -> String {
        self.end();
        self.keeper.post_mortem().stderr_tail
    }

    /// Ends all its processes: with SIGTERM, and those that don't mind it with SIGKILL.
    fn end(&mut self) {
        self.keeper.end_input();
        let limit = Duration::from_secs(STOP_LIMIT_S) + KEEPER_LIMIT;
        let _ = self.keeper.wait_until(Instant::now() + limit);
    }
}

impl Drop for ExternalServer {
    fn drop(&mut self) {
        self.end();
    }
}
