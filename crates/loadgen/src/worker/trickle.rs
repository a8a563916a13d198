//! An idle load: one message on every connection in each interval.

use super::state::Worker;
use crate::clock::now_ns;
use protocol::generator::Load;

/// Messages of an idle load that are sent before events are looked at.
const SENDS_PER_TURN: u32 = 64;

impl Worker<'_> {
    pub(super) fn next_trickle_ns(&self) -> Option<u64> {
        matches!(self.plan.load, Load::Idle { .. }).then_some(self.trickle.due_ns)
    }

    pub(super) fn send_trickle(&mut self, now: u64) {
        for _ in 0..SENDS_PER_TURN {
            if self.connections.is_empty() || self.next_trickle_ns().is_none_or(|due| due > now) {
                return;
            }
            let index = (self.trickle.sent % self.connections.len() as u64) as usize;
            self.trickle.sent += 1;
            self.trickle.due_ns = self.trickle_due_ns();
            match &self.connections[index] {
                None => {}
                Some(busy) if busy.outstanding(self.shared.messages) > 0 => {
                    self.tally.counts.sends_skipped += 1;
                }
                Some(_) => self.send(index, 1, now_ns()),
            }
        }
    }

    fn trickle_due_ns(&self) -> u64 {
        let Load::Idle { interval_us } = self.plan.load else {
            return u64::MAX;
        };
        let per_interval = u128::from(self.connections_max.max(1));
        let after_start_ns = u128::from(self.trickle.sent) * u128::from(interval_us) * 1000;
        self.trickle.start_ns + (after_start_ns / per_interval) as u64
    }
}
