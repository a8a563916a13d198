//! A loop on io_uring: multishot accept and receive into provided buffers, and a send from the
//! very buffer that came.

use io_uring::{opcode, squeue, types::Fd};
use model_kit::{
    Connection, Refused, Server,
    uring::{About, Buffers, Completion, GROUP, Ring},
};
use rustix::{
    io::Errno,
    net::{SendFlags, SocketFlags},
};
use slab::Slab;
use std::{
    collections::VecDeque,
    io, mem,
    os::fd::{AsRawFd as _, OwnedFd},
    thread,
};

/// More than a turn uses, so that the kernel rarely finds none: then every receive ends, and has to
/// be asked for again.
const BUFFERS: usize = 4096;

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
        routine_sends: 0,
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
    /// Of this turn: they will have been completed when the kernel begins to wait, and nothing
    /// follows from that. It may be too few, never too many.
    routine_sends: usize,
    stopping: bool,
}

struct Client {
    fd: OwnedFd,
    connection: Connection,
    /// What came, by buffer and length. The first is being sent.
    echoes: VecDeque<(u16, u32)>,
    /// Of the first.
    sent_bytes: u32,
    receiving: bool,
    /// It has been closed, and waits for the last completion.
    is_over: bool,
}

impl Loop<'_> {
    fn run(&mut self) -> io::Result<()> {
        let mut completions = Vec::new();
        while !self.stopping || !self.open.is_empty() {
            let routine_sends = mem::take(&mut self.routine_sends);
            // All of them: what stays behind holds buffers.
            self.ring.turn(routine_sends + 1, &mut completions)?;
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
                    echoes: VecDeque::new(),
                    sent_bytes: 0,
                    receiving: false,
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
            (Ok(bytes @ 1..), Some(id)) => {
                client.connection.received(bytes, 0);
                client.echoes.push_back((id, bytes as u32));
                if client.echoes.len() == 1 {
                    self.send(key, SendFlags::DONTWAIT)?;
                } else {
                    // Another echo waits for the one before, so its end is news after all.
                    self.routine_sends = self.routine_sends.saturating_sub(1);
                }
            }
            (Err(Errno::NOBUFS), _) => {}
            // The end, or broken.
            _ => {
                self.open[key].is_over = true;
                // The end of its last send is news, too.
                self.routine_sends = self.routine_sends.saturating_sub(1);
                self.forget(key);
                return Ok(());
            }
        }
        if self.open[key].receiving {
            return Ok(());
        }
        self.receive(key)
    }

    fn send(&mut self, key: usize, how: SendFlags) -> io::Result<()> {
        let client = &self.open[key];
        let Some(&(id, bytes)) = client.echoes.front() else {
            return Ok(());
        };
        let unsent = &self.buffers.chunk(id).space()[client.sent_bytes as usize..bytes as usize];
        let flags = (SendFlags::NOSIGNAL | how).bits() as i32;
        let fd = Fd(client.fd.as_raw_fd());
        let send = opcode::Send::new(fd, unsent.as_ptr(), unsent.len() as u32).flags(flags);
        let is_routine = how == SendFlags::DONTWAIT && client.echoes.len() == 1 && !client.is_over;
        self.routine_sends += usize::from(is_routine);
        self.push(send.build(), About::Send, key)
    }

    fn sent(&mut self, key: usize, completion: &Completion) -> io::Result<()> {
        let client = &mut self.open[key];
        let sent_bytes = match completion.bytes() {
            Ok(bytes) => bytes,
            Err(Errno::AGAIN) => 0,
            Err(_) => {
                client.is_over = true;
                let echoes = client.echoes.drain(..);
                echoes.for_each(|(id, _)| self.buffers.give_back(id));
                self.forget(key);
                return Ok(());
            }
        };
        client.sent_bytes += sent_bytes as u32;
        client.connection.sent(sent_bytes);
        match client.echoes.front() {
            Some(&(id, bytes)) if client.sent_bytes == bytes => {
                client.echoes.pop_front();
                client.sent_bytes = 0;
                self.buffers.give_back(id);
                self.send(key, SendFlags::DONTWAIT)?;
                self.forget(key);
                Ok(())
            }
            // The kernel's buffer is full: this waits for room.
            _ => self.send(key, SendFlags::empty()),
        }
    }

    /// Drops a client that is over, once nothing of it is on its way.
    fn forget(&mut self, key: usize) {
        let client = &self.open[key];
        if client.is_over && !client.receiving && client.echoes.is_empty() {
            self.open.remove(key);
        }
    }
}
