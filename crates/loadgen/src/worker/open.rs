//! An open load: requests are due when the schedule says so, however the server is doing.
//!
//! Connections take turns. One that still waits for a reply when its turn comes gets the
//! request as soon as it can, and the waiting counts: times run from the intended moment.
//! Source: G. Tene, "How NOT to Measure Latency" (coordinated omission); B. Schroeder, A.
//! Wierman, M. Harchol-Balter, "Open Versus Closed: A Cautionary Tale", NSDI 2006.

use super::{
    course::Window,
    loads::{Due, OpenLoad, Source},
    state::Worker,
};
use crate::{
    clock::now_ns,
    connection::Connection,
    tally::{record_ages, record_lag, record_response},
};
use arrivals::ArrivalTimes;
use std::mem;

/// Requests that are sent before events are looked at.
const SENDS_PER_TURN: u32 = 64;

/// Requests of a thread that wait for their connections, or for one, at most: they take 16 MiB.
/// Those of five seconds at 200,000 a second; more will not be answered in time anyhow.
pub(super) const WAITING_MAX: usize = 1 << 20;

/// Ages of requests that are left out are those of so many groups, or of so long a time.
const LEFT_OUT_STEPS: u64 = 100;
const LEFT_OUT_NS: u64 = 1_000_000;

impl Worker<'_> {
    /// Sends what the schedule has made due by now.
    pub(super) fn send_scheduled(&mut self, now: u64) {
        for _ in 0..SENDS_PER_TURN {
            let Source::Open(open) = &mut self.source else {
                return;
            };
            let due_ns = open.times.next_ns();
            if due_ns > now || due_ns >= self.window.close_ns {
                return;
            }
            if open.waiting.len() >= WAITING_MAX {
                return self.leave_out_what_is_due(now);
            }
            let index = open.times.next_index();
            open.times.advance();
            let in_window = self.window.contains(due_ns);
            self.tally.counts.offered += u64::from(in_window);
            match self.connections.get(index).and_then(Option::as_ref) {
                // Lost before, or never established: nobody will answer.
                None => self.tally.counts.replies_missing += u64::from(in_window),
                Some(busy) if busy.outstanding(self.shared.requests) > 0 => {
                    open.waiting.push(index, due_ns);
                    self.tally.counts.requests_waited += u64::from(in_window);
                }
                Some(_) => {
                    let sent_ns = now_ns();
                    open.due[index] = Due::sent(due_ns, sent_ns);
                    if in_window {
                        record_lag(&mut self.tally, sent_ns - due_ns);
                    }
                    self.send(index, 1, sent_ns);
                }
            }
        }
    }

    /// A reply has come: its response time counts, and who waited for the connection goes next.
    pub(super) fn go_on_scheduled(&mut self, index: usize, now: u64, read_lag_ns: Option<u64>) {
        let Source::Open(open) = &mut self.source else {
            return;
        };
        let due = open.due[index];
        if self.window.contains(due.intended_ns) {
            let response = due.answered(now, read_lag_ns);
            let deadline_ns = self.plan.reply_deadline_us * 1000;
            record_response(&mut self.tally, response, deadline_ns);
        }
        if let Some(next_ns) = open.waiting.pop(index) {
            open.due[index] = due.next(next_ns, now, read_lag_ns.unwrap_or(0));
            self.send(index, 1, now);
        }
    }

    /// What has no reply at the deadline is in the figures with its age.
    pub(super) fn count_unanswered(&mut self, now: u64) {
        let mut source = mem::take(&mut self.source);
        match &mut source {
            Source::Replies | Source::Trickle(_) => {}
            Source::Open(open) => self.count_unanswered_of(open, now),
            Source::Churn(churn) => self.abandon_churned(churn, now),
        }
        if let Some(times) = source.schedule() {
            self.leave_out(times, self.window.close_ns);
        }
    }

    fn count_unanswered_of(&mut self, open: &mut OpenLoad, now: u64) {
        for index in 0..self.connections.len() {
            let is_busy = |c: &Connection| c.outstanding(self.shared.requests) > 0;
            // Those that were sent are counted as missing in `report_window`.
            if self.connections[index].as_ref().is_some_and(is_busy) {
                self.record_unanswered(open.due[index].intended_ns, now);
            }
            while let Some(due_ns) = open.waiting.pop(index) {
                self.tally.counts.replies_missing += self.record_unanswered(due_ns, now);
            }
        }
    }

    /// No more can wait: what is due by now is counted and not sent.
    pub(super) fn leave_out_what_is_due(&mut self, now: u64) {
        let mut source = mem::take(&mut self.source);
        if let Some(times) = source.schedule() {
            self.leave_out(times, now);
        }
        self.source = source;
    }

    /// Counts what is due before a moment and was never queued: however much it is, it takes few
    /// steps. Those of the window are in the figures with their age at the deadline.
    fn leave_out(&mut self, times: &mut ArrivalTimes, until_ns: u64) {
        let Window { open_ns, close_ns } = self.window;
        times.skip_before(until_ns.min(open_ns));
        let until_ns = until_ns.min(close_ns);
        let deadline_ns = close_ns.saturating_add(self.plan.reply_deadline_us * 1000);
        let step_ns = (until_ns.saturating_sub(times.next_ns()) / LEFT_OUT_STEPS).max(LEFT_OUT_NS);
        while times.next_ns() < until_ns {
            let from_ns = times.next_ns();
            let to_ns = (from_ns + step_ns).min(until_ns);
            let count = times.skip_before(to_ns);
            record_ages(&mut self.tally, deadline_ns - (from_ns + to_ns) / 2, count);
            self.tally.counts.offered += count;
            self.tally.counts.requests_unqueued += count;
            self.tally.counts.replies_missing += count;
        }
    }

    /// Returns 1 if the request belongs to the window.
    pub(super) fn record_unanswered(&mut self, due_ns: u64, now: u64) -> u64 {
        if !self.window.contains(due_ns) {
            return 0;
        }
        record_ages(&mut self.tally, now - due_ns, 1);
        1
    }
}
