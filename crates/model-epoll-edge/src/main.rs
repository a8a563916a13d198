//! One thread, one edge-triggered epoll instance, one listener: the reactor by hand that is told
//! of changes rather than of states.
//!
//! Edge-triggered means that epoll reports a socket once when something changes: bytes come, room
//! to send comes up, the client closes. So each socket is registered once, for all of that, and
//! epoll need not be told when a connection waits or can't send: that is the gain, besides a
//! kernel that doesn't look at each reported socket again at the next wait.
//!
//! The price is memory of what was reported: bytes that the loop leaves unread are reported by
//! nobody again. A connection is read until the kernel has no more, which a read that doesn't
//! fill the buffer tells (unless the client has closed: then only the end of the stream does).
//! One that sends without pause must not keep the loop from the others, so it is read once, and
//! then waits in a queue for its next turn.
//!
//! All else is as in the level-triggered loop: requests that compute or block make all others
//! wait, those that only wait are timers.
//!
//! Sources: epoll(7), "Level-triggered and edge-triggered" and its questions 9 and 10.

use model_kit::{
    Chunk, Closed, Connection, Ended, Listeners, Model, Refused, Server, Timers, Work,
    epoll::{Epoll, Events, LISTENER, Socket, accept_some},
    with_chunk,
};
use rustix::event::epoll::EventFlags;
use slab::Slab;
use std::{io, mem, os::fd::OwnedFd, process::ExitCode, sync::Arc, time::Duration};

/// Connections accepted before the others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

/// What each connection is registered for, once.
const EVERYTHING: EventFlags = EventFlags::IN
    .union(EventFlags::OUT)
    .union(EventFlags::RDHUP)
    .union(EventFlags::ET);

/// Nothing is reported after these: only reads tell what comes before the end.
const ENDED: EventFlags = EventFlags::RDHUP
    .union(EventFlags::HUP)
    .union(EventFlags::ERR);

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::One,
        needs: &[],
        run,
    };
    model.main()
}

fn run(server: Arc<Server>) -> Ended {
    let connections = Connections {
        epoll: Epoll::new()?,
        open: Slab::new(),
        unread: Vec::new(),
        timers: Timers::default(),
    };
    with_chunk(|chunk| connections.serve_all(&server, chunk))
}

/// What the queue and the timers name is open: a connection that is queued or waits isn't closed by
/// an event.
struct Connections {
    epoll: Epoll,
    open: Slab<Socket<State>>,
    /// Those that the kernel may have more bytes of, for the next turn.
    unread: Vec<usize>,
    /// Requests that wait, by the key of their connection; none for a listener that is paused.
    timers: Timers<usize, Option<Work>>,
}

struct State {
    next: Next,
    /// Bytes, or the end, were reported and have not all been read.
    readable: bool,
    ended: bool,
}

/// Who says when a connection is to be served next.
#[derive(PartialEq)]
enum Next {
    /// epoll does.
    Reported,
    /// Its turn in the queue comes.
    Unread,
    /// Its timer does.
    Waiting,
}

impl Connections {
    fn serve_all(mut self, server: &Server, chunk: &mut Chunk) -> Ended {
        let listener = server.listen()?;
        listener.set_nonblocking(true)?;
        self.epoll.add(&listener, LISTENER, EventFlags::IN)?;
        server.ready()?;
        let mut events = Events::default();
        let mut stopping = false;
        while !stopping || !self.open.is_empty() {
            let no_time = (!self.unread.is_empty()).then_some(Duration::ZERO);
            let timeout = no_time.or_else(|| self.timers.until_next());
            for (key, flags) in self.epoll.wait(&mut events, timeout)? {
                if key != LISTENER {
                    self.hear(key, flags, chunk);
                    continue;
                }
                let open = |fd, connection| self.open(fd, connection);
                match accept_some(server, &listener, ACCEPTS_PER_TURN, open) {
                    Refused::Retry => continue,
                    Refused::Pause(time) => self.timers.set(time, LISTENER, None),
                    Refused::Stopping => stopping = true,
                }
                self.epoll.delete(&listener)?;
            }
            for key in mem::take(&mut self.unread) {
                self.serve(key, chunk);
            }
            for (key, work) in self.timers.due() {
                match work {
                    Some(work) => self.resume(key, work),
                    None => self.epoll.add(&listener, LISTENER, EventFlags::IN)?,
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, fd: OwnedFd, connection: Connection) -> io::Result<()> {
        let entry = self.open.vacant_entry();
        self.epoll.add(&fd, entry.key(), EVERYTHING)?;
        let state = State {
            next: Next::Reported,
            readable: false,
            ended: false,
        };
        entry.insert(Socket::new(fd, connection, state));
        Ok(())
    }

    /// Remembers what epoll reports, and serves the connection if it isn't busy otherwise.
    fn hear(&mut self, key: usize, flags: EventFlags, chunk: &mut Chunk) {
        // One that was closed while somebody else held its file, as who reads /proc/PID/fd does
        // for a moment, may still be named (epoll(7)).
        let Some(Socket { state, .. }) = self.open.get_mut(key) else {
            return;
        };
        state.readable |= flags.intersects(EventFlags::IN.union(ENDED));
        state.ended |= flags.intersects(ENDED);
        if state.next == Next::Reported {
            self.serve(key, chunk);
        }
    }

    fn serve(&mut self, key: usize, chunk: &mut Chunk) {
        let next = answer(&mut self.open[key], chunk);
        self.go_on(key, next);
    }

    /// Replies to a request that has waited.
    fn resume(&mut self, key: usize, work: Work) {
        let next = self.open[key].resume(work.finish());
        self.go_on(key, next);
    }

    /// Does what work comes up, and decides what is next for the connection.
    #[inline(always)]
    fn go_on(&mut self, key: usize, next: Result<Option<Work>, Closed>) {
        let socket = &mut self.open[key];
        socket.state.next = match socket.work_inline(next) {
            Ok(Some((time, work))) => {
                self.timers.set(time, key, Some(work));
                Next::Waiting
            }
            Ok(None) if socket.state.readable && !socket.has_unsent() => {
                self.unread.push(key);
                Next::Unread
            }
            Ok(None) => Next::Reported,
            Err(_) => {
                self.open.remove(key);
                return;
            }
        };
    }
}

/// Sends what is left from before, then reads once and answers.
#[inline(always)]
fn answer(socket: &mut Socket<State>, chunk: &mut Chunk) -> Result<Option<Work>, Closed> {
    socket.resend()?;
    if !socket.state.readable || socket.has_unsent() {
        return Ok(None);
    }
    let space_bytes = chunk.space().len();
    let Some(received_bytes) = socket.receive(chunk)? else {
        socket.state.readable = false;
        return Ok(None);
    };
    socket.state.readable = received_bytes == space_bytes || socket.state.ended;
    socket.answer_received(chunk, received_bytes)
}
