//! A churn load: connections that are opened when the schedule says so, ask once and close.
//!
//! The client closes its sending side when it has its reply, and the connection is over when
//! the server has closed too. There are only so many at a time; when all are busy, one that is
//! due waits, and the waiting counts.

use super::{
    loads::{ChurnLoad, Due, Source},
    open::WAITING_MAX,
    state::Worker,
};
use crate::{
    clock::now_ns,
    connection::{Connection, Stage},
    socket::{self, explain},
    tally::{record_lag, record_response},
};
use rustix::{
    event::epoll::{self, EventData, EventFlags},
    net::{Shutdown, shutdown, sockopt},
};
use std::mem;

/// Connects that are begun before events are looked at.
const CONNECTS_PER_TURN: u32 = 16;

impl Worker<'_> {
    /// Opens what the schedule has made due by now.
    pub(super) fn churn(&mut self, now: u64) {
        let Source::Churn(churn) = &mut self.source else {
            return;
        };
        for _ in 0..CONNECTS_PER_TURN {
            let due_ns = churn.times.next_ns();
            if due_ns > now || due_ns >= self.window.close_ns {
                break;
            }
            if churn.waiting.len() >= WAITING_MAX {
                self.leave_out_what_is_due(now);
                break;
            }
            churn.times.advance();
            self.tally.counts.offered += u64::from(self.window.contains(due_ns));
            churn.waiting.push_back(due_ns);
        }
        self.open_waiting();
    }

    /// Begins what is due, as far as there are slots.
    pub(super) fn open_waiting(&mut self) {
        let slots_max = self.shared.sent_at_ns.len();
        if let Source::Churn(churn) = &mut self.source {
            churn.free.append(&mut churn.freed);
        }
        for _ in 0..CONNECTS_PER_TURN {
            let Source::Churn(churn) = &mut self.source else {
                return;
            };
            let Some(&due_ns) = churn.waiting.front() else {
                return;
            };
            let Some(index) = churn.slot(slots_max) else {
                return self.hold_waiting();
            };
            churn.waiting.pop_front();
            let is_held = churn.held > 0;
            churn.held = churn.held.saturating_sub(1);
            let of_thread = churn.begun;
            churn.begun = of_thread.wrapping_add(1);
            churn.numbers[index] = self.turns.number(of_thread);
            self.open_churned(index, due_ns, is_held);
        }
    }

    /// All slots are taken: what waits now waits for the server, which is no lag of ours.
    fn hold_waiting(&mut self) {
        let Source::Churn(churn) = &mut self.source else {
            return;
        };
        let of_window = churn.waiting.range(churn.held..);
        let of_window = of_window.filter(|&&due_ns| self.window.contains(due_ns));
        self.tally.counts.requests_waited += of_window.count() as u64;
        churn.held = churn.waiting.len();
    }

    fn open_churned(&mut self, index: usize, due_ns: u64, is_held: bool) {
        let began_ns = now_ns();
        let number = self.number(index);
        let source = self
            .plan
            .sources
            .as_ref()
            .and_then(|sources| sources.of(number));
        if self.connections.len() <= index {
            self.connections.resize_with(index + 1, || None);
        }
        if let Source::Churn(churn) = &mut self.source {
            churn.due[index] = match is_held {
                true => Due::held(due_ns),
                false => Due::sent(due_ns, began_ns),
            };
        }
        if self.window.contains(due_ns) && !is_held {
            record_lag(&mut self.tally, began_ns - due_ns);
        }
        let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        let data = EventData::new_u64(index as u64);
        let opened = socket::begin_connect(&self.plan.target, source).and_then(|fd| {
            epoll::add(&self.epoll, &fd, data, interest).map_err(|errno| ("epoll_ctl", errno))?;
            Ok(fd)
        });
        match opened {
            Ok(fd) => {
                self.shared.sent_at_ns[index] = began_ns;
                let mut connection = Connection::new(fd);
                connection.is_stamped =
                    self.reading.samples() && socket::stamp_arrivals(&connection.fd, true).is_ok();
                self.connections[index] = Some(connection);
            }
            Err((call, errno)) => self.give_up_churned(index, explain(call, errno)),
        }
    }

    pub(super) fn establish_churned(&mut self, index: usize) {
        let now = now_ns();
        let Some(connection) = &mut self.connections[index] else {
            return;
        };
        if let Err(errno) = sockopt::socket_error(&connection.fd).unwrap_or_else(Err) {
            self.connections[index] = None;
            return self.give_up_churned(index, explain("connect", errno));
        }
        if !self.greet(index) {
            self.enter_churned(index, now);
        }
    }

    /// The connection is of use from now on.
    pub(super) fn enter_churned(&mut self, index: usize, now: u64) {
        let Some(connection) = &mut self.connections[index] else {
            return;
        };
        connection.stage = Stage::Open;
        let connect_ns = now - self.shared.sent_at_ns[index];
        self.totals.connections += 1;
        if self.window.contains(now)
            && let Some(times) = &mut self.tally.scheduled
            && let Some(times) = &mut times.connect_time
        {
            times.saturating_record(connect_ns);
        }
        self.send(index, 1, now);
    }

    /// Its reply has come.
    pub(super) fn close_churned(&mut self, index: usize, now: u64, read_lag_ns: Option<u64>) {
        let (Source::Churn(churn), Some(connection)) = (&self.source, &mut self.connections[index])
        else {
            return;
        };
        let due = churn.due[index];
        if self.window.contains(due.intended_ns) {
            let response = due.answered(now, read_lag_ns);
            let deadline_ns = self.plan.reply_deadline_us * 1000;
            record_response(&mut self.tally, response, deadline_ns);
        }
        connection.stage = Stage::Closing;
        let farewell = self.shared.requests.farewell();
        if !farewell.is_empty() && matches!(connection.say(farewell), Ok(true)) {
            self.totals.bytes_out += farewell.len() as u64;
        }
        // It fails when the server was first, and then its end follows all the same.
        let _ = shutdown(&connection.fd, Shutdown::Write);
    }

    /// The connection of this slot is gone.
    pub(super) fn free_churned(&mut self, index: usize) {
        if let Source::Churn(churn) = &mut self.source {
            churn.freed.push(index);
        }
    }

    fn give_up_churned(&mut self, index: usize, kind: String) {
        self.tally.counts.replies_missing += 1;
        self.tally.errors.count(kind);
        self.free_churned(index);
    }

    /// Connections whose request is due or sent, and has no reply yet.
    pub(super) fn churned_outstanding(&self) -> u64 {
        let open = self.connections.iter().flatten();
        open.filter(|c| c.stage != Stage::Closing).count() as u64
    }

    /// Ends what is left at the deadline.
    pub(super) fn abandon_churned(&mut self, churn: &ChurnLoad, now: u64) {
        for &due_ns in &churn.waiting {
            self.tally.counts.replies_missing += self.record_unanswered(due_ns, now);
        }
        self.shared.replies.clear();
        for (index, connection) in mem::take(&mut self.connections).into_iter().enumerate() {
            let Some(connection) = connection else {
                continue;
            };
            socket::reset_on_close(&connection.fd);
            if connection.stage != Stage::Closing {
                let sent = u64::from(connection.outstanding(self.shared.requests));
                self.outstanding -= sent;
                self.tally.counts.replies_missing +=
                    self.record_unanswered(churn.due[index].intended_ns, now);
            }
        }
    }
}
