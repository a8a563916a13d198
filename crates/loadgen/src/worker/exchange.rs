//! The way of a request: its reply is held against what was sent and counted, and lets the next
//! one go.
//!
//! All of it is inlined into the loop: see [`crate::connection`].

use super::{
    loads::Source,
    state::{Phase, Worker},
};
use crate::{
    clock::now_ns,
    connection::{Broken, Moved, Stage},
    socket::{Arrived, explain},
    tally::{record_read, record_service},
};
use wires::error::ReplyError;

impl Worker<'_> {
    /// Something has come on this connection. `false`: it is lost.
    #[inline(always)]
    pub(super) fn take_replies(
        &mut self,
        index: usize,
        received: &[u8],
        arrived: Option<Arrived>,
    ) -> bool {
        // The one reading of the clock per reply: the reply's arrival, and the next request's
        // departure a moment later.
        let now = now_ns();
        self.now_ns = now;
        if now >= self.course.end_ns {
            self.roll_course(now);
        }
        let in_window = self.window.contains(now);
        let intended_ns = self.intended_ns(index);
        let counts = intended_ns.map_or(in_window, |due_ns| self.window.contains(due_ns));
        let number = self.number(index);
        let Some(connection) = &mut self.connections[index] else {
            return false;
        };
        let (tally, course, reading) = (&mut self.tally, &mut self.course, &self.reading);
        let mut read_lag_ns = None;
        let owed = connection.outstanding(self.shared.requests);
        let verified = connection.verify(
            index,
            number,
            (received, now),
            &mut self.shared,
            |sent_at_ns| {
                if counts {
                    record_service(tally, now - sent_at_ns);
                }
                if let Some(arrived) = arrived {
                    let parts = reading.split(sent_at_ns, arrived, now);
                    read_lag_ns = Some(parts.0);
                    if counts {
                        record_read(tally, parts);
                    }
                }
                course.count(now - intended_ns.unwrap_or(sent_at_ns));
            },
        );
        let Moved { bytes, whole } = match verified {
            Ok(moved) => moved,
            Err(error) => {
                // Some may have been right before the one that wasn't.
                let answered = owed - connection.outstanding(self.shared.requests);
                self.outstanding -= u64::from(answered);
                self.lose(index, Broken::Reply(error));
                return false;
            }
        };
        if in_window {
            connection.served += whole;
            tally.counts.requests += u64::from(whole * self.shared.requests.batch());
        }
        self.totals.bytes_in += bytes;
        self.totals.responses += u64::from(whole);
        self.outstanding -= u64::from(whole);
        self.answer_pings(index);
        if whole > 0 {
            self.go_on(index, whole, now, read_lag_ns);
        }
        true
    }

    /// What the arrival of `whole` replies allows.
    #[inline(always)]
    fn go_on(&mut self, index: usize, whole: u32, now: u64, read_lag_ns: Option<u64>) {
        match &mut self.phase {
            Phase::Loading | Phase::Draining { .. } => match &self.source {
                Source::Replies if now < self.window.close_ns => self.send(index, whole, now),
                Source::Replies | Source::Trickle(_) => {}
                Source::Open(_) => self.go_on_scheduled(index, now, read_lag_ns),
                Source::Churn(_) => self.close_churned(index, now, read_lag_ns),
            },
            Phase::Ramping(ramp) => {
                if let Some(connection) = &mut self.connections[index]
                    && connection.stage == Stage::Probing
                {
                    connection.stage = Stage::Open;
                    self.open += 1;
                    ramp.probing = ramp.probing.saturating_sub(1);
                    ramp.last_progress_ns = now;
                }
            }
            _ => {}
        }
    }

    /// When the request that is on its way was due, if there is a schedule.
    #[inline(always)]
    fn intended_ns(&self, index: usize) -> Option<u64> {
        match &self.source {
            Source::Replies | Source::Trickle(_) => None,
            Source::Open(open) => Some(open.due[index].intended_ns),
            Source::Churn(churn) => Some(churn.due[index].intended_ns),
        }
    }

    /// Sends `batches` more, or what is left of those before.
    #[inline(always)]
    pub(super) fn send(&mut self, index: usize, batches: u32, now: u64) {
        let number = self.number(index);
        let Some(connection) = &mut self.connections[index] else {
            return;
        };
        connection.allow(index, batches, now, &mut self.shared);
        self.outstanding += u64::from(batches);
        match connection.send(number, &mut self.shared) {
            Ok(Moved { bytes, whole }) => {
                self.totals.bytes_out += bytes;
                self.totals.requests += u64::from(whole);
                if batches > 0 && connection.is_blocked() && self.window.contains(now) {
                    self.tally.counts.sends_blocked += 1;
                }
            }
            Err(broken) => self.lose(index, broken),
        }
    }

    /// A connection that has had its reply is over; that more came than its reply and a goodbye is a fault.
    fn count_surplus(&mut self, broken: Broken) {
        if let Broken::Reply(error) = broken
            && !matches!(error, ReplyError::Closed(_))
        {
            self.tally.counts.replies_wrong += 1;
            self.tally.errors.count(error.to_string());
        }
    }

    pub(super) fn lose(&mut self, index: usize, broken: Broken) {
        let Some(connection) = self.connections[index].take() else {
            return;
        };
        self.free_churned(index);
        self.shared.replies.forget(index);
        if connection.stage == Stage::Closing {
            return self.count_surplus(broken);
        }
        let missing = connection.outstanding(self.shared.requests);
        self.outstanding -= u64::from(missing);
        let kind = match broken {
            Broken::ClosedByServer if connection.is_within_reply() => {
                "closed by the server within a reply".to_owned()
            }
            Broken::ClosedByServer => "closed by the server".to_owned(),
            Broken::Reply(error) => error.to_string(),
            Broken::Failed(errno) => explain("connection", errno),
        };
        match (&mut self.phase, connection.stage) {
            (Phase::Ramping(ramp), Stage::Greeting) => {
                ramp.connecting = ramp.connecting.saturating_sub(1);
                ramp.errors.count(kind);
            }
            (Phase::Ramping(ramp), Stage::Probing) => {
                ramp.probing = ramp.probing.saturating_sub(1);
                ramp.errors.count(kind);
            }
            (_, stage) => {
                // A churn load's connections come and go.
                let was_open = stage == Stage::Open && !self.source.churns();
                self.open -= u32::from(was_open);
                self.tally.counts.connections_lost += 1;
                self.tally.counts.replies_wrong += u64::from(matches!(broken, Broken::Reply(_)));
                // Of one that was to have a request, and has not even greeted.
                let unsent = stage == Stage::Greeting && self.source.churns();
                self.tally.counts.replies_missing += u64::from(missing) + u64::from(unsent);
                self.tally.errors.count(kind);
            }
        }
    }
}
