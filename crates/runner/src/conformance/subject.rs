//! The server under test: started for one case, and what it did put into words.

use super::{client::Client, request};
use crate::server::{Launch, Server, ServerError};
use anyhow::{Context as _, Error, Result, anyhow, ensure};
use protocol::{launch::Done, wire::Wire};
use std::{thread, time::Duration};

/// A running server.
#[derive(Debug)]
pub(super) struct Subject {
    server: Server,
    wire: Wire,
}

impl Subject {
    pub(super) fn start(launch: &Launch) -> Result<Self> {
        let server = launch.start().map_err(|error| explain(&error))?;
        Ok(Self {
            server,
            wire: launch.wire,
        })
    }

    /// Is the server's client. When that fails because the server has died, the error says so.
    pub(super) fn attempt<T>(&mut self, body: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        body(self).map_err(|error| {
            // A connection ends a little before its process does.
            thread::sleep(Duration::from_millis(50));
            match self.server.check_alive() {
                Ok(()) => error,
                Err(death) => error.context(explain(&death)),
            }
        })
    }

    /// Stops the server by ending its input.
    pub(super) fn stop(self) -> Result<Done> {
        let stopped = self.server.stop();
        stopped.map_err(|error| explain(&error).context("when its standard input ended"))
    }

    /// Stops the server with SIGTERM.
    pub(super) fn terminate(self) -> Result<Done> {
        let stopped = self.server.terminate();
        stopped.map_err(|error| explain(&error).context("when SIGTERM came"))
    }

    pub(super) fn pid(&self) -> u32 {
        self.server.pid()
    }

    pub(super) fn wire(&self) -> Wire {
        self.wire
    }

    pub(super) fn connect(&self) -> Result<Client> {
        Client::connect(self.server.addr())
    }

    /// An echo's bytes, on this server's wire.
    pub(super) fn echo(&self, id: u64, payload_bytes: usize) -> Vec<u8> {
        request::echo(self.wire, id, payload_bytes)
    }

    /// This many connections that have been accepted: each has been answered once. (One that
    /// waits to be accepted is nothing that a server must know of when it stops.)
    pub(super) fn connect_many(&self, n: usize) -> Result<Vec<Client>> {
        let connect = |i| -> Result<Client> {
            let client = self.connect()?;
            client.round_trip(&self.greeting(i))?;
            Ok(client)
        };
        (0..n)
            .map(|i| connect(i).with_context(|| format!("connection {} of {n}", i + 1)))
            .collect()
    }

    /// What [`Subject::connect_many`] sends on its `i`-th connection.
    pub(super) fn greeting(&self, i: usize) -> Vec<u8> {
        self.echo(1 << 32 | i as u64, 8)
    }
}

/// Starts a server, is its client, and stops it, with every connection closed in time.
pub(super) fn run(launch: &Launch, body: impl FnOnce(&Subject) -> Result<()>) -> Result<Done> {
    let mut subject = Subject::start(launch)?;
    subject.attempt(body)?;
    let done = subject.stop()?;
    expect_none_abandoned(&done)?;
    Ok(done)
}

/// A connection may be left open only if it can't be helped, and most cases give no reason.
pub(super) fn expect_none_abandoned(done: &Done) -> Result<()> {
    ensure!(
        done.abandoned == 0,
        "the server stopped with {} connections still open (abandoned in the done line); none \
         is expected, because no client here leaves replies unread",
        done.abandoned
    );
    Ok(())
}

fn explain(error: &ServerError) -> Error {
    match error.stderr_tail() {
        "" => anyhow!("the server {error}"),
        tail => anyhow!("the server {error} (its standard error ends with {tail:?})"),
    }
}
