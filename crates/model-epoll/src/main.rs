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

use model_kit::{Chunk, Closed, Connection, Listeners, Model, Refused, Server, with_chunk};
use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, EventData, EventFlags},
    },
    io::Errno,
    net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send},
};
use std::{
    error::Error,
    io,
    net::TcpListener,
    os::fd::{AsRawFd, OwnedFd},
    process::ExitCode,
    sync::Arc,
    time::Instant,
};

const EVENTS_PER_WAIT: usize = 1024;

/// Connections accepted before the others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::One,
        needs: &[],
        run,
    };
    model.main()
}

fn run(server: Arc<Server>) -> Result<(), Box<dyn Error>> {
    let mut event_loop = EventLoop::new(&server)?;
    let mut events = Vec::with_capacity(EVENTS_PER_WAIT);
    with_chunk(|chunk| {
        while !event_loop.is_over() {
            event_loop.turn(&mut events, chunk)?;
        }
        Ok(())
    })
}

struct EventLoop<'a> {
    server: &'a Server,
    epoll: OwnedFd,
    listener: TcpListener,
    accepting: Accepting,
    /// The connections, each at the index of its descriptor.
    sockets: Vec<Option<Socket>>,
    open: usize,
}

struct Socket {
    fd: OwnedFd,
    connection: Connection,
}

enum Accepting {
    Yes,
    NotBefore(Instant),
    Over,
}

impl<'a> EventLoop<'a> {
    fn new(server: &'a Server) -> io::Result<Self> {
        let listener = server.listen()?;
        listener.set_nonblocking(true)?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, token(&listener), EventFlags::IN)?;
        server.ready()?;
        Ok(Self {
            server,
            epoll,
            listener,
            accepting: Accepting::Yes,
            sockets: Vec::new(),
            open: 0,
        })
    }

    fn is_over(&self) -> bool {
        matches!(self.accepting, Accepting::Over) && self.open == 0
    }

    fn turn(&mut self, events: &mut Vec<epoll::Event>, chunk: &mut Chunk) -> io::Result<()> {
        let timeout = self.end_pause_if_over()?;
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(events), timeout.as_ref()) {
            Err(Errno::INTR) => return Ok(()),
            waited => waited?,
        };
        for event in events.iter() {
            if event.data.u64() == token(&self.listener).u64() {
                self.accept()?;
            } else {
                self.serve(event.data.u64() as usize, chunk)?;
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        for _ in 0..ACCEPTS_PER_TURN {
            match accept_with(&self.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(fd) => self.open(fd)?,
                Err(Errno::AGAIN) => return Ok(()),
                Err(errno) => match self.server.refused(&errno.into()) {
                    Refused::Retry => {}
                    Refused::Pause(pause) => {
                        self.accepting = Accepting::NotBefore(Instant::now() + pause);
                        return self.listen_for(EventFlags::empty());
                    }
                    Refused::Stopping => {
                        self.accepting = Accepting::Over;
                        return Ok(epoll::delete(&self.epoll, &self.listener)?);
                    }
                },
            }
        }
        Ok(())
    }

    fn open(&mut self, fd: OwnedFd) -> io::Result<()> {
        let index = fd.as_raw_fd() as usize;
        epoll::add(&self.epoll, &fd, token(&fd), EventFlags::IN)?;
        if self.sockets.len() <= index {
            self.sockets.resize_with(index + 1, || None);
        }
        let connection = Connection::open(self.server.wire());
        self.sockets[index] = Some(Socket { fd, connection });
        self.open += 1;
        Ok(())
    }

    fn serve(&mut self, index: usize, chunk: &mut Chunk) -> io::Result<()> {
        // An event may follow the one that closed its socket.
        let Some(socket) = &mut self.sockets[index] else {
            return Ok(());
        };
        let was_blocked = !socket.connection.unsent().is_empty();
        if socket.ready(chunk).is_err() {
            self.sockets[index] = None;
            self.open -= 1;
            return Ok(());
        }
        let is_blocked = !socket.connection.unsent().is_empty();
        if is_blocked != was_blocked {
            let interest = if is_blocked {
                EventFlags::OUT
            } else {
                EventFlags::IN
            };
            epoll::modify(&self.epoll, &socket.fd, token(&socket.fd), interest)?;
        }
        Ok(())
    }

    /// How long the next wait may take: until the pause in accepting is over, if there is one.
    fn end_pause_if_over(&mut self) -> io::Result<Option<Timespec>> {
        let Accepting::NotBefore(end) = self.accepting else {
            return Ok(None);
        };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            self.accepting = Accepting::Yes;
            self.listen_for(EventFlags::IN)?;
            return Ok(None);
        }
        Ok(left.try_into().ok())
    }

    fn listen_for(&self, interest: EventFlags) -> io::Result<()> {
        Ok(epoll::modify(
            &self.epoll,
            &self.listener,
            token(&self.listener),
            interest,
        )?)
    }
}

impl Socket {
    /// Sends what is left from before, or else reads once and answers.
    fn ready(&mut self, chunk: &mut Chunk) -> Result<(), Closed> {
        let Self { fd, connection } = self;
        let send = |reply: &[u8]| Ok(send(&*fd, reply, SendFlags::NOSIGNAL)?);
        if !connection.unsent().is_empty() {
            return connection.resend(send);
        }
        match recv(&*fd, chunk.space(), RecvFlags::empty()) {
            Ok((received_bytes, _)) => connection.answer(chunk, received_bytes, send),
            Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(errno) => Err(io::Error::from(errno).into()),
        }
    }
}

fn token(fd: &impl AsRawFd) -> EventData {
    EventData::new_u64(fd.as_raw_fd() as u64)
}
