//! What a loop knows of one connection.

use io_uring::{opcode, squeue, types::Timespec};
use model_kit::{Chunk, Connection, Work};
use std::{collections::VecDeque, os::fd::OwnedFd, time::Duration};

/// Arrivals set aside from which on the receive is cancelled.
const HELD_MAX: usize = 4;

pub(crate) struct Socket {
    pub(crate) fd: OwnedFd,
    pub(crate) doing: Doing,
    /// The turn of its last echo.
    pub(crate) turn: u16,
    /// The kernel goes on receiving.
    pub(crate) receiving: bool,
    pub(crate) connection: Connection,
    /// Boxed, because it is rare.
    aside: Option<Box<Aside>>,
}

/// What the kernel does for a connection besides receiving: one thing at a time.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Doing {
    Nothing,
    /// Sending a reply from where it lies, with the turn. Nothing, when that is over.
    Echoing,
    /// The same, and something follows.
    EchoingThen,
    /// What fits of what is unsent, with the turn.
    SendingAtOnce,
    /// The rest, when there is room.
    Sending,
    Waiting,
    /// Ending the receive, so that the connection can be forgotten.
    Closing,
}

#[derive(Default)]
struct Aside {
    /// Bytes that came while something else was done, and how many; none are the end.
    held: VecDeque<(Chunk, usize)>,
    /// A request that waits, or has to once what is unsent has been sent.
    wait: Option<(Timespec, Work)>,
}

impl Socket {
    pub(crate) fn new(fd: OwnedFd, connection: Connection) -> Self {
        Self {
            fd,
            doing: Doing::Nothing,
            turn: 0,
            receiving: false,
            connection,
            aside: None,
        }
    }

    /// Whether the kernel does something for it. Nobody visits all that had an echo, so a turn tells.
    /// (After 65,536 turns it may seem so, and what comes is set aside for once.)
    pub(crate) fn is_busy(&self, turn: u16) -> bool {
        self.doing != Doing::Nothing && (self.doing != Doing::Echoing || self.turn == turn)
    }

    /// Sets aside what came, for [`Socket::next_held`].
    pub(crate) fn hold(&mut self, bytes: &[u8]) {
        let mut chunk = Chunk::new(bytes.len());
        chunk.space()[..bytes.len()].copy_from_slice(bytes);
        let held = &mut self.aside.get_or_insert_default().held;
        held.push_back((chunk, bytes.len()));
    }

    /// So much is set aside that no more should come.
    pub(crate) fn holds_enough(&self) -> bool {
        let aside = self.aside.as_ref();
        aside.is_some_and(|aside| aside.held.len() >= HELD_MAX)
    }

    pub(crate) fn next_held(&mut self) -> Option<(Chunk, usize)> {
        let next = self.aside.as_mut()?.held.pop_front();
        if next.is_none() {
            self.aside = None;
        }
        next
    }

    /// Has this request wait.
    pub(crate) fn wait(&mut self, time: Duration, work: Work) {
        self.aside.get_or_insert_default().wait = Some((time.into(), work));
    }

    /// What the kernel has to be asked for a request to wait, if there is one. It points to the
    /// time, which lies in a box until [`Socket::waited`].
    pub(crate) fn timeout(&self) -> Option<squeue::Entry> {
        let (time, _) = self.aside.as_ref()?.wait.as_ref()?;
        Some(opcode::Timeout::new(time).build())
    }

    /// The request whose time is over.
    pub(crate) fn waited(&mut self) -> Option<Work> {
        let (_, work) = self.aside.as_mut()?.wait.take()?;
        Some(work)
    }
}
