//! A worker: an epoll loop on a listener that other processes accept from, too.

use model_kit::{Chunk, Closed, Connection, Ended, Refused, Server, Timers, Work, with_chunk};
use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
    io::Errno,
    net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send},
};
use slab::Slab;
use std::{
    io,
    net::TcpListener,
    os::fd::{FromRawFd as _, OwnedFd, RawFd},
};

const EVENTS_PER_WAIT: usize = 1024;

/// The listener's token; a connection's is its key in the table.
const LISTENER: usize = usize::MAX;

/// Interest in nothing. epoll reports errors and hang-ups unasked: one-shot keeps it to once.
const NOTHING: EventFlags = EventFlags::ONESHOT;

pub(crate) fn run(server: &Server, listener: RawFd) -> Ended {
    // SAFETY: the parent has left this descriptor of its listener open for us, and nothing else
    // here knows of it.
    let listener = unsafe { TcpListener::from_raw_fd(listener) };
    with_chunk(|chunk| run_loop(server, &listener, chunk))
}

fn run_loop(server: &Server, listener: &TcpListener, chunk: &mut Chunk) -> Ended {
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let exclusively = EventFlags::IN | EventFlags::EXCLUSIVE;
    epoll::add(&epoll, listener, token(LISTENER), exclusively)?;
    server.ready()?;

    let mut sockets = Sockets {
        epoll: &epoll,
        open: Slab::new(),
        timers: Timers::default(),
    };
    let mut events = Vec::with_capacity(EVENTS_PER_WAIT);
    let mut stopping = false;
    while !stopping || !sockets.open.is_empty() {
        events.clear();
        let timeout = sockets.timers.until_next().map(TryInto::try_into);
        let timeout = timeout.transpose()?;
        match epoll::wait(&epoll, spare_capacity(&mut events), timeout.as_ref()) {
            Err(Errno::INTR) => continue,
            waited => waited?,
        };
        for event in &events {
            let key = event.data.u64() as usize;
            if key != LISTENER {
                sockets.serve(key, chunk)?;
                continue;
            }
            match sockets.accept(server, listener)? {
                Refused::Retry => continue,
                Refused::Pause(time) => sockets.timers.set(time, LISTENER, None),
                Refused::Stopping => stopping = true,
            }
            epoll::delete(&epoll, listener)?;
        }
        for (key, work) in sockets.timers.due() {
            match work {
                Some(work) => sockets.resume(key, work)?,
                None => epoll::add(&epoll, listener, token(LISTENER), exclusively)?,
            }
        }
    }
    Ok(())
}

/// What the timers name is open: a connection that waits isn't closed. Epoll may name one that was
/// closed while somebody else held its file, as who reads /proc/PID/fd does for a moment (epoll(7)).
struct Sockets<'a> {
    epoll: &'a OwnedFd,
    open: Slab<Socket>,
    /// Requests that wait, by the key of their socket; none for a listener that is paused.
    timers: Timers<usize, Option<Work>>,
}

struct Socket {
    fd: OwnedFd,
    /// What epoll reports of it.
    watched: EventFlags,
    connection: Connection,
}

impl Sockets<'_> {
    /// Accepts one connection, and says what to do with the listener next.
    fn accept(&mut self, server: &Server, listener: &TcpListener) -> io::Result<Refused> {
        match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
            Ok(fd) => self.open(fd, Connection::open(server.wire()))?,
            // A neighbour was faster.
            Err(Errno::AGAIN) => {}
            // The parent has shut it for all: our own word to stop is on its way.
            Err(Errno::INVAL) => return Ok(Refused::Stopping),
            Err(errno) => return Ok(server.refused(&errno.into())),
        }
        Ok(Refused::Retry)
    }

    fn open(&mut self, fd: OwnedFd, connection: Connection) -> io::Result<()> {
        let (entry, watched) = (self.open.vacant_entry(), EventFlags::IN);
        epoll::add(self.epoll, &fd, token(entry.key()), watched)?;
        entry.insert(Socket {
            fd,
            watched,
            connection,
        });
        Ok(())
    }

    fn serve(&mut self, key: usize, chunk: &mut Chunk) -> io::Result<()> {
        let Some(socket) = self.open.get_mut(key) else {
            return Ok(());
        };
        if socket.watched == NOTHING {
            // A hang-up, and no reason to read from a connection that waits.
            return Ok(());
        }
        let next = socket.answer(chunk);
        self.go_on(key, next)
    }

    /// Replies to a request that has waited.
    fn resume(&mut self, key: usize, work: Work) -> io::Result<()> {
        let Socket { fd, connection, .. } = &mut self.open[key];
        let next = connection.resume(work.finish(), |reply| send_to(fd, reply));
        self.go_on(key, next)
    }

    /// Does what work comes up, and tells epoll what is next for the socket.
    #[inline(always)]
    fn go_on(&mut self, key: usize, next: Result<Option<Work>, Closed>) -> io::Result<()> {
        let socket = &mut self.open[key];
        let Socket { fd, connection, .. } = socket;
        let wanted = match connection.work_inline(next, |reply| send_to(fd, reply)) {
            Ok(Some((time, work))) => {
                self.timers.set(time, key, Some(work));
                NOTHING
            }
            Ok(None) if connection.unsent().is_empty() => EventFlags::IN,
            Ok(None) => EventFlags::OUT,
            Err(_) => {
                self.open.remove(key);
                return Ok(());
            }
        };
        if wanted != socket.watched {
            socket.watched = wanted;
            epoll::modify(self.epoll, &socket.fd, token(key), wanted)?;
        }
        Ok(())
    }
}

impl Socket {
    /// Sends what is left from before, or else reads once and answers.
    fn answer(&mut self, chunk: &mut Chunk) -> Result<Option<Work>, Closed> {
        let Self { fd, connection, .. } = self;
        let send = |reply: &[u8]| send_to(fd, reply);
        if !connection.unsent().is_empty() {
            return connection.resend(send).map(|()| None);
        }
        match recv(&*fd, chunk.space(), RecvFlags::empty()) {
            Ok((received_bytes, _)) => connection.answer(chunk, received_bytes, send),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
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
