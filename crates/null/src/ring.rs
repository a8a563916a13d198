//! A loop on io_uring: multishot accept and receive into provided buffers, and a send from the
//! very buffer that came.

mod buffers;

use buffers::{Buffers, GROUP};
use io_uring::{IoUring, cqueue, opcode, squeue, types::Fd};
use model_kit::{Connection, Refused, Server};
use rustix::{
    io::Errno,
    net::{SendFlags, SocketFlags},
};
use slab::Slab;
use std::{
    collections::VecDeque,
    io, mem,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    thread,
};

const REQUESTS: u32 = 1024;
const COMPLETIONS: u32 = 4096;

pub(crate) fn serve(server: &Server) -> io::Result<()> {
    let listener = server.listen()?;
    let ring = new_ring()?;
    let buffers = Buffers::register(&ring.submitter())?;
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

fn new_ring() -> io::Result<IoUring> {
    IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_cqsize(COMPLETIONS)
        .build(REQUESTS)
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::INTR | Errno::BUSY | Errno::AGAIN)
    )
}

struct Loop<'a> {
    server: &'a Server,
    listener: Fd,
    ring: IoUring,
    buffers: Buffers,
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

/// What a completion is about: in the lowest bits, beside a client's key.
const ACCEPT: u64 = 0;
const RECEIVE: u64 = 1;
const SEND: u64 = 2;

impl Loop<'_> {
    fn run(&mut self) -> io::Result<()> {
        let mut completions = Vec::with_capacity(COMPLETIONS as usize);
        while !self.stopping || !self.open.is_empty() {
            let routine_sends = mem::take(&mut self.routine_sends);
            match self.ring.submit_and_wait(routine_sends + 1) {
                Ok(_) => {}
                // Interrupted, or completions have to be taken first.
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
            // All of them: what stays behind holds buffers.
            completions.extend(self.ring.completion());
            for completion in completions.drain(..) {
                let key = (completion.user_data() >> 2) as usize;
                match completion.user_data() & 3 {
                    ACCEPT => self.accepted(&completion)?,
                    RECEIVE => self.received(key, &completion)?,
                    _ => self.sent(key, completion.result())?,
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, request: squeue::Entry, about: u64, key: usize) -> io::Result<()> {
        let request = request.user_data((key as u64) << 2 | about);
        // SAFETY: a send's bytes lie in a buffer that isn't given back before the send is completed;
        // nothing else points anywhere.
        while unsafe { self.ring.submission().push(&request) }.is_err() {
            self.ring.submit()?;
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        let flags = SocketFlags::CLOEXEC.bits() as i32;
        let accept = opcode::AcceptMulti::new(self.listener).flags(flags);
        self.push(accept.build(), ACCEPT, 0)
    }

    fn accepted(&mut self, completion: &cqueue::Entry) -> io::Result<()> {
        if completion.result() >= 0 {
            // SAFETY: the kernel has just made this descriptor for us.
            let fd = unsafe { OwnedFd::from_raw_fd(completion.result()) };
            let key = self.open.insert(Client {
                fd,
                connection: Connection::open(self.server.wire()),
                echoes: VecDeque::new(),
                sent_bytes: 0,
                receiving: false,
                is_over: false,
            });
            self.receive(key)?;
        } else {
            let error = io::Error::from_raw_os_error(-completion.result());
            match self.server.refused(&error) {
                Refused::Retry => {}
                // The figure is spoiled anyhow.
                Refused::Pause(time) => thread::sleep(time),
                Refused::Stopping => {
                    self.stopping = true;
                    return Ok(());
                }
            }
        }
        if cqueue::more(completion.flags()) {
            return Ok(());
        }
        self.accept()
    }

    fn receive(&mut self, key: usize) -> io::Result<()> {
        let client = &mut self.open[key];
        client.receiving = true;
        let receive = opcode::RecvMulti::new(Fd(client.fd.as_raw_fd()), GROUP);
        self.push(receive.build(), RECEIVE, key)
    }

    fn received(&mut self, key: usize, completion: &cqueue::Entry) -> io::Result<()> {
        let client = &mut self.open[key];
        client.receiving = cqueue::more(completion.flags());
        match (
            completion.result(),
            cqueue::buffer_select(completion.flags()),
        ) {
            (bytes @ 1.., Some(id)) => {
                client.connection.received(bytes as usize, 0);
                client.echoes.push_back((id, bytes as u32));
                if client.echoes.len() == 1 {
                    self.send(key, SendFlags::DONTWAIT)?;
                } else {
                    // Another echo waits for the one before, so its end is news after all.
                    self.routine_sends = self.routine_sends.saturating_sub(1);
                }
            }
            (error, _) if -error == Errno::NOBUFS.raw_os_error() => {}
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
        let unsent = &self.buffers.bytes(id, bytes)[client.sent_bytes as usize..];
        let flags = (SendFlags::NOSIGNAL | how).bits() as i32;
        let fd = Fd(client.fd.as_raw_fd());
        let send = opcode::Send::new(fd, unsent.as_ptr(), unsent.len() as u32).flags(flags);
        let is_routine = how == SendFlags::DONTWAIT && client.echoes.len() == 1 && !client.is_over;
        self.routine_sends += usize::from(is_routine);
        self.push(send.build(), SEND, key)
    }

    fn sent(&mut self, key: usize, result: i32) -> io::Result<()> {
        let client = &mut self.open[key];
        let full = -Errno::AGAIN.raw_os_error();
        if result < 0 && result != full {
            client.is_over = true;
            client
                .echoes
                .drain(..)
                .for_each(|(id, _)| self.buffers.give_back(id));
            self.forget(key);
            return Ok(());
        }
        client.sent_bytes += result.max(0) as u32;
        client.connection.sent(result.max(0) as usize);
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
