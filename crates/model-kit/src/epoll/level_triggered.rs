//! A level-triggered loop: the reactor by hand.
//!
//! The loop asks the kernel which sockets are ready, and does for each what can be done without
//! waiting: accept, or read, answer and send. Nothing runs in parallel, so a request that
//! computes or blocks makes all others wait: that is the design's price. A request that only
//! waits becomes a timer, and the next wait in epoll ends when the first of them is due. What a
//! connection costs is one entry in a table: there is no task and no stack, and the receive
//! buffer is the loop's.
//!
//! Level-triggered means that epoll reports a socket for as long as it is ready, so one read
//! per report is enough, and no connection can keep the loop from the others. The price: before a
//! connection waits, epoll has to be told to report nothing of it, and again when it goes on, or
//! what arrives meanwhile would be reported again and again.
//!
//! Sources: epoll(7); D. Kegel, "The C10K problem", <http://www.kegel.com/c10k.html>.

use super::{
    poller::{Epoll, Events, LISTENER},
    socket::{Socket, accept_some},
};
use crate::{
    connection::{Closed, Connection, with_chunk},
    server::{Refused, Server},
    work::Timers,
};
use protocol::{session::Chunk, work::Work};
use rustix::event::epoll::EventFlags;
use slab::Slab;
use std::{io, net::TcpListener, os::fd::OwnedFd};

/// How a loop comes by its connections.
#[derive(Clone, Copy, Debug)]
pub struct Accepting {
    /// What epoll is to report of the listener.
    pub interest: EventFlags,
    /// Connections accepted before the others get their turn.
    pub per_turn: usize,
}

/// Interest in nothing. epoll reports errors and hang-ups unasked: one-shot keeps it to once.
pub(super) const NOTHING: EventFlags = EventFlags::ONESHOT;

/// Says that it is ready, and serves on the calling thread until the server is stopping and every
/// connection of this loop has closed.
///
/// # Errors
/// Of epoll, or of the ready line.
pub fn serve(server: &Server, listener: &TcpListener, accepting: Accepting) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let sockets = Sockets {
        epoll: Epoll::new()?,
        open: Slab::new(),
        timers: Timers::default(),
    };
    with_chunk(|chunk| sockets.serve_all(server, listener, accepting, chunk))
}

/// What the timers name is open: a connection that waits isn't closed. Epoll may name one that was
/// closed while somebody else held its file, as who reads /proc/PID/fd does for a moment (epoll(7)).
struct Sockets {
    epoll: Epoll,
    /// Each with what epoll reports of it.
    open: Slab<Socket<EventFlags>>,
    /// Requests that wait, by the key of their socket; none for a listener that is paused.
    timers: Timers<usize, Option<Work>>,
}

impl Sockets {
    fn serve_all(
        mut self,
        server: &Server,
        listener: &TcpListener,
        accepting: Accepting,
        chunk: &mut Chunk,
    ) -> io::Result<()> {
        self.epoll.add(listener, LISTENER, accepting.interest)?;
        server.ready()?;
        let mut events = Events::default();
        let mut stopping = false;
        while !stopping || !self.open.is_empty() {
            let timeout = self.timers.until_next();
            for (key, _) in self.epoll.wait(&mut events, timeout)? {
                if key != LISTENER {
                    self.serve(key, chunk);
                    continue;
                }
                let open = |fd, connection| self.open(fd, connection);
                match accept_some(server, listener, accepting.per_turn, open) {
                    Refused::Retry => continue,
                    Refused::Pause(time) => self.timers.set(time, LISTENER, None),
                    Refused::Stopping => stopping = true,
                }
                self.epoll.delete(listener)?;
            }
            for (key, work) in self.timers.due() {
                match work {
                    Some(work) => self.resume(key, work),
                    None => self.epoll.add(listener, LISTENER, accepting.interest)?,
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, fd: OwnedFd, connection: Connection) -> io::Result<()> {
        let (entry, interest) = (self.open.vacant_entry(), EventFlags::IN);
        self.epoll.add(&fd, entry.key(), interest)?;
        entry.insert(Socket::new(fd, connection, interest));
        Ok(())
    }

    fn serve(&mut self, key: usize, chunk: &mut Chunk) {
        let Some(socket) = self.open.get_mut(key) else {
            return;
        };
        if socket.state == NOTHING {
            // A hang-up, and no reason to read from a connection that waits.
            return;
        }
        let next = socket.answer(chunk);
        self.go_on(key, next);
    }

    /// Replies to a request that has waited.
    fn resume(&mut self, key: usize, work: Work) {
        let next = self.open[key].resume(work.finish());
        self.go_on(key, next);
    }

    /// Does what work comes up, and tells epoll what is next for the socket.
    #[inline(always)]
    fn go_on(&mut self, key: usize, next: Result<Option<Work>, Closed>) {
        let socket = &mut self.open[key];
        let wanted = match socket.work_inline(next) {
            Ok(Some((time, work))) => {
                self.timers.set(time, key, Some(work));
                NOTHING
            }
            Ok(None) if socket.has_unsent() => EventFlags::OUT,
            Ok(None) => EventFlags::IN,
            Err(_) => {
                self.open.remove(key);
                return;
            }
        };
        if wanted == socket.state {
            return;
        }
        socket.state = wanted;
        if self.epoll.modify(&*socket, key, wanted).is_err() {
            // Nobody would hear of it again. A request that waits goes with it.
            self.timers.forget(&key);
            self.open.remove(key);
        }
    }
}
