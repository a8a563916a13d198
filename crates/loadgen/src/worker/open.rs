//! An open load: requests are due when the schedule says so, however the server is doing.
//!
//! Connections take turns. One that still waits for a reply when its turn comes gets the
//! request as soon as it can, and the waiting counts: times run from the intended moment.
//! Source: G. Tene, "How NOT to Measure Latency" (coordinated omission); B. Schroeder, A.
//! Wierman, M. Harchol-Balter, "Open Versus Closed: A Cautionary Tale", NSDI 2006.

use super::{Worker, arrivals::ArrivalTimes, waiting::Waiting};
use crate::{clock::now_ns, connection::Connection};

/// Requests that are sent before events are looked at.
const SENDS_PER_TURN: u32 = 64;

/// An open load on its way.
#[derive(Debug)]
pub(super) struct OpenLoad {
    pub(super) times: ArrivalTimes,
    /// The connection whose turn it is.
    turn: usize,
    /// When the request that is on its way was due, for each connection.
    pub(super) intended_ns: Vec<u64>,
    pub(super) waiting: Waiting,
}

impl OpenLoad {
    pub(super) fn new(times: ArrivalTimes, connections: usize) -> Self {
        Self {
            times,
            turn: 0,
            intended_ns: vec![0; connections],
            waiting: Waiting::new(connections),
        }
    }
}

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
            self.tally.scheduled.offered += u64::from(in_window);
            match &self.connections[index] {
                // Lost before: nobody will answer.
                None => self.tally.replies_missing += u64::from(in_window),
                Some(busy) if busy.outstanding(self.shared.messages) > 0 => {
                    open.waiting.push(index, due_ns);
                    self.tally.scheduled.waited += u64::from(in_window);
                }
                Some(_) => {
                    open.intended_ns[index] = due_ns;
                    let sent_ns = now_ns();
                    if in_window {
                        self.tally.scheduled.lag.saturating_record(sent_ns - due_ns);
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
            self.tally
                .scheduled
                .record_response(now - intended_ns, self.plan.reply_deadline_us * 1000);
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
                    self.tally.replies_missing += self.record_unanswered(due_ns, now);
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
            self.tally.scheduled.offered += missing;
            self.tally.replies_missing += missing;
            times.advance();
        }
    }

    /// Returns 1 if the request belongs to the window.
    pub(super) fn record_unanswered(&mut self, due_ns: u64, now: u64) -> u64 {
        if !self.window.contains(due_ns) {
            return 0;
        }
        let response_time = &mut self.tally.scheduled.response_time;
        response_time.saturating_record(now - due_ns);
        1
    }
}
