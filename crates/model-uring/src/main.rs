//! io_uring by hand: a thread per core, each with a ring, a listener, and what new kernels give a
//! server.
//!
//! A reactor asks what is ready and then makes a system call for each thing it does. Here the loop
//! puts what it wants done into a ring that it shares with the kernel, and finds what has been
//! done in another: completions rather than readiness, and one system call for a whole turn.
//!
//! - *Multishot accept and receive*: one request, a completion for each connection or for each
//!   arrival of bytes, until the kernel says that there won't be more.
//! - *A ring of provided buffers*: the kernel takes one when bytes have come. A receive that waits
//!   holds none, so an idle connection costs a table entry and no more.
//! - *Single issuer, deferred task run*: completions are made by the loop's own thread when it
//!   asks for them, rather than by interrupting it.
//! - *Sends that don't wait*: a reply mostly fits the socket's buffer and is gone when the system
//!   call begins to wait, so nothing is heard of it. Only what doesn't fit completes, and is sent
//!   again by a request that waits for room.
//!
//! What the kernel is told once it goes on doing: bytes come while a reply is not yet sent or a
//! request waits. They are set aside, and when there are many the receive is cancelled.
//!
//! Sockets have descriptors all the same. Direct ones (registered files) spare little here and
//! don't wait for room in their table: a connection that finds none is accepted and reset.
//!
//! Sources: io_uring(7), io_uring_setup(2), io_uring_prep_recv_multishot(3); J. Axboe, "io_uring
//! and networking in 2023", <https://github.com/axboe/liburing/wiki>.

mod socket;

use io_uring::{
    opcode, squeue,
    types::{Fd, Timespec},
};
use model_kit::{
    Closed, Ended, Listeners, Model, Need, Refused, Server, Work, on_each_thread,
    uring::{About, Buffers, Completion, GROUP, Ring, close, keep, send_at_once, send_when_room},
};
use rustix::{
    io::Errno,
    net::{Shutdown, SocketFlags, shutdown},
};
use slab::Slab;
use socket::{Doing, Socket};
use std::{io, mem, net::TcpListener, os::fd::AsRawFd as _, process::ExitCode, sync::Arc};

/// More than a turn uses, so that the kernel rarely finds none.
const BUFFERS: usize = 256;

const BUFFER_BYTES: usize = 16 << 10;

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::PerThread,
        needs: &[
            Need::IoUring,
            Need::Kernel {
                version: (6, 1),
                brings: "deferred task run of io_uring",
            },
        ],
        run,
    };
    model.main()
}

fn run(server: Arc<Server>) -> Ended {
    on_each_thread(&server, |server| Loop::new(server)?.run())
}

struct Loop<'a> {
    server: &'a Server,
    listener: TcpListener,
    ring: Ring,
    buffers: Buffers<BUFFERS>,
    /// What a completion names is open: a connection is forgotten when the kernel has nothing
    /// more to do for it.
    open: Slab<Socket>,
    /// Whose reply is sent with this turn.
    sending: Vec<usize>,
    /// Something follows from one of these, so that the turn must not wait.
    follows: bool,
    pause: Timespec,
    stopping: bool,
}

impl<'a> Loop<'a> {
    fn new(server: &'a Server) -> io::Result<Self> {
        let listener = server.listen()?;
        let ring = Ring::new()?;
        let buffers = Buffers::register(&ring, BUFFER_BYTES)?;
        Ok(Self {
            server,
            listener,
            ring,
            buffers,
            open: Slab::new(),
            sending: Vec::new(),
            follows: false,
            pause: Timespec::new(),
            stopping: false,
        })
    }

    fn run(mut self) -> io::Result<()> {
        self.accept()?;
        self.server.ready()?;
        let (mut completions, mut sending) = (Vec::new(), Vec::new());
        while !self.stopping || !self.open.is_empty() {
            let awaited = usize::from(!mem::take(&mut self.follows));
            self.ring.turn(awaited, &mut completions)?;
            mem::swap(&mut sending, &mut self.sending);
            self.sent_whole(&mut sending, &completions)?;
            for completion in completions.drain(..) {
                self.complete(&completion)?;
            }
        }
        Ok(())
    }

    /// Goes on with those whose reply went with the turn: all but those of whom it was told.
    fn sent_whole(&mut self, sending: &mut Vec<usize>, done: &[Completion]) -> io::Result<()> {
        for (about, key) in done.iter().map(Completion::about) {
            if about == About::Send {
                self.open[key].doing = Doing::Sending;
            }
        }
        for key in sending.drain(..) {
            let socket = &mut self.open[key];
            if socket.doing == Doing::SendingAtOnce {
                let next = socket.connection.sent_all();
                self.go_on(key, next.map(|()| None))?;
            }
        }
        Ok(())
    }

    fn complete(&mut self, completion: &Completion) -> io::Result<()> {
        let (about, key) = completion.about();
        match about {
            About::Accept => self.accepted(completion),
            About::PauseOver => self.accept(),
            About::Receive => self.received(key, completion),
            About::Send => self.sent(key, completion),
            About::WaitOver => self.waited(key),
            About::Nothing => Ok(()),
        }
    }

    fn push(&mut self, request: squeue::Entry, about: About, key: usize) -> io::Result<()> {
        // SAFETY: what a request points to lives until it is completed: unsent bytes, because
        // their connection sends nothing else and isn't forgotten meanwhile; times, in the loop
        // and in the connection's box; and no others point anywhere. `accept` makes the only
        // ones about accepting.
        unsafe { self.ring.push(request, about, key) }
    }

    fn accept(&mut self) -> io::Result<()> {
        let flags = SocketFlags::CLOEXEC.bits() as i32;
        let accept = opcode::AcceptMulti::new(Fd(self.listener.as_raw_fd())).flags(flags);
        self.push(accept.build(), About::Accept, 0)
    }

    fn accepted(&mut self, completion: &Completion) -> io::Result<()> {
        match completion.accepted(self.server) {
            Ok((fd, connection)) => {
                let key = self.open.insert(Socket::new(fd, connection));
                self.receive(key)?;
            }
            Err(Refused::Retry) => {}
            Err(Refused::Pause(time)) => {
                self.pause = time.into();
                let timeout = opcode::Timeout::new(&raw const self.pause);
                return self.push(timeout.build(), About::PauseOver, 0);
            }
            Err(Refused::Stopping) => {
                self.stopping = true;
                return Ok(());
            }
        }
        if completion.has_more() {
            return Ok(());
        }
        self.accept()
    }

    fn receive(&mut self, key: usize) -> io::Result<()> {
        let socket = &mut self.open[key];
        socket.receiving = true;
        let receive = opcode::RecvMulti::new(Fd(socket.fd.as_raw_fd()), GROUP);
        self.push(receive.build(), About::Receive, key)
    }

    fn received(&mut self, key: usize, completion: &Completion) -> io::Result<()> {
        let buffer = completion.buffer();
        let next = self.answer(key, completion, buffer);
        if let Some(id) = buffer {
            self.buffers.give_back(id);
        }
        match next {
            Some(next) => self.go_on(key, next),
            None if self.open[key].doing == Doing::Closing => self.close(key),
            None => {
                self.follows |= self.open[key].doing == Doing::SendingAtOnce;
                self.hold_up(key)
            }
        }
    }

    /// Stops receiving for a connection of which enough is set aside.
    fn hold_up(&mut self, key: usize) -> io::Result<()> {
        let socket = &self.open[key];
        if !socket.receiving || !socket.holds_enough() {
            return Ok(());
        }
        let receive = About::Receive.user_data(key);
        let cancel = opcode::AsyncCancel::new(receive).build();
        self.push(cancel, About::Nothing, key)
    }

    /// Answers what came, unless something else is done for the connection: then it is set aside.
    fn answer(
        &mut self,
        key: usize,
        completion: &Completion,
        buffer: Option<u16>,
    ) -> Option<Result<Option<Work>, Closed>> {
        let socket = &mut self.open[key];
        socket.receiving = completion.has_more();
        let received_bytes = match completion.bytes() {
            // No buffer was left, or the receive has been cancelled: nothing came.
            Err(Errno::NOBUFS | Errno::CANCELED) => {
                return (socket.doing == Doing::Nothing).then_some(Ok(None));
            }
            // A broken connection ends like one that is closed.
            Err(_) => 0,
            Ok(bytes) => bytes,
        };
        let mut chunk = buffer.map(|id| self.buffers.chunk(id));
        if socket.doing != Doing::Nothing {
            let bytes = chunk.map(|chunk| &chunk.space()[..received_bytes]);
            socket.hold(bytes.unwrap_or_default());
            return None;
        }
        Some(match &mut chunk {
            Some(chunk) => socket.connection.answer(chunk, received_bytes, keep),
            None => Err(Closed::ByClient),
        })
    }

    /// Does what work comes up, and has the kernel do what is next for the connection.
    fn go_on(&mut self, key: usize, mut next: Result<Option<Work>, Closed>) -> io::Result<()> {
        loop {
            let socket = &mut self.open[key];
            match socket.connection.work_inline(next, keep) {
                Ok(None) => {}
                Ok(Some((time, work))) => socket.wait(time, work),
                Err(_) => return self.close(key),
            }
            if !socket.connection.unsent().is_empty() {
                return self.send_at_once(key);
            }
            if let Some(timeout) = socket.timeout() {
                socket.doing = Doing::Waiting;
                return self.push(timeout, About::WaitOver, key);
            }
            socket.doing = Doing::Nothing;
            let Some((mut chunk, bytes)) = socket.next_held() else {
                break;
            };
            next = socket.connection.answer(&mut chunk, bytes, keep);
        }
        if self.open[key].receiving {
            return Ok(());
        }
        self.receive(key)
    }

    fn send_at_once(&mut self, key: usize) -> io::Result<()> {
        let socket = &mut self.open[key];
        socket.doing = Doing::SendingAtOnce;
        self.follows |= socket.has_more_to_do();
        self.sending.push(key);
        let send = send_at_once(&socket.fd, socket.connection.unsent());
        self.push(send, About::Send, key)
    }

    /// When there is room.
    fn send(&mut self, key: usize) -> io::Result<()> {
        let socket = &self.open[key];
        let send = send_when_room(&socket.fd, socket.connection.unsent());
        self.push(send, About::Send, key)
    }

    fn sent(&mut self, key: usize, completion: &Completion) -> io::Result<()> {
        let connection = &mut self.open[key].connection;
        if completion.sent(connection).is_err() {
            return self.close(key);
        }
        if connection.unsent().is_empty() {
            return self.go_on(key, Ok(None));
        }
        self.send(key)
    }

    fn waited(&mut self, key: usize) -> io::Result<()> {
        let socket = &mut self.open[key];
        let next = match socket.waited() {
            Some(work) => socket.connection.resume(work.finish(), keep),
            None => Ok(None),
        };
        self.go_on(key, next)
    }

    /// Closes the connection, as soon as the kernel has ended its receive.
    fn close(&mut self, key: usize) -> io::Result<()> {
        let socket = &mut self.open[key];
        if socket.receiving {
            socket.doing = Doing::Closing;
            // If that fails, the socket has been disconnected, and the receive ends too.
            let _ = shutdown(&socket.fd, Shutdown::Both);
            return Ok(());
        }
        let closing = close(self.open.remove(key).fd);
        self.push(closing, About::Nothing, key)
    }
}
