//! A churn load: connections that are opened when the schedule says so, ask once and close.
//!
//! The client closes its sending side when it has its reply, and the connection is over when
//! the server has closed too. There are only so many at a time; when all are busy, one that is
//! due waits, and the waiting counts.

use super::{Worker, arrivals::ArrivalTimes};
use crate::{
    clock::now_ns,
    connection::{Connection, Stage},
    socket,
    tally::count_error,
};
use rustix::{
    event::epoll::{self, EventData, EventFlags},
    net::{Shutdown, shutdown, sockopt},
};
use std::{collections::VecDeque, mem};

/// Connects that are begun before events are looked at.
const CONNECTS_PER_TURN: u32 = 16;

/// A churn load on its way.
#[derive(Debug)]
pub(super) struct ChurnLoad {
    pub(super) times: ArrivalTimes,
    /// For each slot: the connection's number, and when it was due.
    numbers: Vec<u32>,
    intended_ns: Vec<u64>,
    /// Slots without a connection.
    free: Vec<usize>,
    /// Slots that were freed just now. An event for what was there before may still follow.
    freed: Vec<usize>,
    /// Due, while all slots are taken.
    waiting: VecDeque<u64>,
    begun: u32,
}

impl ChurnLoad {
    pub(super) fn new(times: ArrivalTimes) -> Self {
        Self {
            times,
            numbers: Vec::new(),
            intended_ns: Vec::new(),
            free: Vec::new(),
            freed: Vec::new(),
            waiting: VecDeque::new(),
            begun: 0,
        }
    }

    /// Whether nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.free.len() + self.freed.len() == self.numbers.len()
    }

    pub(super) fn number(&self, index: usize) -> u32 {
        self.numbers[index]
    }

    pub(super) fn intended_ns(&self, index: usize) -> u64 {
        self.intended_ns[index]
    }

    /// A slot for one more connection, if there may be one more.
    fn slot(&mut self, slots_max: usize) -> Option<usize> {
        if self.free.is_empty() && self.numbers.len() < slots_max {
            self.numbers.push(0);
            self.intended_ns.push(0);
            return Some(self.numbers.len() - 1);
        }
        self.free.pop()
    }
}

impl Worker<'_> {
    /// Opens what the schedule has made due by now.
    pub(super) fn churn(&mut self, now: u64) {
        let Some(churn) = &mut self.churn_load else {
            return;
        };
        churn.free.append(&mut churn.freed);
        for _ in 0..CONNECTS_PER_TURN {
            let due_ns = churn.times.next_ns();
            if due_ns > now || due_ns >= self.window.close_ns {
                break;
            }
            churn.times.advance();
            self.tally.scheduled.offered += u64::from(self.window.contains(due_ns));
            churn.waiting.push_back(due_ns);
        }
        self.open_waiting();
    }

    fn open_waiting(&mut self) {
        let slots_max = self.shared.sent_at_ns.len();

        for _ in 0..CONNECTS_PER_TURN {
            let Some(churn) = &mut self.churn_load else {
                return;
            };
            let Some(due_ns) = churn.waiting.pop_front() else {
                return;
            };
            let Some(index) = churn.slot(slots_max) else {
                return churn.waiting.push_front(due_ns);
            };
            churn.intended_ns[index] = due_ns;
            churn.numbers[index] =
                self.plan.first_connection + self.thread + churn.begun * self.plan.threads;
            churn.begun = churn.begun.wrapping_add(1);
            self.open_churned(index, due_ns);
        }
    }

    fn open_churned(&mut self, index: usize, due_ns: u64) {
        let began_ns = now_ns();
        let number = self.number(index);
        let source = self.plan.sources.map(|sources| sources.of(number));
        if self.connections.len() <= index {
            self.connections.resize_with(index + 1, || None);
        }
        if self.window.contains(due_ns) {
            self.tally
                .scheduled
                .lag
                .saturating_record(began_ns - due_ns);
        }
        let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        let data = EventData::new_u64(index as u64);
        let opened = socket::begin_connect(self.plan.target, source).and_then(|fd| {
            epoll::add(&self.epoll, &fd, data, interest).map_err(|errno| ("epoll_ctl", errno))?;
            Ok(fd)
        });
        match opened {
            Ok(fd) => {
                self.shared.sent_at_ns[index] = began_ns;
                self.connections[index] = Some(Connection::new(fd));
            }
            Err((call, errno)) => self.give_up_churned(index, format!("{call}: {errno}")),
        }
    }

    pub(super) fn establish_churned(&mut self, index: usize) {
        let now = now_ns();
        let Some(connection) = &mut self.connections[index] else {
            return;
        };
        if let Err(errno) = sockopt::socket_error(&connection.fd).unwrap_or_else(Err) {
            self.connections[index] = None;
            return self.give_up_churned(index, format!("connect: {errno}"));
        }
        connection.stage = Stage::Open;
        let connect_ns = now - self.shared.sent_at_ns[index];
        self.totals.connections += 1;
        if self.window.contains(now) {
            let times = &mut self.tally.scheduled.connect_time;
            times.saturating_record(connect_ns);
        }
        self.send(index, 1, now);
    }

    /// Its reply has come.
    pub(super) fn close_churned(&mut self, index: usize, now: u64) {
        let (Some(churn), Some(connection)) = (&self.churn_load, &mut self.connections[index])
        else {
            return;
        };
        if self.window.contains(churn.intended_ns[index]) {
            let response_ns = now - churn.intended_ns[index];
            let deadline_ns = self.plan.reply_deadline_us * 1000;
            self.tally
                .scheduled
                .record_response(response_ns, deadline_ns);
        }
        connection.stage = Stage::Closing;
        // It fails when the server was first, and then its end follows all the same.
        let _ = shutdown(&connection.fd, Shutdown::Write);
    }

    /// The connection of this slot is gone.
    pub(super) fn free_churned(&mut self, index: usize) {
        if let Some(churn) = &mut self.churn_load {
            churn.freed.push(index);
        }
    }

    fn give_up_churned(&mut self, index: usize, kind: String) {
        self.tally.replies_missing += 1;
        count_error(&mut self.tally.errors, kind);
        self.free_churned(index);
    }

    /// Ends what is left at the deadline.
    pub(super) fn abandon_churned(&mut self, churn: &ChurnLoad, now: u64) {
        for &due_ns in &churn.waiting {
            self.tally.replies_missing += self.record_unanswered(due_ns, now);
        }
        for (index, connection) in mem::take(&mut self.connections).into_iter().enumerate() {
            let Some(connection) = connection else {
                continue;
            };
            socket::reset_on_close(&connection.fd);
            if connection.stage != Stage::Closing {
                let sent = u64::from(connection.outstanding(self.shared.messages));
                self.outstanding -= sent;
                self.tally.replies_missing += self.record_unanswered(churn.intended_ns[index], now);
            }
        }
    }
}
