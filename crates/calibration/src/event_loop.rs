//! One thread, one level-triggered epoll instance: which socket is served, and when.
//!
//! It takes turns: one event, one reply that is due. A burst of requests doesn't make replies
//! late, then, and a burst of replies doesn't make the next requests be read late and all at
//! once, which would bring the same burst back for ever. When a reply is due soon, or a delayed
//! one has just been sent and the client's next request may follow, it polls instead of sleeping:
//! being woken takes 10 us after a short sleep and 50 us after a long one.

use crate::{
    burden::Burden,
    client::{Client, Read},
    clock::{WATCHFUL_NS, nap, now_ns, sit_until},
    desk::Desk,
};
use model_kit::{Closed, Connection, Ended, Refused, Server};
use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, Event, EventData, EventFlags},
    io::Errno,
    net::{SocketFlags, accept_with},
    time::Timespec,
};
use std::{
    io, mem,
    net::TcpListener,
    os::fd::{AsRawFd, OwnedFd},
};

const EVENTS_PER_WAIT: usize = 1024;
const READ_BYTES: usize = 64 << 10;

/// Connections accepted before the others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

#[derive(Debug)]
pub(crate) struct EventLoop<'a> {
    server: &'a Server,
    epoll: OwnedFd,
    listener: TcpListener,
    /// When a listener that failed is watched again.
    accept_again_ns: Option<u64>,
    stopping: bool,
    /// Each at the index of its descriptor.
    clients: Vec<Option<Client>>,
    accepted: u64,
    open: usize,
    desk: Desk,
    burden: Burden,
    /// A delayed reply has been sent: no sleep until then.
    awake_until_ns: Option<u64>,
    buffer: Box<[u8]>,
}

impl<'a> EventLoop<'a> {
    pub(crate) fn new(server: &'a Server, desk: Desk, burden: Burden) -> io::Result<Self> {
        let listener = server.listen()?;
        listener.set_nonblocking(true)?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, token(&listener), EventFlags::IN)?;
        server.ready()?;
        Ok(Self {
            server,
            epoll,
            listener,
            accept_again_ns: None,
            stopping: false,
            clients: Vec::new(),
            accepted: 0,
            open: 0,
            desk,
            burden,
            awake_until_ns: None,
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
        })
    }

    /// Serves until the server is stopping and every connection has closed.
    pub(crate) fn run(mut self) -> Ended {
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS_PER_WAIT);
        while !self.stopping || self.open > 0 {
            events.clear();
            let timeout = self.timeout();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout.as_ref()) {
                Err(Errno::INTR) => continue,
                waited => waited?,
            };
            for event in &events {
                self.sit_out_stall();
                if event.data.u64() == token(&self.listener).u64() {
                    self.accept()?;
                } else {
                    self.serve(event.data.u64() as usize)?;
                }
                self.send_one_due()?;
            }
            self.send_one_due()?;
            self.awake_until_ns.take_if(|end_ns| *end_ns <= now_ns());
            self.watch_listener_again()?;
        }
        Ok(())
    }

    /// `None`: until an event comes.
    fn timeout(&self) -> Option<Timespec> {
        let due_ns = self.desk.next_due_ns().into_iter();
        let times_ns = due_ns
            .chain(self.accept_again_ns)
            .chain(self.awake_until_ns);
        Some(nap(times_ns.min()?.saturating_sub(now_ns())))
    }

    fn sit_out_stall(&self) {
        if let Some(end_ns) = self.desk.stalled_until(now_ns()) {
            sit_until(end_ns);
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        for _ in 0..ACCEPTS_PER_TURN {
            match accept_with(&self.listener, flags) {
                Ok(fd) => self.open(fd)?,
                Err(Errno::AGAIN) => break,
                Err(errno) => return self.refused(&errno.into()),
            }
        }
        Ok(())
    }

    fn refused(&mut self, error: &io::Error) -> io::Result<()> {
        match self.server.refused(error) {
            Refused::Retry => Ok(()),
            Refused::Pause(pause) => {
                self.accept_again_ns = Some(now_ns() + pause.as_nanos() as u64);
                self.watch_listener(EventFlags::empty())
            }
            Refused::Stopping => {
                self.stopping = true;
                Ok(epoll::delete(&self.epoll, &self.listener)?)
            }
        }
    }

    fn watch_listener_again(&mut self) -> io::Result<()> {
        let is_over = |again_ns: &mut u64| *again_ns <= now_ns();
        match self.accept_again_ns.take_if(is_over) {
            Some(_) => self.watch_listener(EventFlags::IN),
            None => Ok(()),
        }
    }

    fn watch_listener(&self, flags: EventFlags) -> io::Result<()> {
        let listener = &self.listener;
        Ok(epoll::modify(
            &self.epoll,
            listener,
            token(listener),
            flags,
        )?)
    }

    fn open(&mut self, fd: OwnedFd) -> io::Result<()> {
        let client = Client::new(fd, self.accepted, Connection::open(self.server.wire()));
        epoll::add(&self.epoll, &client.fd, token(&client.fd), client.watched)?;
        let index = client.index();
        let length = self.clients.len().max(index + 1);
        self.clients.resize_with(length, || None);
        self.clients[index] = Some(client);
        self.accepted += 1;
        self.open += 1;
        self.burden.opened(self.accepted);
        Ok(())
    }

    fn serve(&mut self, index: usize) -> io::Result<()> {
        // An event may follow the one that closed its socket.
        let Some(client) = &mut self.clients[index] else {
            return Ok(());
        };
        let outcome = match client.react(&mut self.buffer) {
            Ok(Read::Bytes(bytes)) => {
                self.burden.read();
                let received = &self.buffer[..bytes];
                self.desk.answer(client, received, now_ns())
            }
            Ok(Read::Nothing) => Ok(()),
            Err(closed) => Err(closed),
        };
        self.settle(index, outcome)
    }

    fn send_one_due(&mut self) -> io::Result<()> {
        let Some(due) = self.desk.take_due() else {
            return Ok(());
        };
        match &mut self.clients[due.index] {
            Some(client) if client.number == due.number => {
                let outcome = client.send_delayed(&due.reply);
                self.awake_until_ns = Some(now_ns() + WATCHFUL_NS);
                self.settle(due.index, outcome)
            }
            // It has closed since.
            _ => Ok(()),
        }
    }

    /// Drops a client that is over, and otherwise has epoll watch for what it needs next.
    fn settle(&mut self, index: usize, outcome: Result<(), Closed>) -> io::Result<()> {
        let Some(client) = &mut self.clients[index] else {
            return Ok(());
        };
        if outcome.and_then(|()| client.check_answered()).is_err() {
            self.clients[index] = None;
            self.open -= 1;
            return Ok(());
        }
        let needed = client.needed();
        if mem::replace(&mut client.watched, needed) != needed {
            epoll::modify(&self.epoll, &client.fd, token(&client.fd), needed)?;
        }
        Ok(())
    }
}

fn token(fd: &impl AsRawFd) -> EventData {
    EventData::new_u64(fd.as_raw_fd() as u64)
}
