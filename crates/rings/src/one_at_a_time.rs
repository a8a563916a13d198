//! A loop on a ring that has the kernel do one thing at a time for each connection, each by a request of
//! its own: receive, send, perhaps wait, and receive again. So nothing is set aside, and nothing is
//! cancelled.
//!
//! How such loops differ is how they receive: [`Receiving`].

use crate::{
    about::About,
    door::Door,
    ring::{Batch, Completion, Ring, close, keep, send_when_room},
};
use io_uring::{
    opcode, squeue,
    types::{Fd, Timespec},
};
use model_kit::{Closed, Connection, Server, Work};
use slab::Slab;
use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
};

/// Requests to accept: so many connections come in a turn at the most.
const ACCEPTS: usize = 16;

/// Where received bytes go.
///
/// # Safety
/// What a request of [`Receiving::request`] points to lives for as long as the connection's own part, or
/// the whole, and stays where it is until [`Receiving::answer`] is called for its completion.
pub unsafe trait Receiving: Sized {
    /// What each connection has of its own for that.
    type Own: Default;

    /// For a thread's ring.
    ///
    /// # Errors
    /// The kernel refuses what it takes.
    fn new(ring: &Ring) -> io::Result<Self>;

    /// A request to receive, once.
    fn request(&mut self, fd: Fd, own: &mut Self::Own) -> squeue::Entry;

    /// Answers what has been received, as [`Connection::answer`] does, with replies that are unsent.
    ///
    /// # Errors
    /// [`Closed`] when the connection is over.
    fn answer(
        &mut self,
        completion: &Completion,
        own: &mut Self::Own,
        connection: &mut Connection,
    ) -> Result<Option<Work>, Closed>;
}

/// Says that it is ready, and serves on the calling thread until the server is stopping and every
/// connection of this loop has closed.
///
/// # Errors
/// Of the ring, or of the ready line.
pub fn serve_one_at_a_time<R: Receiving>(server: &Server) -> io::Result<()> {
    let door = Door::new(server, false)?;
    let ring = Ring::new(Batch::Few)?;
    let receiving = R::new(&ring)?;
    let sockets = Sockets {
        server,
        door,
        ring,
        receiving,
        open: Slab::new(),
    };
    sockets.serve()
}

struct Sockets<'a, R: Receiving> {
    server: &'a Server,
    door: Door,
    ring: Ring,
    receiving: R,
    /// What a completion names is open: a connection is forgotten when the kernel does nothing
    /// for it.
    open: Slab<Socket<R::Own>>,
}

struct Socket<Own> {
    fd: OwnedFd,
    connection: Connection,
    own: Own,
    /// A request that waits, or has to once what is unsent has been sent. Boxed, because it is
    /// rare, and because the kernel reads the time.
    wait: Option<Box<(Timespec, Work)>>,
}

impl<R: Receiving> Sockets<'_, R> {
    fn serve(mut self) -> io::Result<()> {
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

    #[inline(always)]
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

    #[inline(always)]
    fn push(&mut self, request: squeue::Entry, about: About, key: usize) -> io::Result<()> {
        // SAFETY: what a request points to lives until it is completed, because its connection
        // does nothing else and isn't forgotten meanwhile: unsent bytes; times, in the connection's
        // box; what is received into, as `Receiving` promises. No others point anywhere, and none
        // accepts.
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
            own: R::Own::default(),
            wait: None,
        });
        self.receive(key)
    }

    #[inline(always)]
    fn receive(&mut self, key: usize) -> io::Result<()> {
        let socket = &mut self.open[key];
        let fd = Fd(socket.fd.as_raw_fd());
        let receive = self.receiving.request(fd, &mut socket.own);
        self.push(receive, About::Receive, key)
    }

    #[inline(always)]
    fn received(&mut self, key: usize, completion: &Completion) -> io::Result<()> {
        let Socket {
            own, connection, ..
        } = &mut self.open[key];
        let next = self.receiving.answer(completion, own, connection);
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
