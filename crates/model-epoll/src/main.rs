//! One thread, one level-triggered epoll instance, one listener: the reactor by hand.
//!
//! The loop asks the kernel which sockets are ready, and does for each what can be done without
//! waiting: accept, or read, answer and send. Nothing runs in parallel, so a request that
//! computes or blocks makes all others wait: that is the model's price. A request that only
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
use std::{io, net::TcpListener, os::fd::OwnedFd, process::ExitCode, sync::Arc};

const EVENTS_PER_WAIT: usize = 1024;

/// Connections accepted before the others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

/// The listener's token; a connection's is its key in the table.
const LISTENER: usize = usize::MAX;

/// Interest in nothing. epoll reports errors and hang-ups unasked: one-shot keeps it to once.
const NOTHING: EventFlags = EventFlags::ONESHOT;

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
            match sockets.accept(server, &listener)? {
                Refused::Retry => continue,
                Refused::Pause(time) => sockets.timers.set(time, LISTENER, None),
                Refused::Stopping => stopping = true,
            }
            epoll::delete(&epoll, &listener)?;
        }
        for (key, work) in sockets.timers.due() {
            match work {
                Some(work) => sockets.resume(key, work)?,
                None => epoll::add(&epoll, &listener, token(LISTENER), EventFlags::IN)?,
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
