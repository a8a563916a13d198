//! An open load: requests are due when the schedule says so, however the server is doing.
//!
//! Connections take turns. One that still waits for a reply when its turn comes gets the
//! request as soon as it can, and the waiting counts: times run from the intended moment.
//! Source: G. Tene, "How NOT to Measure Latency" (coordinated omission); B. Schroeder, A.
//! Wierman, M. Harchol-Balter, "Open Versus Closed: A Cautionary Tale", NSDI 2006.

use super::{arrivals::ArrivalTimes, state::Worker};
use crate::{
    clock::now_ns,
    connection::Connection,
    tally::{record_age, record_lag, record_response},
};

/// Requests that are sent before events are looked at.
const SENDS_PER_TURN: u32 = 64;

impl Worker<'_> {
    /// Sends what the schedule has made due by now.
    pub(super) fn send_scheduled(&mut self, now: u64) {
        for _ in 0..SENDS_PER_TURN {
            let Some(open) = &mut self.open_load else {
                return;
            };
            let due_ns = open.times.next_ns();
            if due_ns > now || due_ns >= self.window.close_ns || self.connections.is_empty() {
                return;
            }
            open.times.advance();
            let index = open.turn;
            open.turn = (index + 1) % self.connections.len();
            let in_window = self.window.contains(due_ns);
            self.tally.counts.offered += u64::from(in_window);
            match &self.connections[index] {
                // Lost before: nobody will answer.
                None => self.tally.counts.replies_missing += u64::from(in_window),
                Some(busy) if busy.outstanding(self.shared.messages) > 0 => {
                    open.waiting.push(index, due_ns);
                    self.tally.counts.requests_waited += u64::from(in_window);
                }
                Some(_) => {
                    open.intended_ns[index] = due_ns;
                    let sent_ns = now_ns();
                    if in_window {
                        record_lag(&mut self.tally, sent_ns - due_ns);
                    }
                    self.send(index, 1, sent_ns);
                }
            }
        }
    }

    /// A reply has come: its response time counts, and who waited for the connection goes next.
    pub(super) fn go_on_scheduled(&mut self, index: usize, now: u64) {
        let Some(open) = &mut self.open_load else {
            return;
        };
        let intended_ns = open.intended_ns[index];
        if self.window.contains(intended_ns) {
            let deadline_ns = self.plan.reply_deadline_us * 1000;
            record_response(&mut self.tally, now - intended_ns, deadline_ns);
        }
        if let Some(next_ns) = open.waiting.pop(index) {
            open.intended_ns[index] = next_ns;
            self.send(index, 1, now);
        }
    }

    /// What has no reply at the deadline is in the figures with its age.
    pub(super) fn count_unanswered(&mut self, now: u64) {
        if let Some(mut open) = self.open_load.take() {
            for index in 0..self.connections.len() {
                let is_busy = |c: &Connection| c.outstanding(self.shared.messages) > 0;
                // Those that were sent are counted as missing in `report_window`.
                if self.connections[index].as_ref().is_some_and(is_busy) {
                    self.record_unanswered(open.intended_ns[index], now);
                }
                while let Some(due_ns) = open.waiting.pop(index) {
                    self.tally.counts.replies_missing += self.record_unanswered(due_ns, now);
                }
            }
            self.count_unscheduled(&mut open.times, now);
        }
        if let Some(mut churn) = self.churn_load.take() {
            self.abandon_churned(&churn, now);
            self.count_unscheduled(&mut churn.times, now);
        }
    }

    /// A generator that couldn't follow its schedule hasn't even looked at its end.
    fn count_unscheduled(&mut self, times: &mut ArrivalTimes, now: u64) {
        while times.next_ns() < self.window.close_ns {
            let missing = self.record_unanswered(times.next_ns(), now);
            self.tally.counts.offered += missing;
            self.tally.counts.replies_missing += missing;
            times.advance();
        }
    }

    /// Returns 1 if the request belongs to the window.
    pub(super) fn record_unanswered(&mut self, due_ns: u64, now: u64) -> u64 {
        if !self.window.contains(due_ns) {
            return 0;
        }
        record_age(&mut self.tally, now - due_ns);
        1
    }
}
