//! The server under test: started for one case, and what it did put into words.

use crate::{client::Client, promise::Promise, request};
use anyhow::{Context as _, Error, Result, anyhow, ensure};
use protocol::{launch::Done, wire::Wire};
use server::{
    contract::ServerError,
    launch::{Heard, Server},
};
use std::{net::SocketAddr, thread, time::Duration};

/// The sizes that messages may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Messages {
    wire: Wire,
    multiple_of_bytes: usize,
}

/// A running server.
#[derive(Debug)]
pub(super) struct Running {
    server: Server,
    addr: SocketAddr,
    messages: Messages,
}

impl Messages {
    /// An echo's bytes: of a server's own messages so many that they have this size at least.
    pub(super) fn echo(self, id: u64, payload_bytes: usize) -> Vec<u8> {
        let bytes = payload_bytes
            .max(1)
            .next_multiple_of(self.multiple_of_bytes);
        let bytes = if self.multiple_of_bytes == 1 {
            payload_bytes
        } else {
            bytes
        };
        request::echo(self.wire, id, bytes)
    }
}

impl Running {
    pub(super) fn start(promise: &Promise) -> Result<Self> {
        let server = promise.launch.start().map_err(|error| explain(&error))?;
        Ok(Self {
            addr: server.endpoint().tcp().context("the suite speaks TCP")?,
            server,
            messages: Messages {
                wire: promise.wire,
                multiple_of_bytes: promise.message_bytes.unwrap_or(1).max(1) as usize,
            },
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
    pub(super) fn stop(self) -> Result<Option<Done>> {
        let stopped = self.server.stop();
        let stopped = stopped.map(Heard::ok);
        stopped.map_err(|error| explain(&error).context("when its standard input ended"))
    }

    /// Stops the server with SIGTERM.
    pub(super) fn terminate(self) -> Result<Option<Done>> {
        let stopped = self.server.terminate();
        let stopped = stopped.map(Heard::ok);
        stopped.map_err(|error| explain(&error).context("when SIGTERM came"))
    }

    /// Its processes, of now.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.server.pids()
    }

    /// Where it listens.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn wire(&self) -> Wire {
        self.messages.wire
    }

    pub(super) fn messages(&self) -> Messages {
        self.messages
    }

    pub(super) fn connect(&self) -> Result<Client> {
        Client::connect(self.addr)
    }

    /// A connection by [`Client::connect_narrow`].
    pub(super) fn connect_narrow(&self) -> Result<Client> {
        Client::connect_narrow(self.addr)
    }

    /// An echo's bytes, on this server's wire.
    pub(super) fn echo(&self, id: u64, payload_bytes: usize) -> Vec<u8> {
        self.messages.echo(id, payload_bytes)
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

    /// What [`Running::connect_many`] sends on its `i`-th connection.
    pub(super) fn greeting(&self, i: usize) -> Vec<u8> {
        self.echo(1 << 32 | i as u64, 8)
    }
}

/// Starts a server, is its client, and stops it, with every connection closed in time.
pub(super) fn run(
    promise: &Promise,
    body: impl FnOnce(&Running) -> Result<()>,
) -> Result<Option<Done>> {
    let mut running = Running::start(promise)?;
    running.attempt(body)?;
    let done = running.stop()?;
    expect_none_abandoned(done.as_ref())?;
    Ok(done)
}

/// A connection may be left open only if it can't be helped, and most cases give no reason.
pub(super) fn expect_none_abandoned(done: Option<&Done>) -> Result<()> {
    let abandoned = done.map_or(0, |done| done.abandoned);
    ensure!(
        abandoned == 0,
        "the server stopped with {abandoned} connections still open (abandoned in the done line); \
         none is expected, because no client here leaves replies unread"
    );
    Ok(())
}

fn explain(error: &ServerError) -> Error {
    match error.stderr_tail() {
        "" => anyhow!("the server {error}"),
        tail => anyhow!("the server {error} (its standard error ends with {tail:?})"),
    }
}
