//! A ramp's connections: begun as far as there is room, established, and some of them asked for an
//! answer; and closed again, where fewer are wanted.

use super::{
    ramp::Ramp,
    state::{Phase, Worker},
};
use crate::{
    clock::now_ns,
    connection::{Connection, Stage},
    socket::{self, explain},
    tally::{Connected, Report},
};
use rustix::{
    event::epoll::{self, EventData, EventFlags},
    io::Errno,
    net::sockopt,
};
use std::mem;

/// After this long without any progress the rest is given up.
const STALL_LIMIT_NS: u64 = 10_000_000_000;

impl Worker<'_> {
    pub(super) fn go_on_connecting(&mut self, now: u64) {
        let Phase::Ramping(mut ramp) = mem::replace(&mut self.phase, Phase::Resting) else {
            return;
        };
        for _ in 0..ramp.room(self.connections.len() as u32) {
            self.connect(&mut ramp);
            if ramp.has_given_up || ramp.waits_since_ns.is_some() {
                break;
            }
        }
        let begun = self.connections.len() as u32;
        if now.saturating_sub(ramp.last_progress_ns) > STALL_LIMIT_NS {
            let waiting = ramp.connecting + ramp.probing;
            let kind = match ramp.waits_since_ns.take() {
                Some(_) => "the accept queue was full for 10 s".to_owned(),
                None => format!("no answer to {waiting} new connections for 10 s"),
            };
            ramp.give_up(begun, kind);
            (ramp.connecting, ramp.probing) = (0, 0);
        }
        if ramp.is_over(begun) {
            let _ = self.reports.send(Report::Connected(Box::new(Connected {
                connections: self.open,
                elapsed_us: 0,
                connect_time: ramp.connect_time,
                errors: ramp.errors,
            })));
        } else {
            self.phase = Phase::Ramping(ramp);
        }
    }

    fn connect(&mut self, ramp: &mut Ramp) {
        let index = self.connections.len();
        let began_ns = ramp.waits_since_ns.take().unwrap_or_else(now_ns);
        let number = self.number(index);
        let source = self
            .plan
            .sources
            .as_ref()
            .and_then(|sources| sources.of(number));
        let fd = match socket::begin_connect(&self.plan.target, source) {
            Ok(fd) => fd,
            Err((_, Errno::AGAIN)) => {
                ramp.waits_since_ns = Some(began_ns);
                return;
            }
            Err((call, errno @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))) => {
                return ramp.give_up(index as u32, explain(call, errno));
            }
            Err((call, errno)) => {
                self.connections.push(None);
                return ramp.errors.count(explain(call, errno));
            }
        };
        let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        match epoll::add(&self.epoll, &fd, EventData::new_u64(index as u64), interest) {
            Ok(()) => {
                ramp.connecting += 1;
                self.shared.sent_at_ns[index * self.shared.depth as usize] = began_ns;
                self.connections.push(Some(Connection::new(fd)));
            }
            Err(errno) => ramp.give_up(index as u32, explain("epoll_ctl", errno)),
        }
    }

    /// Closes all but the first `count`. No event follows: what was reported has been looked at.
    pub(super) fn close_beyond(&mut self, count: usize) {
        for index in (count..self.connections.len()).rev() {
            let Some(connection) = self.connections.pop().flatten() else {
                continue;
            };
            self.shared.replies.forget(index);
            self.outstanding -= u64::from(connection.outstanding(self.shared.requests));
            self.open -= u32::from(connection.stage == Stage::Open);
            if !self.closes_in_order {
                socket::reset_on_close(&connection.fd);
            }
        }
    }

    pub(super) fn establish(&mut self, index: usize) {
        let now = now_ns();
        let (Phase::Ramping(ramp), Some(connection)) =
            (&mut self.phase, &mut self.connections[index])
        else {
            return;
        };
        ramp.last_progress_ns = now;
        if let Err(errno) = sockopt::socket_error(&connection.fd).unwrap_or_else(Err) {
            ramp.connecting = ramp.connecting.saturating_sub(1);
            ramp.errors.count(explain("connect", errno));
            self.connections[index] = None;
            return;
        }
        if !self.greet(index) {
            self.enter(index, now);
        }
    }

    /// The connection is of use from now on.
    pub(super) fn enter(&mut self, index: usize, now: u64) {
        let (Phase::Ramping(ramp), Some(connection)) =
            (&mut self.phase, &mut self.connections[index])
        else {
            return;
        };
        ramp.connecting = ramp.connecting.saturating_sub(1);
        ramp.last_progress_ns = now;
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
