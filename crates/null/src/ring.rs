//! A loop on io_uring: multishot accept and receive into provided buffers, and a send from the
//! very buffer that came.

use io_uring::{opcode, squeue, types::Fd};
use model_kit::{
    Connection, Refused, Server,
    uring::{About, Buffers, Completion, GROUP, Ring, send_at_once, send_when_room},
};
use rustix::{io::Errno, net::SocketFlags};
use slab::Slab;
use std::{
    collections::VecDeque,
    io, mem,
    os::fd::{AsRawFd as _, OwnedFd},
    thread,
};

/// More than a turn uses, so that the kernel rarely finds none: then every receive ends, and has to
/// be asked for again. Not many more: they are used in turn, and stay in the cache if they are few.
const BUFFERS: usize = 256;

const BUFFER_BYTES: usize = 4 << 10;

pub(crate) fn serve(server: &Server) -> io::Result<()> {
    let listener = server.listen()?;
    let ring = Ring::new()?;
    let buffers = Buffers::register(&ring, BUFFER_BYTES)?;
    let mut turns = Loop {
        server,
        listener: Fd(listener.as_raw_fd()),
        ring,
        buffers,
        open: Slab::new(),
        sending: Vec::new(),
        follows: false,
        stopping: false,
    };
    turns.accept()?;
    server.ready()?;
    turns.run()
}

struct Loop<'a> {
    server: &'a Server,
    listener: Fd,
    ring: Ring,
    buffers: Buffers<BUFFERS>,
    open: Slab<Client>,
    /// Whose echo is sent with this turn.
    sending: Vec<usize>,
    /// Something follows from one of these, so that the turn must not wait.
    follows: bool,
    stopping: bool,
}

struct Client {
    fd: OwnedFd,
    connection: Connection,
    /// What is being sent.
    first: Option<Echo>,
    /// What came behind it: seldom anything.
    behind: VecDeque<Echo>,
    receiving: bool,
    /// The first goes with this turn.
    goes_at_once: bool,
    /// It has been closed, and waits for the last completion.
    is_over: bool,
}

/// What came, in a buffer.
struct Echo {
    buffer: u16,
    bytes: u32,
    sent_bytes: u32,
}

impl Loop<'_> {
    fn run(&mut self) -> io::Result<()> {
        let (mut completions, mut sending) = (Vec::new(), Vec::new());
        while !self.stopping || !self.open.is_empty() {
            let awaited = usize::from(!mem::take(&mut self.follows));
            self.ring.turn(awaited, &mut completions)?;
            mem::swap(&mut sending, &mut self.sending);
            self.sent_whole(&mut sending, &completions)?;
            for completion in completions.drain(..) {
                let (about, key) = completion.about();
                match about {
                    About::Accept => self.accepted(&completion)?,
                    About::Receive => self.received(key, &completion)?,
                    _ => self.sent(key, &completion)?,
                }
            }
        }
        Ok(())
    }

    /// Goes on with those whose echo went with the turn: all but those of whom it was told.
    fn sent_whole(&mut self, sending: &mut Vec<usize>, done: &[Completion]) -> io::Result<()> {
        for (about, key) in done.iter().map(Completion::about) {
            if about == About::Send {
                self.open[key].goes_at_once = false;
            }
        }
        for key in sending.drain(..) {
            if mem::take(&mut self.open[key].goes_at_once) {
                self.sent_first(key)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, request: squeue::Entry, about: About, key: usize) -> io::Result<()> {
        // SAFETY: a send's bytes lie in a buffer that isn't given back before the send is completed;
        // nothing else points anywhere. `accept` makes the only requests about accepting.
        unsafe { self.ring.push(request, about, key) }
    }

    fn accept(&mut self) -> io::Result<()> {
        let flags = SocketFlags::CLOEXEC.bits() as i32;
        let accept = opcode::AcceptMulti::new(self.listener).flags(flags);
        self.push(accept.build(), About::Accept, 0)
    }

    fn accepted(&mut self, completion: &Completion) -> io::Result<()> {
        match completion.accepted(self.server) {
            Ok((fd, connection)) => {
                let key = self.open.insert(Client {
                    fd,
                    connection,
                    first: None,
                    behind: VecDeque::new(),
                    receiving: false,
                    goes_at_once: false,
                    is_over: false,
                });
                self.receive(key)?;
            }
            Err(Refused::Retry) => {}
            // The figure is spoiled anyhow.
            Err(Refused::Pause(time)) => thread::sleep(time),
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
                let echo = Echo {
                    buffer,
                    bytes: bytes as u32,
                    sent_bytes: 0,
                };
                if client.first.is_none() {
                    client.first = Some(echo);
                    self.send_at_once(key)?;
                } else {
                    client.behind.push_back(echo);
                    self.follows |= client.goes_at_once;
                }
            }
            (Err(Errno::NOBUFS), _) => {}
            // The end, or broken.
            _ => {
                client.is_over = true;
                self.follows |= client.goes_at_once;
                self.forget(key);
                return Ok(());
            }
        }
        if self.open[key].receiving {
            return Ok(());
        }
        self.receive(key)
    }

    /// The first of its echoes, if there is one.
    fn send_at_once(&mut self, key: usize) -> io::Result<()> {
        let client = &mut self.open[key];
        let Some(echo) = &client.first else {
            return Ok(());
        };
        client.goes_at_once = true;
        self.follows |= !client.behind.is_empty() || client.is_over;
        self.sending.push(key);
        let unsent = &self.buffers.chunk(echo.buffer).space()[..echo.bytes as usize];
        let send = send_at_once(&client.fd, unsent);
        self.push(send, About::Send, key)
    }

    /// The rest of it, when there is room.
    fn send(&mut self, key: usize) -> io::Result<()> {
        let client = &self.open[key];
        let Some(echo) = &client.first else {
            return Ok(());
        };
        let left = echo.sent_bytes as usize..echo.bytes as usize;
        let unsent = &self.buffers.chunk(echo.buffer).space()[left];
        let send = send_when_room(&client.fd, unsent);
        self.push(send, About::Send, key)
    }

    fn sent(&mut self, key: usize, completion: &Completion) -> io::Result<()> {
        let client = &mut self.open[key];
        let sent_bytes = match completion.bytes() {
            Ok(bytes) => bytes,
            Err(Errno::AGAIN) => 0,
            Err(_) => {
                client.is_over = true;
                let echoes = client.first.take().into_iter();
                let echoes = echoes.chain(client.behind.drain(..));
                echoes.for_each(|echo| self.buffers.give_back(echo.buffer));
                self.forget(key);
                return Ok(());
            }
        };
        client.connection.sent(sent_bytes);
        if let Some(echo) = &mut client.first {
            echo.sent_bytes += sent_bytes as u32;
            if echo.sent_bytes < echo.bytes {
                return self.send(key);
            }
        }
        self.end_first(key)
    }

    /// The first echo has gone at once.
    fn sent_first(&mut self, key: usize) -> io::Result<()> {
        let client = &mut self.open[key];
        if let Some(echo) = &client.first {
            client.connection.sent(echo.bytes as usize);
        }
        self.end_first(key)
    }

    fn end_first(&mut self, key: usize) -> io::Result<()> {
        let client = &mut self.open[key];
        if let Some(echo) = client.first.take() {
            self.buffers.give_back(echo.buffer);
        }
        client.first = client.behind.pop_front();
        self.send_at_once(key)?;
        self.forget(key);
        Ok(())
    }

    /// Drops a client that is over, once nothing of it is on its way.
    fn forget(&mut self, key: usize) {
        let client = &self.open[key];
        if client.is_over && !client.receiving && client.first.is_none() {
            self.open.remove(key);
        }
    }
}
