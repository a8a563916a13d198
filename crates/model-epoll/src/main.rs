//! One thread, one level-triggered epoll instance, one listener: the reactor by hand.
//!
//! The loop asks the kernel which sockets are ready, and does for each what can be done without
//! waiting: accept, or read, answer and send. Nothing runs in parallel, so a request that takes
//! long makes all others wait. What a connection costs is one entry in a table: there is no
//! task and no stack, and the receive buffer is the loop's.
//!
//! Level-triggered means that epoll reports a socket for as long as it is ready, so one read
//! per report is enough, and no connection can keep the loop from the others.
//!
//! Sources: epoll(7); D. Kegel, "The C10K problem", <http://www.kegel.com/c10k.html>.

use model_kit::{Chunk, Closed, Connection, Ended, Listeners, Model, Refused, Server, with_chunk};
use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
    io::Errno,
    net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send},
};
use std::os::fd::{AsRawFd, OwnedFd};
use std::{io, net::TcpListener, process::ExitCode, sync::Arc};

const EVENTS_PER_WAIT: usize = 1024;

/// Connections accepted before the others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

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
    epoll::add(&epoll, &listener, token(&listener), EventFlags::IN)?;
    server.ready()?;

    let mut sockets = Sockets {
        epoll: &epoll,
        by_fd: Vec::new(),
        open: 0,
    };
    let mut events = Vec::with_capacity(EVENTS_PER_WAIT);
    let (mut pause, mut stopping) = (None, false);
    while !stopping || sockets.open > 0 {
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), pause.as_ref()) {
            Err(Errno::INTR) => continue,
            waited => waited?,
        };
        if pause.take().is_some() {
            epoll::modify(&epoll, &listener, token(&listener), EventFlags::IN)?;
        }
        for event in &events {
            if event.data.u64() != token(&listener).u64() {
                sockets.serve(event.data.u64() as usize, chunk)?;
                continue;
            }
            match sockets.accept(server, &listener)? {
                Refused::Retry => {}
                Refused::Pause(time) => {
                    pause = Some(time.try_into()?);
                    epoll::modify(&epoll, &listener, token(&listener), EventFlags::empty())?;
                }
                Refused::Stopping => {
                    stopping = true;
                    epoll::delete(&epoll, &listener)?;
                }
            }
        }
    }
    Ok(())
}

struct Sockets<'a> {
    epoll: &'a OwnedFd,
    /// Each at the index of its descriptor.
    by_fd: Vec<Option<(OwnedFd, Connection)>>,
    open: usize,
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
        epoll::add(self.epoll, &fd, token(&fd), EventFlags::IN)?;
        let index = fd.as_raw_fd() as usize;
        let length = self.by_fd.len().max(index + 1);
        self.by_fd.resize_with(length, || None);
        self.by_fd[index] = Some((fd, connection));
        self.open += 1;
        Ok(())
    }

    fn serve(&mut self, index: usize, chunk: &mut Chunk) -> io::Result<()> {
        // An event may follow the one that closed its socket.
        let Some((fd, connection)) = &mut self.by_fd[index] else {
            return Ok(());
        };
        let was_blocked = !connection.unsent().is_empty();
        if answer(fd, connection, chunk).is_err() {
            self.by_fd[index] = None;
            self.open -= 1;
            return Ok(());
        }
        match (was_blocked, !connection.unsent().is_empty()) {
            (false, true) => Ok(epoll::modify(self.epoll, &*fd, token(fd), EventFlags::OUT)?),
            (true, false) => Ok(epoll::modify(self.epoll, &*fd, token(fd), EventFlags::IN)?),
            _ => Ok(()),
        }
    }
}

/// Sends what is left from before, or else reads once and answers.
fn answer(fd: &OwnedFd, connection: &mut Connection, chunk: &mut Chunk) -> Result<(), Closed> {
    let send = |reply: &[u8]| Ok(send(fd, reply, SendFlags::NOSIGNAL)?);
    if !connection.unsent().is_empty() {
        return connection.resend(send);
    }
    match recv(fd, chunk.space(), RecvFlags::empty()) {
        Ok((received_bytes, _)) => connection.answer(chunk, received_bytes, send),
        Err(Errno::AGAIN | Errno::INTR) => Ok(()),
        Err(errno) => Err(io::Error::from(errno).into()),
    }
}

fn token(fd: &impl AsRawFd) -> EventData {
    EventData::new_u64(fd.as_raw_fd() as u64)
}
