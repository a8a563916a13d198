//! Opening connections at a pace that the server can follow.
//!
//! On loopback a connection is established as soon as `connect` returns, long before the server
//! has accepted it; a generator that just goes on overflows the accept queue, and each
//! connection that is dropped there costs a second of retransmission. So every
//! [`CONNECTIONS_PER_PROBE`]th connection (and the last one) sends a request, and only a few of
//! these may be unanswered: their answers show that the server has come that far.

use super::{Phase, Worker};
use crate::{
    clock::now_ns,
    connection::{Connection, Stage},
    socket,
    tally::{Errors, Latencies, Report, count_error, latencies},
};
use rustix::{
    event::epoll::{self, EventData, EventFlags},
    io::Errno,
    net::sockopt,
};
use std::mem;

/// One in this many connections asks the server whether it is still there.
const CONNECTIONS_PER_PROBE: u32 = 64;

/// Unanswered probes at a time: 512 connections, an eighth of the usual accept queue.
const PROBES_MAX: u32 = 8;

/// Connects begun and not established at a time.
const CONNECTING_MAX: u32 = 256;

/// Connects begun before events are looked at.
const CONNECTS_PER_TURN: u32 = 64;

/// After this long without any progress the rest is given up.
const STALL_LIMIT_NS: u64 = 10_000_000_000;

/// A ramp on its way.
#[derive(Debug)]
pub(super) struct Ramp {
    /// Connections that this thread shall have begun by the end.
    target: u32,
    connecting: u32,
    pub(super) probing: u32,
    pub(super) last_progress_ns: u64,
    connect_time: Latencies,
    pub(super) errors: Errors,
}

impl Ramp {
    pub(super) fn new(target: u32, now_ns: u64) -> Self {
        Self {
            target,
            connecting: 0,
            probing: 0,
            last_progress_ns: now_ns,
            connect_time: latencies(),
            errors: Errors::new(),
        }
    }

    /// How many connects may begin now when `begun` have.
    pub(super) fn room(&self, begun: u32) -> u32 {
        if self.probing >= PROBES_MAX {
            return 0;
        }
        (self.target - begun)
            .min(CONNECTING_MAX.saturating_sub(self.connecting))
            .min(CONNECTS_PER_TURN)
    }

    /// Whether the connection at this index asks the server for an answer.
    pub(super) fn probes(&self, index: u32) -> bool {
        index.is_multiple_of(CONNECTIONS_PER_PROBE) || index + 1 == self.target
    }

    pub(super) fn is_over(&self, begun: u32) -> bool {
        begun >= self.target && self.connecting == 0 && self.probing == 0
    }

    /// Nothing more will begin: the errors say why.
    pub(super) fn give_up(&mut self, begun: u32, kind: String) {
        count_error(&mut self.errors, kind);
        self.target = begun;
    }
}

impl Worker<'_> {
    pub(super) fn go_on_connecting(&mut self, now: u64) {
        let Phase::Ramping(mut ramp) = mem::replace(&mut self.phase, Phase::Resting) else {
            return;
        };
        for _ in 0..ramp.room(self.connections.len() as u32) {
            self.connect(&mut ramp);
        }
        let begun = self.connections.len() as u32;
        if now.saturating_sub(ramp.last_progress_ns) > STALL_LIMIT_NS {
            let waiting = ramp.connecting + ramp.probing;
            ramp.give_up(
                begun,
                format!("no answer to {waiting} new connections for 10 s"),
            );
            (ramp.connecting, ramp.probing) = (0, 0);
        }
        if ramp.is_over(begun) {
            let _ = self.reports.send(Report::Connected {
                connections: self.open,
                connect_time: Box::new(ramp.connect_time),
                errors: ramp.errors,
            });
        } else {
            self.phase = Phase::Ramping(ramp);
        }
    }

    fn connect(&mut self, ramp: &mut Ramp) {
        let index = self.connections.len();
        let began_ns = now_ns();
        let number = self.number(index);
        let source = self.plan.sources.map(|sources| sources.of(number));
        let fd = match socket::begin_connect(self.plan.target, source) {
            Ok(fd) => fd,
            Err((call, errno @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))) => {
                return ramp.give_up(index as u32, format!("{call}: {errno}"));
            }
            Err((call, errno)) => {
                self.connections.push(None);
                return count_error(&mut ramp.errors, format!("{call}: {errno}"));
            }
        };
        let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        match epoll::add(&self.epoll, &fd, EventData::new_u64(index as u64), interest) {
            Ok(()) => {
                ramp.connecting += 1;
                self.shared.sent_at_ns[index * self.shared.depth as usize] = began_ns;
                self.connections.push(Some(Connection::new(fd)));
            }
            Err(errno) => ramp.give_up(index as u32, format!("epoll_ctl: {errno}")),
        }
    }

    pub(super) fn establish(&mut self, index: usize) {
        let now = now_ns();
        let (Phase::Ramping(ramp), Some(connection)) =
            (&mut self.phase, &mut self.connections[index])
        else {
            return;
        };
        ramp.connecting = ramp.connecting.saturating_sub(1);
        ramp.last_progress_ns = now;
        if let Err(errno) = sockopt::socket_error(&connection.fd).unwrap_or_else(Err) {
            count_error(&mut ramp.errors, format!("connect: {errno}"));
            self.connections[index] = None;
            return;
        }
        let began_ns = self.shared.sent_at_ns[index * self.shared.depth as usize];
        ramp.connect_time.saturating_record(now - began_ns);
        self.totals.connections += 1;
        if ramp.probes(index as u32) {
            ramp.probing += 1;
            connection.stage = Stage::Probing;
            self.send(index, 1, now);
        } else {
            connection.stage = Stage::Open;
            self.open += 1;
        }
    }
}
