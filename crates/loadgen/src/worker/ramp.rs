//! Opening connections at a pace that the server can follow.
//!
//! On loopback a connection is established as soon as `connect` returns, long before the server
//! has accepted it; a generator that just goes on overflows the accept queue, and each
//! connection that is dropped there costs a second of retransmission. So every
//! [`CONNECTIONS_PER_PROBE`]th connection (and the last one) sends a request, and only a few of
//! these may be unanswered: their answers show that the server has come that far.

use crate::tally::{Latencies, latencies};
use protocol::tally::Errors;

/// One in this many connections asks the server whether it is still there.
const CONNECTIONS_PER_PROBE: u32 = 64;

/// Unanswered probes at a time: 512 connections, an eighth of the usual accept queue.
const PROBES_MAX: u32 = 8;

/// Connects begun and not established at a time.
const CONNECTING_MAX: u32 = 256;

/// Connects begun before events are looked at.
const CONNECTS_PER_TURN: u32 = 64;

/// A ramp on its way.
#[derive(Debug)]
pub(super) struct Ramp {
    /// Connections that this thread shall have begun by the end.
    target: u32,
    /// Nothing more begins.
    pub(super) has_given_up: bool,
    pub(super) connecting: u32,
    pub(super) probing: u32,
    pub(super) last_progress_ns: u64,
    /// When the next one was tried first, if the accept queue of a Unix socket had no room for it.
    pub(super) waits_since_ns: Option<u64>,
    pub(super) connect_time: Latencies,
    pub(super) errors: Errors,
}

impl Ramp {
    pub(super) fn new(target: u32, now_ns: u64) -> Self {
        Self {
            target,
            has_given_up: false,
            connecting: 0,
            probing: 0,
            last_progress_ns: now_ns,
            waits_since_ns: None,
            connect_time: latencies(),
            errors: Errors::default(),
        }
    }

    /// How many connects may begin now when `begun` have.
    pub(super) fn room(&self, begun: u32) -> u32 {
        if self.probing >= PROBES_MAX {
            return 0;
        }
        self.target
            .saturating_sub(begun)
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
        self.errors.count(kind);
        self.target = begun;
        self.has_given_up = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_begins_once_it_is_given_up_and_what_has_begun_is_waited_for() {
        let mut ramp = Ramp::new(100, 0);
        assert_eq!(ramp.room(10), CONNECTS_PER_TURN);
        ramp.connecting = 1;
        ramp.give_up(10, "socket: EMFILE".to_owned());
        assert!(ramp.has_given_up && !ramp.is_over(10));
        // Also when more had begun than it was told.
        assert_eq!((ramp.room(10), ramp.room(11)), (0, 0));
        ramp.connecting = 0;
        assert!(ramp.is_over(10));
    }
}
