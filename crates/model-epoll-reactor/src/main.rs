//! One epoll loop, and a pool of worker threads: the loop finds out what is ready, the workers do
//! what there is to do.
//!
//! Whichever worker is free takes the next ready connection: it reads, answers and sends, computes
//! or blocks if it has to, and tells epoll to watch the connection again. So no connection belongs
//! to a thread, and one that computes holds up others only when all workers do. The price is a
//! hand-over for each request: a queue that all threads share, and mostly a thread to be woken.
//!
//! Every registration is one-shot: epoll reports a connection once and is silent about it until it
//! is watched again. Without that, it would report it anew for as long as no worker has read, and
//! the queue would fill with the same connection over and over; two workers would read from it at
//! a time. As it is, a connection is in one place: in epoll, in the queue, with a worker, or with
//! the timers, where requests that only wait are. It moves as the pointer that epoll keeps for us.
//!
//! Sources: epoll(7); epoll_ctl(2), EPOLLONESHOT; D. Schmidt et al., "Pattern-Oriented Software
//! Architecture 2", Leader/Followers (for the hand-over and how to avoid it).

use crossbeam_channel::{Receiver, Sender, unbounded};
use model_kit::{
    Chunk, Ended, Listeners, Model, Refused, Server, Timers, Work,
    epoll::{Epoll, Events, Socket, accept_some},
    with_chunk,
};
use rustix::{
    event::{EventfdFlags, epoll::EventFlags, eventfd},
    io::{read, write},
};
use std::{
    io,
    net::TcpListener,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd, RawFd},
    process::ExitCode,
    ptr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

/// Connections accepted before the others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

/// Keys beside those of connections, which are pointers.
const LISTENER: usize = 0;
const WAKER: usize = 1;

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::One,
        needs: &[],
        run,
    };
    model.main()
}

/// Ends when the last connection has closed, or a thread has failed.
fn run(server: Arc<Server>) -> Ended {
    let reactor = Arc::new(Reactor::new(Arc::clone(&server))?);
    let (jobs, to_do) = unbounded();
    let (end, ended) = mpsc::channel();
    let spawn = |run: Box<dyn FnOnce() -> io::Result<()> + Send>| -> io::Result<()> {
        let end = end.clone();
        thread::Builder::new().spawn(move || end.send(run()))?;
        Ok(())
    };
    for _ in 0..server.threads() {
        let (reactor, to_do) = (Arc::clone(&reactor), to_do.clone());
        spawn(Box::new(move || reactor.work(&to_do)))?;
    }
    spawn(Box::new(move || reactor.dispatch(&jobs)))?;
    spawn(Box::new(move || {
        server.wait_until_drained();
        Ok(())
    }))?;
    Ok(ended.recv()??)
}

struct Reactor {
    server: Arc<Server>,
    listener: TcpListener,
    epoll: Epoll,
    /// Ends the loop's wait when a timer is due sooner than it knows.
    waker: OwnedFd,
    waiting: Mutex<Waiting>,
}

/// By descriptor: a connection whose request waits, or nothing, for the paused listener.
type Waiting = Timers<RawFd, Option<(Box<Socket<()>>, Work)>>;

/// A connection is in one of them at most, so the queue is never longer than there are connections.
enum Job {
    Serve(Box<Socket<()>>),
    Resume(Box<Socket<()>>, Work),
}

impl Reactor {
    fn new(server: Arc<Server>) -> io::Result<Self> {
        let listener = server.listen()?;
        listener.set_nonblocking(true)?;
        let epoll = Epoll::new()?;
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll.add(&waker, WAKER, EventFlags::IN)?;
        let reactor = Self {
            server,
            listener,
            epoll,
            waker,
            waiting: Mutex::default(),
        };
        reactor.watch_listener()?;
        reactor.server.ready()?;
        Ok(reactor)
    }

    /// The loop: finds out what is ready and hands it over.
    fn dispatch(&self, jobs: &Sender<Job>) -> io::Result<()> {
        let mut events = Events::default();
        loop {
            let timeout = self.lock_waiting().until_next();
            for (key, _) in self.epoll.wait(&mut events, timeout)? {
                match key {
                    LISTENER => self.accept()?,
                    WAKER => drop(read(&self.waker, &mut [0; 8])),
                    _ => {
                        let socket = ptr::with_exposed_provenance_mut(key);
                        // SAFETY: `give_up` made this pointer of a box, and the registration
                        // is one-shot: nobody else has heard of it.
                        let socket = unsafe { Box::from_raw(socket) };
                        let _ = jobs.send(Job::Serve(socket));
                    }
                }
            }
            for (_, waited) in self.lock_waiting().due() {
                match waited {
                    Some((socket, work)) => drop(jobs.send(Job::Resume(socket, work))),
                    None => self.watch_listener()?,
                }
            }
        }
    }

    fn accept(&self) -> io::Result<()> {
        let open = |fd, connection| {
            let socket = Box::new(Socket::new(fd, connection, ()));
            let key = ptr::from_ref(&*socket).addr();
            let interest = EventFlags::IN | EventFlags::ONESHOT;
            self.epoll.add(&*socket, key, interest)?;
            // Given up only when epoll has it, which nobody but this thread asks.
            Box::into_raw(socket).expose_provenance();
            Ok(())
        };
        match accept_some(&self.server, &self.listener, ACCEPTS_PER_TURN, open) {
            Refused::Retry => return Ok(()),
            Refused::Pause(time) => {
                let listener = self.listener.as_raw_fd();
                self.lock_waiting().set(time, listener, None);
            }
            Refused::Stopping => {}
        }
        self.epoll.delete(&self.listener)
    }

    fn watch_listener(&self) -> io::Result<()> {
        self.epoll.add(&self.listener, LISTENER, EventFlags::IN)
    }

    /// A worker: serves what the loop has found.
    fn work(&self, to_do: &Receiver<Job>) -> io::Result<()> {
        with_chunk(|chunk| to_do.iter().try_for_each(|job| self.perform(job, chunk)))
    }

    fn perform(&self, job: Job, chunk: &mut Chunk) -> io::Result<()> {
        let (mut socket, next) = match job {
            Job::Serve(mut socket) => {
                let next = socket.answer(chunk);
                (socket, next)
            }
            Job::Resume(mut socket, work) => {
                let next = socket.resume(work.finish());
                (socket, next)
            }
        };
        match socket.work_inline(next) {
            Ok(Some((time, work))) => self.wait(time, socket, work),
            Ok(None) if socket.has_unsent() => self.watch(socket, EventFlags::OUT),
            Ok(None) => self.watch(socket, EventFlags::IN),
            Err(_) => Ok(()),
        }
    }

    /// Gives the connection to epoll, which gives it back once when there is something to do.
    fn watch(&self, socket: Box<Socket<()>>, interest: EventFlags) -> io::Result<()> {
        let (fd, key) = give_up(socket);
        self.epoll.modify(fd, key, interest | EventFlags::ONESHOT)
    }

    fn wait(&self, time: Duration, socket: Box<Socket<()>>, work: Work) -> io::Result<()> {
        let mut waiting = self.lock_waiting();
        let is_first = waiting.until_next().is_none_or(|next| time < next);
        waiting.set(time, socket.as_fd().as_raw_fd(), Some((socket, work)));
        drop(waiting);
        if is_first {
            write(&self.waker, &1_u64.to_ne_bytes())?;
        }
        Ok(())
    }

    fn lock_waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection as epoll takes it. Dispatching takes it back.
fn give_up(socket: Box<Socket<()>>) -> (BorrowedFd<'static>, usize) {
    // SAFETY: the descriptor stays open until epoll has been given it, because only whom epoll
    // then reports it to can close it.
    let fd = unsafe { BorrowedFd::borrow_raw(socket.as_fd().as_raw_fd()) };
    (fd, Box::into_raw(socket).expose_provenance())
}
