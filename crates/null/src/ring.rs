//! A loop on io_uring: multishot accept and receive into provided buffers, and a send from the
//! very buffer that came.

use io_uring::{opcode, squeue, types::Fd};
use model_kit::{Connection, Server};
use rings::{
    About, Batch, Buffers, Completion, Door, Echo, GROUP, Ring, keep, send_at_once, send_when_room,
};
use rustix::io::Errno;
use slab::Slab;
use std::{
    io, mem,
    os::fd::{AsRawFd as _, OwnedFd},
};

/// More than two turns use, so that the kernel rarely finds none: then every receive ends, and has to
/// be asked for again. Not many more: they are used in turn, and stay in the cache if they are few.
const BUFFERS: usize = 1024;

const BUFFER_BYTES: usize = 4 << 10;

pub(crate) fn serve(server: &Server) -> io::Result<()> {
    let door = Door::new(server, true)?;
    let ring = Ring::new(Batch::Many)?;
    let buffers = Buffers::register(&ring, BUFFER_BYTES)?;
    let mut turns = Loop {
        server,
        door,
        ring,
        buffers,
        open: Slab::new(),
        echoes: Vec::new(),
        turn: 0,
        follows: Vec::new(),
    };
    turns.door.accept(&mut turns.ring)?;
    server.ready()?;
    turns.run()
}

struct Loop<'a> {
    server: &'a Server,
    door: Door,
    ring: Ring,
    buffers: Buffers<BUFFERS>,
    open: Slab<Client>,
    /// What goes with this turn.
    echoes: Vec<Echo>,
    /// Its number.
    turn: u16,
    /// For whom something follows when this turn has been handed in.
    follows: Vec<usize>,
}

struct Client {
    fd: OwnedFd,
    connection: Connection,
    sending: Sending,
    receiving: bool,
    /// It has been closed, and waits for the last completion.
    is_over: bool,
    /// What came behind what is being sent: seldom anything. It has no bound, because clients of a
    /// ceiling read.
    behind: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum Sending {
    Nothing,
    /// From its buffer, with this turn; nothing, in a later one.
    Echo(u16),
    /// The same, and something follows.
    EchoThen,
    /// What is unsent, when there is room.
    Unsent,
}

impl Loop<'_> {
    fn run(&mut self) -> io::Result<()> {
        let mut completions = Vec::new();
        while !self.door.is_shut() || !self.open.is_empty() {
            let awaited = usize::from(self.follows.is_empty());
            self.ring.turn(awaited, &mut completions)?;
            self.handed_in(&completions)?;
            self.turn = self.turn.wrapping_add(1);
            for completion in completions.drain(..) {
                let (about, key) = completion.about();
                match about {
                    About::Accept => self.accepted(&completion)?,
                    About::PauseOver => self.door.accept(&mut self.ring)?,
                    About::Receive => self.received(key, &completion)?,
                    _ => self.sent(key, &completion)?,
                }
            }
        }
        Ok(())
    }

    /// What the kernel hasn't taken it has told, so all else has been sent.
    fn handed_in(&mut self, done: &[Completion]) -> io::Result<()> {
        for (about, key) in done.iter().map(Completion::about) {
            if about == About::Echo {
                let client = &mut self.open[key];
                client.sending = Sending::Unsent;
                for echo in self.echoes.iter().filter(|echo| echo.key == key) {
                    client.connection.take_back(echo.reply());
                }
            }
        }
        let buffers = self.echoes.drain(..).map(|echo| echo.buffer);
        self.buffers.give_back(buffers);
        for key in mem::take(&mut self.follows) {
            if self.open[key].sending == Sending::EchoThen {
                self.go_on(key)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, request: squeue::Entry, about: About, key: usize) -> io::Result<()> {
        // SAFETY: a send's bytes lie in a buffer that isn't given back before it is handed in, or are
        // unsent, and stay as they are until it is completed; nothing else points anywhere, or accepts.
        unsafe { self.ring.push(request, about, key) }
    }

    fn accepted(&mut self, completion: &Completion) -> io::Result<()> {
        let (server, ring) = (self.server, &mut self.ring);
        let Some((fd, connection)) = self.door.accepted(completion, server, ring)? else {
            return Ok(());
        };
        let key = self.open.insert(Client {
            fd,
            connection,
            sending: Sending::Nothing,
            receiving: false,
            is_over: false,
            behind: Vec::new(),
        });
        self.receive(key)
    }

    fn receive(&mut self, key: usize) -> io::Result<()> {
        let client = &mut self.open[key];
        client.receiving = true;
        let receive = opcode::RecvMulti::new(Fd(client.fd.as_raw_fd()), GROUP);
        self.push(receive.build(), About::Receive, key)
    }

    fn received(&mut self, key: usize, completion: &Completion) -> io::Result<()> {
        let client = &mut self.open[key];
        client.receiving = completion.has_more();
        match (completion.bytes(), completion.buffer()) {
            (Ok(bytes @ 1..), Some(buffer)) => {
                client.connection.received(bytes, 0);
                self.echo(key, buffer, bytes)?;
            }
            (Err(Errno::NOBUFS), _) => {}
            // The end, or broken.
            (_, buffer) => {
                self.buffers.give_back(buffer);
                client.is_over = true;
                if self.is_busy(key) {
                    return Ok(());
                }
                return self.go_on(key);
            }
        }
        if self.open[key].receiving {
            return Ok(());
        }
        self.receive(key)
    }

    /// Whether something is being sent. If it goes with this turn, what is to be done waits for that.
    fn is_busy(&mut self, key: usize) -> bool {
        let sending = &mut self.open[key].sending;
        match *sending {
            Sending::Nothing => false,
            Sending::Echo(turn) if turn != self.turn => false,
            Sending::Echo(_) => {
                *sending = Sending::EchoThen;
                self.follows.push(key);
                true
            }
            Sending::EchoThen | Sending::Unsent => true,
        }
    }

    fn echo(&mut self, key: usize, buffer: u16, bytes: usize) -> io::Result<()> {
        let is_busy = self.is_busy(key);
        let client = &mut self.open[key];
        let reply = &self.buffers.chunk(buffer).space()[..bytes];
        if is_busy {
            client.behind.extend_from_slice(reply);
            self.buffers.give_back([buffer]);
            return Ok(());
        }
        // SAFETY: it lies in the buffer, which is given back by `handed_in` at the earliest.
        let echo = unsafe { Echo::new(key, buffer, reply) };
        client.sending = Sending::Echo(self.turn);
        client.connection.sent(bytes);
        let send = send_at_once(&client.fd, echo.reply());
        self.echoes.push(echo);
        self.push(send, About::Echo, key)
    }

    /// Sends what came behind what has been sent. A client that is over is dropped when nothing of it
    /// is on its way.
    fn go_on(&mut self, key: usize) -> io::Result<()> {
        let client = &mut self.open[key];
        client.sending = Sending::Nothing;
        let behind = mem::take(&mut client.behind);
        if client.connection.reply(&behind, 0, keep).is_ok() && !behind.is_empty() {
            return self.send(key);
        }
        if client.is_over && !client.receiving {
            self.open.remove(key);
        }
        Ok(())
    }

    /// What is unsent, when there is room.
    fn send(&mut self, key: usize) -> io::Result<()> {
        let client = &mut self.open[key];
        client.sending = Sending::Unsent;
        let send = send_when_room(&client.fd, client.connection.unsent());
        self.push(send, About::Send, key)
    }

    fn sent(&mut self, key: usize, completion: &Completion) -> io::Result<()> {
        let client = &mut self.open[key];
        if completion.sent(&mut client.connection).is_err() {
            client.is_over = true;
            client.behind.clear();
        } else if !client.connection.unsent().is_empty() {
            return self.send(key);
        }
        self.go_on(key)
    }
}
