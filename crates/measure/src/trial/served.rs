//! The server of a trial, and the backend that it relays to, if it does: a fresh one as well.

use super::{bench::Bench, counts::server_counts, error::TrialError};
use crate::launch::backend;
use report::trial::Counts;
use server::{
    contract::ServerError,
    launch::{Heard, Launch, Server},
};

/// What serves in a trial.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) server: Server,
    backend: Option<Server>,
}

impl Served {
    /// Starts both and waits until they are ready, the backend first.
    pub(super) fn start(bench: &Bench<'_>, launch: &Launch) -> Result<Self, TrialError> {
        if !bench.plan.relays() {
            let server = launch.start()?;
            return Ok(Self {
                server,
                backend: None,
            });
        }
        let null = bench.backend.ok_or(TrialError::NoBackend)?;
        let backend = Launch::from(backend(bench.plan, bench.guard, null));
        let backend = backend.start().map_err(TrialError::Backend)?;
        let addr = backend.endpoint().tcp().ok_or(TrialError::NoBackend)?;
        let server = launch.clone().relaying_to(addr).start()?;
        Ok(Self {
            server,
            backend: Some(backend),
        })
    }

    /// Processes of the backend.
    pub(super) fn backend_pids(&self) -> Vec<u32> {
        self.backend.as_ref().map_or_else(Vec::new, Server::pids)
    }

    /// Fails when one of them has ended by itself.
    pub(super) fn check_alive(&mut self) -> Result<(), TrialError> {
        if let Some(backend) = &mut self.backend {
            backend.check_alive().map_err(TrialError::Backend)?;
        }
        Ok(self.server.check_alive()?)
    }

    /// The same after something has gone wrong, as [`Server::check_alive_soon`].
    pub(super) fn check_alive_soon(&mut self) -> Result<(), TrialError> {
        if let Some(backend) = &mut self.backend {
            backend.check_alive_soon().map_err(TrialError::Backend)?;
        }
        Ok(self.server.check_alive_soon()?)
    }

    /// Stops the server, and then its backend; what both have counted.
    pub(super) fn stop(self) -> Result<(Heard, Option<Counts>), TrialError> {
        let heard = self.server.stop()?;
        let stopped: Option<Result<Heard, ServerError>> = self.backend.map(Server::stop);
        let of_backend = stopped.transpose().map_err(TrialError::Backend)?;
        let of_backend = of_backend.and_then(Heard::ok);
        // It sees bytes and no requests.
        let of_backend = of_backend.map(|done| Counts {
            requests: None,
            responses: None,
            ..server_counts(&done)
        });
        Ok((heard, of_backend))
    }
}
