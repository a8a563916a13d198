//! Where a thread has come to with what makes its requests due.

use super::waiting::Waiting;
use crate::tally::Response;
use arrivals::ArrivalTimes;
use std::collections::VecDeque;

/// What makes requests due while a load goes on.
#[derive(Debug, Default)]
pub(super) enum Source {
    /// The reply to the one before, in closed load; or there is no load.
    #[default]
    Replies,
    /// An idle load.
    Trickle(Box<ArrivalTimes>),
    /// An open load, from its start to the end of its window.
    Open(Box<OpenLoad>),
    /// Likewise a churn load.
    Churn(Box<ChurnLoad>),
}

impl Source {
    /// When the next request is due by the clock.
    pub(super) fn next_ns(&self) -> Option<u64> {
        match self {
            Self::Replies => None,
            Self::Trickle(times) => Some(times.next_ns()),
            Self::Open(open) => Some(open.times.next_ns()),
            Self::Churn(churn) => Some(churn.times.next_ns()),
        }
    }

    /// The schedule that requests were promised to.
    pub(super) fn schedule(&mut self) -> Option<&mut ArrivalTimes> {
        match self {
            Self::Replies | Self::Trickle(_) => None,
            Self::Open(open) => Some(&mut open.times),
            Self::Churn(churn) => Some(&mut churn.times),
        }
    }

    /// Whether nothing waits until it can be sent, nor a churned connection for its end.
    pub(super) fn is_idle(&self) -> bool {
        match self {
            Self::Replies | Self::Trickle(_) => true,
            Self::Open(open) => open.waiting.is_empty(),
            Self::Churn(churn) => churn.is_idle(),
        }
    }

    /// Whether a churned connection that waits can be begun at once.
    pub(super) fn has_room(&self) -> bool {
        matches!(self, Self::Churn(churn) if churn.has_room())
    }

    /// Whether connections come and go.
    #[inline]
    pub(super) fn churns(&self) -> bool {
        matches!(self, Self::Churn(_))
    }
}

/// A request that is on its way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Due {
    pub(super) intended_ns: u64,
    /// By so much its reply will come later because the generator sent late, it or those that it
    /// waited for.
    pub(super) sent_late_ns: u64,
    /// Because it sent or read late, as far as that is known.
    pub(super) late_ns: u64,
}

impl Due {
    /// Sent when its connection was free.
    pub(super) fn sent(intended_ns: u64, sent_ns: u64) -> Self {
        let late_ns = sent_ns - intended_ns;
        Self {
            intended_ns,
            sent_late_ns: late_ns,
            late_ns,
        }
    }

    /// Sent now, after it waited for the server to be done with another: that is the server's time.
    pub(super) fn held(intended_ns: u64) -> Self {
        Self {
            intended_ns,
            ..Self::default()
        }
    }

    /// The one that waited for this reply and is sent now: it would have gone so much earlier, but not
    /// before it was due.
    pub(super) fn next(self, intended_ns: u64, now: u64, read_lag_ns: u64) -> Self {
        let waited_ns = now - intended_ns;
        Self {
            intended_ns,
            sent_late_ns: self.sent_late_ns.min(waited_ns),
            late_ns: (self.late_ns + read_lag_ns).min(waited_ns),
        }
    }

    /// Its reply has been read now; of a sampled connection it is known how late.
    pub(super) fn answered(self, now: u64, read_lag_ns: Option<u64>) -> Response {
        Response {
            time_ns: now - self.intended_ns,
            sent_late_ns: self.sent_late_ns,
            late_ns: read_lag_ns.map(|lag_ns| self.late_ns + lag_ns),
        }
    }
}

/// An open load on its way.
#[derive(Debug)]
pub(super) struct OpenLoad {
    pub(super) times: ArrivalTimes,
    /// For each connection.
    pub(super) due: Vec<Due>,
    pub(super) waiting: Waiting,
}

impl OpenLoad {
    pub(super) fn new(times: ArrivalTimes, connections: usize) -> Self {
        Self {
            times,
            due: vec![Due::default(); connections],
            waiting: Waiting::new(connections),
        }
    }
}

/// A churn load on its way.
#[derive(Debug)]
pub(super) struct ChurnLoad {
    pub(super) times: ArrivalTimes,
    /// For each slot: the connection's number, and its request.
    pub(super) numbers: Vec<u32>,
    pub(super) due: Vec<Due>,
    /// Slots without a connection.
    pub(super) free: Vec<usize>,
    /// Slots that were freed just now. An event for what was there before may still follow.
    pub(super) freed: Vec<usize>,
    /// Due, and not begun yet.
    pub(super) waiting: VecDeque<u64>,
    /// So many of these, the first, have met with all slots taken: they wait for the server.
    pub(super) held: usize,
    pub(super) begun: u32,
}

impl ChurnLoad {
    pub(super) fn new(times: ArrivalTimes) -> Self {
        Self {
            times,
            numbers: Vec::new(),
            due: Vec::new(),
            free: Vec::new(),
            freed: Vec::new(),
            waiting: VecDeque::new(),
            held: 0,
            begun: 0,
        }
    }

    /// Whether nothing is on its way.
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.free.len() + self.freed.len() == self.numbers.len()
    }

    /// Whether one that waits can be begun at once.
    pub(super) fn has_room(&self) -> bool {
        let free = self.free.len() + self.freed.len();
        free > 0 && !self.waiting.is_empty()
    }

    /// A slot for one more connection, if there may be one more.
    pub(super) fn slot(&mut self, slots_max: usize) -> Option<usize> {
        if self.free.is_empty() && self.numbers.len() < slots_max {
            self.numbers.push(0);
            self.due.push(Due::default());
            return Some(self.numbers.len() - 1);
        }
        self.free.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Due at 100, 120 and 200, sent 30 late; each takes 40. On time the second would have waited until
    /// 140 and come back at 180, the third at 240.
    #[test]
    fn lateness_is_handed_on_to_those_that_wait() {
        let first = Due::sent(100, 130);
        let answered = first.answered(180, Some(10));
        let known = |of: Response| (of.time_ns, of.sent_late_ns, of.late_ns);
        assert_eq!(known(answered), (80, 30, Some(40)));
        let second = first.next(120, 180, 10);
        assert_eq!(known(second.answered(220, Some(0))), (100, 30, Some(40)));
        let third = second.next(200, 220, 0);
        assert_eq!(known(third.answered(260, Some(0))), (60, 20, Some(20)));
        assert_eq!(third.answered(260, None).late_ns, None);
    }
}
