//! An idle load: one message on every connection in each interval.

use super::{loads::Source, state::Worker};
use crate::clock::now_ns;

/// Messages of an idle load that are sent before events are looked at.
const SENDS_PER_TURN: u32 = 64;

impl Worker<'_> {
    pub(super) fn send_trickle(&mut self, now: u64) {
        for _ in 0..SENDS_PER_TURN {
            let Source::Trickle(times) = &mut self.source else {
                return;
            };
            if times.next_ns() > now {
                return;
            }
            let index = times.next_index();
            times.advance();
            match self.connections.get(index) {
                Some(Some(busy)) if busy.outstanding(self.shared.requests) > 0 => {
                    self.tally.counts.sends_skipped += 1;
                }
                Some(Some(_)) => self.send(index, 1, now_ns()),
                _ => {}
            }
        }
    }
}
