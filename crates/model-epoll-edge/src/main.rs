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
    Chunk, Closed, Connection, Ended, Listeners, Model, Refused, Server, Timers, Work, with_chunk,
};
use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
    io::Errno,
    net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send},
};
use slab::Slab;
use std::{
    io, mem, net::TcpListener, os::fd::OwnedFd, process::ExitCode, sync::Arc, time::Duration,
};

const EVENTS_PER_WAIT: usize = 1024;

/// Connections accepted before the others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

/// The listener's token; a connection's is its key in the table.
const LISTENER: usize = usize::MAX;

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
    let (listeners, needs) = (Listeners::One, &[]);
    Model {
        listeners,
        needs,
        run,
    }
    .main()
}

fn run(server: Arc<Server>) -> Ended {
    with_chunk(|chunk| run_loop(&server, chunk))
}

fn run_loop(server: &Server, chunk: &mut Chunk) -> Ended {
    let listener = server.listen()?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, token(LISTENER), EventFlags::IN)?;
    server.ready()?;

    let mut sockets = Sockets {
        epoll: &epoll,
        open: Slab::new(),
        unread: Vec::new(),
        timers: Timers::default(),
    };
    let mut events = Vec::with_capacity(EVENTS_PER_WAIT);
    let mut stopping = false;
    while !stopping || !sockets.open.is_empty() {
        events.clear();
        let no_time = (!sockets.unread.is_empty()).then_some(Duration::ZERO);
        let timeout = no_time.or_else(|| sockets.timers.until_next());
        let timeout = timeout.map(TryInto::try_into).transpose()?;
        match epoll::wait(&epoll, spare_capacity(&mut events), timeout.as_ref()) {
            Err(Errno::INTR) => continue,
            waited => waited?,
        };
        for event in &events {
            let key = event.data.u64() as usize;
            if key != LISTENER {
                sockets.hear(key, event.flags, chunk);
                continue;
            }
            match sockets.accept(server, &listener)? {
                Refused::Retry => continue,
                Refused::Pause(time) => sockets.timers.set(time, LISTENER, None),
                Refused::Stopping => stopping = true,
            }
            epoll::delete(&epoll, &listener)?;
        }
        for key in mem::take(&mut sockets.unread) {
            sockets.serve(key, chunk);
        }
        for (key, work) in sockets.timers.due() {
            match work {
                Some(work) => sockets.resume(key, work),
                None => epoll::add(&epoll, &listener, token(LISTENER), EventFlags::IN)?,
            }
        }
    }
    Ok(())
}

/// What the queue and the timers name is open: a connection that is queued or waits isn't closed by
/// an event.
struct Sockets<'a> {
    epoll: &'a OwnedFd,
    open: Slab<Socket>,
    /// Those that the kernel may have more bytes of, for the next turn.
    unread: Vec<usize>,
    /// Requests that wait, by the key of their socket; none for a listener that is paused.
    timers: Timers<usize, Option<Work>>,
}

struct Socket {
    fd: OwnedFd,
    state: State,
    /// Bytes, or the end, were reported and have not all been read.
    readable: bool,
    ended: bool,
    connection: Connection,
}

/// Who says when a connection is to be served next.
#[derive(PartialEq)]
enum State {
    /// epoll does.
    Reported,
    /// Its turn in the queue comes.
    Unread,
    /// Its timer does.
    Waiting,
}

impl Sockets<'_> {
    /// Accepts what is there, and says what to do with the listener next.
    fn accept(&mut self, server: &Server, listener: &TcpListener) -> io::Result<Refused> {
        for _ in 0..ACCEPTS_PER_TURN {
            match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(fd) => self.open(fd, Connection::open(server.wire()))?,
                Err(Errno::AGAIN) => break,
                Err(errno) => return Ok(server.refused(&errno.into())),
            }
        }
        Ok(Refused::Retry)
    }

    fn open(&mut self, fd: OwnedFd, connection: Connection) -> io::Result<()> {
        let entry = self.open.vacant_entry();
        epoll::add(self.epoll, &fd, token(entry.key()), EVERYTHING)?;
        entry.insert(Socket {
            fd,
            state: State::Reported,
            readable: false,
            ended: false,
            connection,
        });
        Ok(())
    }

    /// Remembers what epoll reports, and serves the connection if it isn't busy otherwise.
    fn hear(&mut self, key: usize, flags: EventFlags, chunk: &mut Chunk) {
        // One that was closed while somebody else held its file, as who reads /proc/PID/fd does
        // for a moment, may still be named (epoll(7)).
        let Some(socket) = self.open.get_mut(key) else {
            return;
        };
        socket.readable |= flags.intersects(EventFlags::IN.union(ENDED));
        socket.ended |= flags.intersects(ENDED);
        if socket.state == State::Reported {
            self.serve(key, chunk);
        }
    }

    fn serve(&mut self, key: usize, chunk: &mut Chunk) {
        let next = self.open[key].answer(chunk);
        self.go_on(key, next);
    }

    /// Replies to a request that has waited.
    fn resume(&mut self, key: usize, work: Work) {
        let Socket { fd, connection, .. } = &mut self.open[key];
        let next = connection.resume(work.finish(), |reply| send_to(fd, reply));
        self.go_on(key, next);
    }

    /// Does what work comes up, and decides what is next for the connection.
    #[inline(always)]
    fn go_on(&mut self, key: usize, next: Result<Option<Work>, Closed>) {
        let socket = &mut self.open[key];
        let Socket { fd, connection, .. } = socket;
        socket.state = match connection.work_inline(next, |reply| send_to(fd, reply)) {
            Ok(Some((time, work))) => {
                self.timers.set(time, key, Some(work));
                State::Waiting
            }
            Ok(None) if socket.readable && connection.unsent().is_empty() => {
                self.unread.push(key);
                State::Unread
            }
            Ok(None) => State::Reported,
            Err(_) => {
                self.open.remove(key);
                return;
            }
        };
    }
}

impl Socket {
    /// Sends what is left from before, then reads once and answers.
    fn answer(&mut self, chunk: &mut Chunk) -> Result<Option<Work>, Closed> {
        let Self { fd, connection, .. } = self;
        let send = |reply: &[u8]| send_to(fd, reply);
        connection.resend(send)?;
        if !self.readable || !connection.unsent().is_empty() {
            return Ok(None);
        }
        let space = chunk.space();
        let space_bytes = space.len();
        match recv(&*fd, space, RecvFlags::empty()) {
            Ok((received_bytes, _)) => {
                self.readable = received_bytes == space_bytes || self.ended;
                connection.answer(chunk, received_bytes, send)
            }
            Err(Errno::AGAIN) => {
                self.readable = false;
                Ok(None)
            }
            Err(Errno::INTR) => Ok(None),
            Err(errno) => Err(io::Error::from(errno).into()),
        }
    }
}

#[inline(always)]
fn send_to(fd: &OwnedFd, reply: &[u8]) -> io::Result<usize> {
    Ok(send(fd, reply, SendFlags::NOSIGNAL)?)
}

fn token(key: usize) -> EventData {
    EventData::new_u64(key as u64)
}
