//! The loop on epoll: the kernel says which sockets are ready, and a call for each reads what
//! has come.
//!
//! Events are edge-triggered and registered once per connection: a connection costs no
//! `epoll_ctl` after its first, and a ready connection is not reported twice. Source: epoll(7).

use super::state::{BELL, BUFFER_BYTES, Worker};
use crate::{
    clock::{now_ns, timespec},
    connection::{Broken, Connection, Stage},
};
use anyhow::Context as _;
use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, Event, EventFlags},
    io::Errno,
};
use std::{mem, thread, time::Duration};
use wires::{error::ReplyError, limits::BYTES_WITHOUT_REPLY_MAX};

/// epoll looks at each ready socket before it reports it, and with many in a batch the first are no
/// longer in the processor's cache when their turn comes. In one paired run a request took 0.953 of a
/// minimal client's CPU time with 32, and 0.968 with 1,024, over 50 connections; over 1,000 it was
/// 0.894 and 0.933.
const EVENTS_PER_WAIT: usize = 32;

/// Where the kernel puts what it has for the thread.
pub(super) struct Inbox {
    events: Vec<Event>,
    received: Box<[u8]>,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self {
            events: Vec::with_capacity(EVENTS_PER_WAIT),
            received: vec![0; BUFFER_BYTES].into_boxed_slice(),
        }
    }
}

impl Worker<'_> {
    /// Waits for events and looks at them; says whether there were none.
    ///
    /// # Errors
    /// epoll fails, which takes a lack of memory.
    #[inline(always)]
    pub(super) fn take_readiness(&mut self, inbox: &mut Inbox) -> anyhow::Result<bool> {
        let Inbox { events, received } = inbox;
        events.clear();
        let unread = mem::take(&mut self.unread);
        let timeout = match unread.is_empty() {
            true => self.wait_at_most_ns(now_ns()).map(timespec),
            false => Some(timespec(0)),
        };
        match epoll::wait(&self.epoll, spare_capacity(events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).context("epoll_wait"),
        }
        let had_none = events.is_empty() && unread.is_empty();
        self.read_late(had_none);
        for event in &*events {
            match event.data.u64() {
                BELL => {
                    let mut rings = [0; 8];
                    let _ = rustix::io::read(&self.bell, &mut rings);
                }
                index => self.react(index as usize, event.flags, received),
            }
            // A batch of events may take longer than a request may be late.
            self.send_what_is_due(self.now_ns);
        }
        for index in unread {
            self.read_on(index, received);
            self.send_what_is_due(self.now_ns);
        }
        Ok(had_none)
    }

    /// Reads late if the plan wants that.
    #[inline]
    fn read_late(&self, nothing_to_read: bool) {
        if self.plan.read_late_us > 0 && !nothing_to_read {
            thread::sleep(Duration::from_micros(self.plan.read_late_us));
        }
    }

    fn react(&mut self, index: usize, flags: EventFlags, buffer: &mut [u8]) {
        // An event may follow the one that lost the connection.
        let Some(connection) = &self.connections[index] else {
            return;
        };
        if connection.stage == Stage::Connecting {
            match self.source.churns() {
                false => self.establish(index),
                true => self.establish_churned(index),
            }
            // What came with the connection, such as its end, brings no event of its own.
            let greets = |c: &Connection| c.stage == Stage::Greeting;
            if flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP)
                && self.connections[index].as_ref().is_some_and(greets)
            {
                self.take_greeting(index, buffer);
            }
        } else if connection.stage == Stage::Greeting {
            self.take_greeting(index, buffer);
        } else {
            if flags
                .intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR)
            {
                let is_end = flags.intersects(EventFlags::RDHUP | EventFlags::HUP);
                self.receive(index, buffer, is_end);
            }
            if flags.contains(EventFlags::OUT)
                && self.connections[index]
                    .as_ref()
                    .is_some_and(Connection::is_blocked)
            {
                self.send(index, 0, now_ns());
            }
        }
    }

    /// Reads what was left when others had their turn. Its place may be gone since then, and whoever
    /// has come to it has events of its own.
    fn read_on(&mut self, index: usize, buffer: &mut [u8]) {
        if let Some(Some(connection)) = self.connections.get(index)
            && !matches!(connection.stage, Stage::Connecting | Stage::Greeting)
        {
            // Its end may be known by now.
            self.receive(index, buffer, true);
        }
    }

    /// Reads until nothing is there, or until a reply is whole and more may be there: a server that
    /// answers as fast as this reads would keep it from all others.
    #[inline(always)]
    pub(super) fn receive(&mut self, index: usize, buffer: &mut [u8], is_end: bool) {
        let mut without_reply = 0;
        while let Some(connection) = &self.connections[index] {
            let (bytes, arrived) = match connection.receive(buffer) {
                Ok(Some(received)) => received,
                Ok(None) => return,
                Err(broken) => return self.lose(index, broken),
            };
            // A read that didn't fill the buffer has emptied the socket; anything newer brings
            // an event of its own. Not so the end, if it was known already.
            let received = &buffer[..bytes];
            let is_empty = bytes < buffer.len() && !is_end;
            let answered = self.totals.responses;
            if !self.take_replies(index, received, arrived) || is_empty {
                return;
            }
            let is_full = bytes == buffer.len();
            if is_full && self.totals.responses > answered {
                self.unread.insert(index);
                return;
            }
            // Without a reply, too, more may come without end.
            without_reply += bytes;
            if without_reply > BYTES_WITHOUT_REPLY_MAX {
                return self.lose(index, Broken::Reply(ReplyError::Flood));
            }
        }
    }
}
