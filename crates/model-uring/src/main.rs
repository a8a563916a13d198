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
//! - *Replies from where they lie*: an echo is part of what came, so it is sent from the provided
//!   buffer, which goes back to the kernel with all others of its turn. No copy, no allocation, and
//!   no second look at the connection.
//!
//! What the kernel is told once it goes on doing: bytes come while a reply is not yet sent or a
//! request waits. They are set aside, and when there are many the receive is cancelled.
//!
//! Sockets have descriptors all the same. Direct ones (registered files) spare little here and
//! don't wait for room in their table: a connection that finds none is accepted and reset.
//!
//! Sources: io_uring(7), io_uring_setup(2), io_uring_prep_recv_multishot(3); J. Axboe, "io_uring
//! and networking in 2023", <https://github.com/axboe/liburing/wiki>.

mod relay;
mod socket;

use io_uring::{opcode, squeue, types::Fd};
use model_kit::{Closed, Ended, Listeners, Model, Server, Work, on_each_thread};
use rings::{
    About, Batch, Buffers, Completion, Door, Echo, GROUP, NEEDS, Ring, close, keep, keep_in_place,
    send_at_once, send_when_room,
};
use rustix::{
    io::Errno,
    net::{Shutdown, shutdown},
};
use slab::Slab;
use socket::{Doing, Socket};
use std::{io, mem, net::SocketAddr, os::fd::AsRawFd as _, process::ExitCode, sync::Arc};

/// More than two turns use, so that the kernel rarely finds none.
const BUFFERS: usize = 1024;

const BUFFER_BYTES: usize = 16 << 10;

fn main() -> ExitCode {
    let model = Model {
        listeners: Listeners::PerThread,
        needs: NEEDS,
        run,
    };
    model.main_or_relay(run_relay)
}

fn run(server: Arc<Server>) -> Ended {
    on_each_thread(&server, |server| Loop::new(server)?.run())
}

fn run_relay(server: Arc<Server>, backend: SocketAddr) -> Ended {
    on_each_thread(&server, move |server| relay::serve(server, backend))
}

struct Loop<'a> {
    server: &'a Server,
    door: Door,
    ring: Ring,
    buffers: Buffers<BUFFERS>,
    /// What a completion names is open: a connection is forgotten when the kernel has nothing
    /// more to do for it.
    open: Slab<Socket>,
    /// Replies that go with this turn from where they lie.
    echoes: Vec<Echo>,
    /// Its number.
    turn: u16,
    /// For whom something follows when this turn has been handed in, so that it must not wait.
    sending: Vec<usize>,
}

impl<'a> Loop<'a> {
    fn new(server: &'a Server) -> io::Result<Self> {
        let door = Door::new(server, true)?;
        let ring = Ring::new(Batch::Many)?;
        let buffers = Buffers::register(&ring, BUFFER_BYTES)?;
        Ok(Self {
            server,
            door,
            ring,
            buffers,
            open: Slab::new(),
            echoes: Vec::new(),
            turn: 0,
            sending: Vec::new(),
        })
    }

    fn run(mut self) -> io::Result<()> {
        self.door.accept(&mut self.ring)?;
        self.server.ready()?;
        let mut completions = Vec::new();
        while !self.door.is_shut() || !self.open.is_empty() {
            let awaited = usize::from(self.sending.is_empty());
            self.ring.turn(awaited, &mut completions)?;
            self.handed_in(&completions)?;
            self.turn = self.turn.wrapping_add(1);
            for completion in completions.drain(..) {
                self.complete(&completion)?;
            }
        }
        Ok(())
    }

    /// What the kernel hasn't taken it has told, so all else has been sent: goes on with those for whom
    /// something follows, and gives back the buffers of replies.
    fn handed_in(&mut self, done: &[Completion]) -> io::Result<()> {
        for (about, key) in done.iter().map(Completion::about) {
            if !matches!(about, About::Send | About::Echo) {
                continue;
            }
            let socket = &mut self.open[key];
            socket.doing = Doing::Sending;
            // One at the most, and seldom: to look for it is cheaper than to keep where it is.
            for echo in self.echoes.iter().filter(|echo| echo.key == key) {
                socket.connection.take_back(echo.reply());
            }
        }
        let buffers = self.echoes.drain(..).map(|echo| echo.buffer);
        self.buffers.give_back(buffers);
        for key in mem::take(&mut self.sending) {
            let socket = &mut self.open[key];
            let next = match socket.doing {
                Doing::SendingAtOnce => socket.connection.sent_all(),
                Doing::EchoingThen => Ok(()),
                _ => continue,
            };
            self.go_on(key, next.map(|()| None))?;
        }
        Ok(())
    }

    fn complete(&mut self, completion: &Completion) -> io::Result<()> {
        let (about, key) = completion.about();
        match about {
            About::Accept => self.accepted(completion),
            About::PauseOver => self.door.accept(&mut self.ring),
            About::Receive => self.received(key, completion),
            About::Send | About::Echo => self.sent(key, completion),
            About::WaitOver => self.waited(key),
            About::Nothing => Ok(()),
        }
    }

    fn push(&mut self, request: squeue::Entry, about: About, key: usize) -> io::Result<()> {
        // SAFETY: what a request points to lives until it is completed: replies in buffers, which are
        // given back later; unsent bytes, because their connection sends nothing else and isn't forgotten
        // meanwhile; times, in the connection's box. No others point anywhere, and none accepts.
        unsafe { self.ring.push(request, about, key) }
    }

    fn accepted(&mut self, completion: &Completion) -> io::Result<()> {
        let (server, ring) = (self.server, &mut self.ring);
        if let Some((fd, connection)) = self.door.accepted(completion, server, ring)? {
            let key = self.open.insert(Socket::new(fd, connection));
            self.receive(key)?;
        }
        Ok(())
    }

    fn receive(&mut self, key: usize) -> io::Result<()> {
        let socket = &mut self.open[key];
        socket.receiving = true;
        let receive = opcode::RecvMulti::new(Fd(socket.fd.as_raw_fd()), GROUP);
        self.push(receive.build(), About::Receive, key)
    }

    fn received(&mut self, key: usize, completion: &Completion) -> io::Result<()> {
        let buffer = completion.buffer();
        let mut in_place = None;
        let mut next = self.answer(key, completion, buffer, &mut in_place);
        if let (Some(buffer), Some(reply)) = (buffer, in_place) {
            // SAFETY: the reply lies in the buffer from which it was answered. That is given back once
            // the turn has been handed in, or below, when the echo is gone.
            let echo = unsafe { Echo::new(key, buffer, reply) };
            let socket = &mut self.open[key];
            let is_all = matches!(next, Some(Ok(None))) && socket.connection.unsent().is_empty();
            if is_all && socket.receiving {
                return self.echo(echo);
            }
            socket.connection.take_back(echo.reply());
            next = next.map(|next| socket.connection.end_later(next));
        }
        self.buffers.give_back(buffer);
        match next {
            Some(next) => self.go_on(key, next),
            None if self.open[key].doing == Doing::Closing => self.close(key),
            None => {
                let doing = &mut self.open[key].doing;
                if *doing == Doing::Echoing {
                    *doing = Doing::EchoingThen;
                    self.sending.push(key);
                }
                self.hold_up(key)
            }
        }
    }

    /// Sends a reply from where it lies.
    fn echo(&mut self, echo: Echo) -> io::Result<()> {
        let key = echo.key;
        let socket = &mut self.open[key];
        (socket.doing, socket.turn) = (Doing::Echoing, self.turn);
        let send = send_at_once(&socket.fd, echo.reply());
        self.echoes.push(echo);
        self.push(send, About::Echo, key)
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
        in_place: &mut Option<*const [u8]>,
    ) -> Option<Result<Option<Work>, Closed>> {
        let socket = &mut self.open[key];
        socket.receiving = completion.has_more();
        let is_busy = socket.is_busy(self.turn);
        let received_bytes = match completion.bytes() {
            // No buffer was left, or the receive has been cancelled: nothing came.
            Err(Errno::NOBUFS | Errno::CANCELED) => return (!is_busy).then_some(Ok(None)),
            // A broken connection ends like one that is closed.
            Err(_) => 0,
            Ok(bytes) => bytes,
        };
        let mut chunk = buffer.map(|id| self.buffers.chunk(id));
        if is_busy {
            let bytes = chunk.map(|chunk| &chunk.space()[..received_bytes]);
            socket.hold(bytes.unwrap_or_default());
            return None;
        }
        Some(match &mut chunk {
            Some(chunk) => socket.connection.answer(chunk, received_bytes, |reply| {
                keep_in_place(in_place, reply)
            }),
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
        self.sending.push(key);
        let send = send_at_once(&socket.fd, socket.connection.unsent());
        self.push(send, About::Send, key)
    }

    fn sent(&mut self, key: usize, completion: &Completion) -> io::Result<()> {
        let Socket { fd, connection, .. } = &mut self.open[key];
        if completion.sent(connection).is_err() {
            return self.close(key);
        }
        if connection.unsent().is_empty() {
            return self.go_on(key, Ok(None));
        }
        let send = send_when_room(fd, connection.unsent());
        self.push(send, About::Send, key)
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
