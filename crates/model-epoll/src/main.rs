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
//! per report is enough, and no connection can keep the loop from the others. The price: a
//! connection that has to wait must be taken out of epoll and put back, or what arrives
//! meanwhile would be reported again and again.
//!
//! Sources: epoll(7); D. Kegel, "The C10K problem", <http://www.kegel.com/c10k.html>.

use model_kit::{
    Chunk, Closed, Connection, Ended, Listeners, Model, Refused, Server, Task, Timers, Work,
    run_blocking, with_chunk,
};
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
        timers: Timers::default(),
    };
    let mut events = Vec::with_capacity(EVENTS_PER_WAIT);
    let (mut pause, mut stopping) = (None, false);
    while !stopping || sockets.open > 0 {
        events.clear();
        let timeout = pause.into_iter().chain(sockets.timers.until_next()).min();
        let timeout = timeout.map(TryInto::try_into).transpose()?;
        match epoll::wait(&epoll, spare_capacity(&mut events), timeout.as_ref()) {
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
                    pause = Some(time);
                    epoll::modify(&epoll, &listener, token(&listener), EventFlags::empty())?;
                }
                Refused::Stopping => {
                    stopping = true;
                    epoll::delete(&epoll, &listener)?;
                }
            }
        }
        for (index, work) in sockets.timers.due() {
            sockets.resume(index, work)?;
        }
    }
    Ok(())
}

struct Sockets<'a> {
    epoll: &'a OwnedFd,
    /// Each at the index of its descriptor.
    by_fd: Vec<Option<(OwnedFd, Connection)>>,
    open: usize,
    /// Requests that wait. Their connections are not in epoll, so nothing can close them.
    timers: Timers<usize>,
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
        let watched = interest(connection);
        let answered = answer(fd, connection, chunk);
        self.go_on(index, watched, answered)
    }

    /// Replies to a request that has waited.
    fn resume(&mut self, index: usize, work: Work) -> io::Result<()> {
        let Some((fd, connection)) = &mut self.by_fd[index] else {
            return Ok(());
        };
        let resumed = connection.resume(work.finish(), |reply| send_to(fd, reply));
        self.go_on(index, EventFlags::empty(), resumed)
    }

    /// Does what work comes up, until there is none or it has to wait.
    #[inline(always)]
    fn go_on(
        &mut self,
        index: usize,
        watched: EventFlags,
        mut next: Result<Option<Work>, Closed>,
    ) -> io::Result<()> {
        let Some((fd, connection)) = &mut self.by_fd[index] else {
            return Ok(());
        };
        let mut wanted = interest(connection);
        while let Ok(Some(work)) = next {
            if let Task::Wait(time) = work.task() {
                self.timers.set(time, index, work);
                (wanted, next) = (EventFlags::empty(), Ok(None));
            } else {
                next = connection.resume(run_blocking(work), |reply| send_to(fd, reply));
                wanted = interest(connection);
            }
        }
        if next.is_err() {
            self.by_fd[index] = None;
            self.open -= 1;
        } else if wanted != watched {
            let (fd, token) = (&*fd, token(fd));
            match (watched.is_empty(), wanted.is_empty()) {
                (true, _) => epoll::add(self.epoll, fd, token, wanted)?,
                (_, true) => epoll::delete(self.epoll, fd)?,
                _ => epoll::modify(self.epoll, fd, token, wanted)?,
            }
        }
        Ok(())
    }
}

/// Sends what is left from before, or else reads once and answers.
fn answer(
    fd: &OwnedFd,
    connection: &mut Connection,
    chunk: &mut Chunk,
) -> Result<Option<Work>, Closed> {
    let send = |reply: &[u8]| send_to(fd, reply);
    if !connection.unsent().is_empty() {
        return connection.resend(send).map(|()| None);
    }
    match recv(fd, chunk.space(), RecvFlags::empty()) {
        Ok((received_bytes, _)) => connection.answer(chunk, received_bytes, send),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(errno) => Err(io::Error::from(errno).into()),
    }
}

#[inline(always)]
fn send_to(fd: &OwnedFd, reply: &[u8]) -> io::Result<usize> {
    Ok(send(fd, reply, SendFlags::NOSIGNAL)?)
}

/// What epoll has to report of a connection that doesn't wait.
fn interest(connection: &Connection) -> EventFlags {
    if connection.unsent().is_empty() {
        EventFlags::IN
    } else {
        EventFlags::OUT
    }
}

fn token(fd: &impl AsRawFd) -> EventData {
    EventData::new_u64(fd.as_raw_fd() as u64)
}
