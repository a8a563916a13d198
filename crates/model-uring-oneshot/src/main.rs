//! io_uring by hand, in its plain form: a thread per core, each with a ring and a listener, and a
//! request for each thing that is done.
//!
//! The loop puts what it wants done into a ring that it shares with the kernel, and finds what has
//! been done in another: completions rather than readiness. One system call submits a whole turn
//! and waits for what comes next. For each connection one thing is done at a time, so nothing is
//! set aside and nothing is cancelled: receive, send, perhaps wait, and receive again.
//!
//! A receive that waits needs a buffer to receive into. So each connection has one of its own, whose
//! size follows what comes (128 bytes to 32 KiB), and an idle one costs its size: that, and a request
//! for each receive, is what provided buffers and multishot requests spare. (Asking for readiness
//! first, by a request to poll, would spare the buffer for the price of one more request each time.
//! Those who use rings without provided buffers do it the way it is done here.)
//!
//! The ring is set up as for any other server of today: a single issuer, and completions that are
//! made when the loop asks for them. A turn takes what the kernel brings unasked: asking for more at
//! a time, as `uring` does, cost 8 % of CPU per request at 50 connections here.
//!
//! Sources: io_uring(7), io_uring_setup(2), io_uring_prep_recv(3); J. Axboe, "Efficient IO with
//! io_uring", <https://kernel.dk/io_uring.pdf>.

use io_uring::{
    opcode, squeue,
    types::{Fd, Timespec},
};
use model_kit::{
    Chunk, Closed, Connection, Ended, Listeners, Model, ReadSize, Server, Work, on_each_thread,
};
use rings::{About, Batch, Completion, Door, NEEDS, Ring, close, keep, send_when_room};
use rustix::io::Errno;
use slab::Slab;
use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
    process::ExitCode,
    sync::Arc,
};

/// Requests to accept: so many connections come in a turn at the most.
const ACCEPTS: usize = 16;

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::PerThread,
        needs: NEEDS,
        run,
    };
    model.main()
}

fn run(server: Arc<Server>) -> Ended {
    on_each_thread(&server, |server| Loop::new(server)?.run())
}

struct Loop<'a> {
    server: &'a Server,
    door: Door,
    ring: Ring,
    /// What a completion names is open: a connection is forgotten when the kernel does nothing
    /// for it.
    open: Slab<Socket>,
}

struct Socket {
    fd: OwnedFd,
    connection: Connection,
    /// What is received goes here.
    chunk: Chunk,
    size: ReadSize,
    /// A request that waits, or has to once what is unsent has been sent. Boxed, because it is
    /// rare, and because the kernel reads the time.
    wait: Option<Box<(Timespec, Work)>>,
}

impl<'a> Loop<'a> {
    fn new(server: &'a Server) -> io::Result<Self> {
        Ok(Self {
            server,
            door: Door::new(server, false)?,
            ring: Ring::new(Batch::Few)?,
            open: Slab::new(),
        })
    }

    fn run(mut self) -> io::Result<()> {
        for _ in 0..ACCEPTS {
            self.door.accept(&mut self.ring)?;
        }
        self.server.ready()?;
        let mut completions = Vec::new();
        while !self.door.is_shut() || !self.open.is_empty() {
            self.ring.turn(1, &mut completions)?;
            for completion in completions.drain(..) {
                self.complete(&completion)?;
            }
        }
        Ok(())
    }

    fn complete(&mut self, completion: &Completion) -> io::Result<()> {
        let (about, key) = completion.about();
        match about {
            About::Accept => self.accepted(completion),
            About::PauseOver => self.door.accept(&mut self.ring),
            About::Receive => self.received(key, completion),
            About::Send => self.sent(key, completion),
            About::WaitOver => self.waited(key),
            About::Echo | About::Nothing => Ok(()),
        }
    }

    fn push(&mut self, request: squeue::Entry, about: About, key: usize) -> io::Result<()> {
        // SAFETY: what a request points to lives until it is completed, because its connection
        // does nothing else and isn't forgotten meanwhile: the chunk's bytes, unsent bytes, and
        // times, in the connection's box. No others point anywhere, and none accepts.
        unsafe { self.ring.push(request, about, key) }
    }

    fn accepted(&mut self, completion: &Completion) -> io::Result<()> {
        let (server, ring) = (self.server, &mut self.ring);
        let Some((fd, connection)) = self.door.accepted(completion, server, ring)? else {
            return Ok(());
        };
        let size = ReadSize::default();
        let key = self.open.insert(Socket {
            fd,
            connection,
            chunk: Chunk::new(size.bytes()),
            size,
            wait: None,
        });
        self.receive(key)
    }

    fn receive(&mut self, key: usize) -> io::Result<()> {
        let Socket {
            fd, chunk, size, ..
        } = &mut self.open[key];
        if chunk.space().len() != size.bytes() {
            *chunk = Chunk::new(size.bytes());
        }
        let space = chunk.space();
        let (fd, length) = (Fd(fd.as_raw_fd()), space.len() as u32);
        let receive = opcode::Recv::new(fd, space.as_mut_ptr(), length);
        self.push(receive.build(), About::Receive, key)
    }

    fn received(&mut self, key: usize, completion: &Completion) -> io::Result<()> {
        let socket = &mut self.open[key];
        let next = match completion.bytes() {
            Ok(bytes) => {
                socket.size.learn(bytes);
                socket.connection.answer(&mut socket.chunk, bytes, keep)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(errno) => Err(io::Error::from(errno).into()),
        };
        self.go_on(key, next)
    }

    /// Does what work comes up, and has the kernel do what is next for the connection.
    fn go_on(&mut self, key: usize, next: Result<Option<Work>, Closed>) -> io::Result<()> {
        let socket = &mut self.open[key];
        match socket.connection.work_inline(next, keep) {
            Ok(None) => {}
            Ok(Some((time, work))) => socket.wait = Some(Box::new((time.into(), work))),
            Err(_) => return self.close(key),
        }
        if !socket.connection.unsent().is_empty() {
            return self.send(key);
        }
        if let Some(wait) = &socket.wait {
            let timeout = opcode::Timeout::new(&raw const wait.0).build();
            return self.push(timeout, About::WaitOver, key);
        }
        self.receive(key)
    }

    fn send(&mut self, key: usize) -> io::Result<()> {
        let Socket { fd, connection, .. } = &self.open[key];
        self.push(send_when_room(fd, connection.unsent()), About::Send, key)
    }

    fn sent(&mut self, key: usize, completion: &Completion) -> io::Result<()> {
        if completion.sent(&mut self.open[key].connection).is_err() {
            return self.close(key);
        }
        self.go_on(key, Ok(None))
    }

    fn waited(&mut self, key: usize) -> io::Result<()> {
        let socket = &mut self.open[key];
        let next = match socket.wait.take() {
            Some(wait) => socket.connection.resume(wait.1.finish(), keep),
            None => Ok(None),
        };
        self.go_on(key, next)
    }

    fn close(&mut self, key: usize) -> io::Result<()> {
        let closing = close(self.open.remove(key).fd);
        self.push(closing, About::Nothing, key)
    }
}
