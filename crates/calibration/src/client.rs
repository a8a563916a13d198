//! One connection: bytes in, whole frames and replies out.

use model_kit::{Closed, Connection};
use rustix::{
    event::epoll::EventFlags,
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};
use std::{
    io, mem,
    os::fd::{AsRawFd as _, OwnedFd},
};

/// Replies that may wait for their time on one connection. Beyond that it isn't read from, so
/// what a client has outstanding can't grow without a bound in here.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// An open connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) fd: OwnedFd,
    /// Its place in the order of accepting, from 0.
    pub(crate) number: u64,
    /// Echo requests read so far.
    pub(crate) echoes: u64,
    /// What epoll watches for.
    pub(crate) watched: EventFlags,
    /// Replies that wait for their time.
    pub(crate) waiting: u32,
    waiting_bytes: usize,
    last_due_ns: u64,
    /// The start of a frame whose end is still to come.
    gathered: Vec<u8>,
    /// Nothing more is to be read: the client has closed its sending side, or sent nonsense.
    finished: bool,
    connection: Connection,
}

/// What a read brought.
#[derive(Debug)]
pub(crate) enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing now.
    Nothing,
}

impl Client {
    pub(crate) fn new(fd: OwnedFd, number: u64, connection: Connection) -> Self {
        Self {
            fd,
            number,
            echoes: 0,
            watched: EventFlags::IN,
            waiting: 0,
            waiting_bytes: 0,
            last_due_ns: 0,
            gathered: Vec::new(),
            finished: false,
            connection,
        }
    }

    /// Where it lies among all clients.
    pub(crate) fn index(&self) -> usize {
        self.fd.as_raw_fd() as usize
    }

    /// What epoll has to watch for: room to send, if that is missing, or else requests, if any
    /// may come. That the connection broke is reported in any case.
    pub(crate) fn needed(&self) -> EventFlags {
        if !self.connection.unsent().is_empty() {
            EventFlags::OUT
        } else if self.finished || self.waiting_bytes >= WAITING_BYTES_MAX {
            EventFlags::empty()
        } else {
            EventFlags::IN
        }
    }

    /// Sends what is left from before, or else reads once.
    pub(crate) fn react(&mut self, buffer: &mut [u8]) -> Result<Read, Closed> {
        if !self.connection.unsent().is_empty() {
            let fd = &self.fd;
            self.connection.resend(|bytes| send_some(fd, bytes))?;
            return Ok(Read::Nothing);
        }
        match recv(&self.fd, buffer, RecvFlags::empty()) {
            // Reading is over: what is reported now is that it broke.
            Ok(_) if self.finished => Err(Closed::ByClient),
            Ok((0, _)) => {
                self.finished = true;
                Ok(Read::Nothing)
            }
            Ok((bytes, _)) => Ok(Read::Bytes(bytes)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(Read::Nothing),
            Err(errno) => Err(io::Error::from(errno).into()),
        }
    }

    /// What was received, with the start of its first frame in front if that came before. The
    /// buffer is to be given back with [`Client::keep`].
    pub(crate) fn gather(&mut self, received: &[u8]) -> Vec<u8> {
        self.connection.received(received.len(), 0);
        let mut bytes = mem::take(&mut self.gathered);
        bytes.extend_from_slice(received);
        bytes
    }

    /// Keeps what follows the first `used` bytes.
    pub(crate) fn keep(&mut self, mut bytes: Vec<u8>, used: usize) {
        bytes.drain(..used);
        self.gathered = bytes;
    }

    pub(crate) fn count_request(&mut self) {
        self.connection.received(0, 1);
    }

    /// What comes next is no frame: nothing more is read, and what came before is answered.
    pub(crate) fn malformed(&mut self) {
        self.connection.malformed();
        self.finished = true;
    }

    pub(crate) fn send(&mut self, replies: &[u8], responses: u64) -> Result<(), Closed> {
        let fd = &self.fd;
        let send = |bytes: &[u8]| send_some(fd, bytes);
        self.connection.reply(replies, responses, send)
    }

    /// One more reply, of so many bytes, waits until `at_ns`; returns when it is really due,
    /// because it must not overtake those that wait already.
    pub(crate) fn delayed(&mut self, at_ns: u64, reply_bytes: usize) -> u64 {
        self.waiting += 1;
        self.waiting_bytes += reply_bytes;
        self.last_due_ns = self.last_due_ns.max(at_ns);
        self.last_due_ns
    }

    /// A reply's wait is over.
    pub(crate) fn send_delayed(&mut self, reply: &[u8]) -> Result<(), Closed> {
        self.waiting -= 1;
        self.waiting_bytes -= reply.len();
        self.send(reply, 1)
    }

    /// Fails when nothing more is to be read and nothing is left to be sent.
    pub(crate) fn check_answered(&self) -> Result<(), Closed> {
        if self.finished && self.waiting == 0 && self.connection.unsent().is_empty() {
            return Err(Closed::ByClient);
        }
        Ok(())
    }
}

fn send_some(fd: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(send(fd, bytes, SendFlags::NOSIGNAL)?)
}
