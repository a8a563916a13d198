//! A client's socket and the backend's: what comes from one goes to the other. Nothing here waits.
//!
//! What one side doesn't take is kept, and until it has gone nothing is read from the other: so a pair
//! holds no more than one read for each side.

use crate::{connection::Connection, relay::Side};
use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown},
};
use std::os::fd::OwnedFd;

/// Two sockets that belong together, and what a loop has to remember of each.
#[derive(Debug)]
pub struct Pair<State> {
    connection: Connection,
    /// By [`Side`].
    ends: [End<State>; 2],
    /// Until then its socket takes nothing, and must not be told of an end.
    is_connected: bool,
}

#[derive(Debug)]
struct End<State> {
    fd: OwnedFd,
    state: State,
    /// What it hasn't taken yet.
    unsent: Vec<u8>,
    /// Nothing more comes from it.
    has_ended: bool,
}

/// A side has failed: the pair is over.
#[derive(Debug)]
pub struct Broken;

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// As much as a read takes: there may be more.
    Full,
    /// All that there was.
    All,
    /// There was nothing to be read.
    Nothing,
}

impl<State: Default> Pair<State> {
    /// A client that has just been accepted, and a connection to the backend that has just been begun.
    pub fn new(connection: Connection, client: OwnedFd, backend: OwnedFd) -> Self {
        let end = |fd| End {
            fd,
            state: State::default(),
            unsent: Vec::new(),
            has_ended: false,
        };
        Self {
            connection,
            ends: [end(client), end(backend)],
            is_connected: false,
        }
    }
}

// Always inlined, as a connection's functions are that wrap a system call.
impl<State> Pair<State> {
    /// A side's socket.
    #[inline(always)]
    pub fn fd(&self, side: Side) -> &OwnedFd {
        &self.ends[side as usize].fd
    }

    /// What the loop remembers of a side.
    #[inline(always)]
    pub fn state(&mut self, side: Side) -> &mut State {
        &mut self.ends[side as usize].state
    }

    /// Something was reported of the backend's socket: it is connected, or the next call fails.
    #[inline(always)]
    pub fn heard_of(&mut self, side: Side) {
        self.is_connected |= side == Side::Backend;
    }

    /// Whether a side is to be read from.
    #[inline(always)]
    pub fn wants_to_read(&self, from: Side) -> bool {
        let to = &self.ends[from.other() as usize];
        !self.ends[from as usize].has_ended && to.unsent.is_empty() && self.is_connected
    }

    /// Whether a side has to take something first.
    #[inline(always)]
    pub fn wants_to_write(&self, to: Side) -> bool {
        let is_connecting = to == Side::Backend && !self.is_connected;
        is_connecting || !self.ends[to as usize].unsent.is_empty()
    }

    /// Both directions have come to their ends.
    #[inline(always)]
    pub fn is_over(&self) -> bool {
        let [client, backend] = &self.ends;
        client.has_ended
            && backend.has_ended
            && client.unsent.is_empty()
            && backend.unsent.is_empty()
    }

    /// Sends what a side hasn't taken yet.
    ///
    /// # Errors
    /// The side has failed.
    #[inline(always)]
    pub fn flush(&mut self, to: Side) -> Result<(), Broken> {
        let unsent = std::mem::take(&mut self.ends[to as usize].unsent);
        match unsent.is_empty() {
            true => Ok(()),
            false => self.send(to, &unsent),
        }
    }

    /// Reads once from a side, if that is due, and sends it to the other.
    ///
    /// # Errors
    /// One of them has failed.
    #[inline(always)]
    pub fn pass(&mut self, from: Side, buffer: &mut [u8]) -> Result<Passed, Broken> {
        if !self.wants_to_read(from) {
            return Ok(Passed::Nothing);
        }
        let bytes = loop {
            match recv(self.fd(from), &mut *buffer, RecvFlags::empty()) {
                Ok((bytes, _)) => break bytes,
                Err(Errno::AGAIN) => return Ok(Passed::Nothing),
                Err(Errno::INTR) => {}
                Err(_) => return Err(self.broken(from)),
            }
        };
        if from == Side::Client {
            self.connection.received(bytes, 0);
        }
        if bytes == 0 {
            self.ends[from as usize].has_ended = true;
            let to = from.other();
            return match shutdown(self.fd(to), Shutdown::Write) {
                Ok(()) => Ok(Passed::All),
                Err(_) => Err(self.broken(to)),
            };
        }
        self.send(from.other(), &buffer[..bytes])?;
        Ok(match bytes == buffer.len() {
            true => Passed::Full,
            false => Passed::All,
        })
    }

    #[inline(always)]
    fn send(&mut self, to: Side, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            match send(self.fd(to), bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => {
                    bytes = &bytes[sent..];
                    if to == Side::Client {
                        self.connection.sent(sent);
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(_) => return Err(self.broken(to)),
            }
        }
        // A pair that once met a full buffer is cheap again: nothing is kept.
        self.ends[to as usize].unsent = bytes.to_vec();
        Ok(())
    }

    #[cold]
    fn broken(&self, side: Side) -> Broken {
        if side == Side::Backend {
            self.connection.backend_failed();
        }
        Broken
    }
}
