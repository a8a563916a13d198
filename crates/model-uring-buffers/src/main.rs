//! io_uring by hand, with one-shot requests and provided buffers: what lies between `uring-oneshot` and
//! `uring`.
//!
//! As in `uring-oneshot` one thing is done at a time for each connection, and each is a request of its
//! own: receive, send, perhaps wait, and receive again. But a receive that waits has no buffer to
//! receive into: the kernel takes one from the ring of those that the thread has provided when bytes
//! have come, and gets it back when they have been answered. So an idle connection costs none. `uring`
//! has the same buffers, and asks for accepts and receives once.
//!
//! Should more speak at once than there are buffers, those that got none ask again.
//!
//! Sources: io_uring(7), io_uring_register_buf_ring(3); J. Axboe, "io_uring and networking in 2023",
//! <https://github.com/axboe/liburing/wiki>.

use io_uring::{
    opcode, squeue,
    types::{Fd, Timespec},
};
use model_kit::{Closed, Connection, Ended, Listeners, Model, Server, Work, on_each_thread};
use rings::{
    About, Batch, Buffers, Completion, Door, GROUP, NEEDS, Ring, close, keep, send_when_room,
};
use rustix::io::Errno;
use slab::Slab;
use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
    process::ExitCode,
    ptr,
    sync::Arc,
};

/// More than two turns use, so that the kernel rarely finds none.
const BUFFERS: usize = 1024;

const BUFFER_BYTES: usize = 16 << 10;

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
    buffers: Buffers<BUFFERS>,
    /// What a completion names is open: a connection is forgotten when the kernel does nothing
    /// for it.
    open: Slab<Socket>,
}

struct Socket {
    fd: OwnedFd,
    connection: Connection,
    /// A request that waits, or has to once what is unsent has been sent. Boxed, because it is
    /// rare, and because the kernel reads the time.
    wait: Option<Box<(Timespec, Work)>>,
}

impl<'a> Loop<'a> {
    fn new(server: &'a Server) -> io::Result<Self> {
        let door = Door::new(server, false)?;
        let ring = Ring::new(Batch::Few)?;
        let buffers = Buffers::register(&ring, BUFFER_BYTES)?;
        Ok(Self {
            server,
            door,
            ring,
            buffers,
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
        // does nothing else and isn't forgotten meanwhile: unsent bytes, and times, in the
        // connection's box. No others point anywhere, and none accepts.
        unsafe { self.ring.push(request, about, key) }
    }

    fn accepted(&mut self, completion: &Completion) -> io::Result<()> {
        let (server, ring) = (self.server, &mut self.ring);
        let Some((fd, connection)) = self.door.accepted(completion, server, ring)? else {
            return Ok(());
        };
        let key = self.open.insert(Socket {
            fd,
            connection,
            wait: None,
        });
        self.receive(key)
    }

    /// Into a buffer that the kernel takes then.
    fn receive(&mut self, key: usize) -> io::Result<()> {
        let fd = Fd(self.open[key].fd.as_raw_fd());
        let receive = opcode::Recv::new(fd, ptr::null_mut(), 0).buf_group(GROUP);
        let receive = receive.build().flags(squeue::Flags::BUFFER_SELECT);
        self.push(receive, About::Receive, key)
    }

    fn received(&mut self, key: usize, completion: &Completion) -> io::Result<()> {
        let buffer = completion.buffer();
        let connection = &mut self.open[key].connection;
        let next = match (completion.bytes(), buffer) {
            (Ok(bytes), Some(id)) => connection.answer(self.buffers.chunk(id), bytes, keep),
            // Without a buffer nothing has come.
            (Ok(_), None) => Err(Closed::ByClient),
            (Err(Errno::AGAIN | Errno::INTR | Errno::NOBUFS), _) => Ok(None),
            (Err(errno), _) => Err(io::Error::from(errno).into()),
        };
        self.buffers.give_back(buffer);
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
