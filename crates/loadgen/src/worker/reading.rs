//! How long replies lie unread: the generator's share of what would be taken for the server's time.
//!
//! The kernel notes when a packet arrives for a sampled connection; what passes until the reply has
//! been read is read lag, and the rest of its service time is the server's and the wire's. Of a reply
//! in several packets, or of several replies that are read together, it is the last packet that
//! counts: with more than one request outstanding on a connection the lag is a lower bound.
//!
//! To be told costs. While a single socket asks, every packet of the machine is stamped: in paired
//! windows of the null server over 50 connections both sides took 1.013 (1.003 to 1.025) of their CPU
//! time per request, and 1.02 with the sample asking, at 0.98 of the rate. So the sample is of a window
//! of its own. It asks before the load begins: the kernel begins to stamp when it finds the time, which
//! under load was seen to be half a second and more.

use crate::{clock::realtime_ahead_ns, socket::Arrived};
use protocol::generator::Load;

/// One connection of each thread in this many is sampled.
const SAMPLED_EACH: u32 = 16;

/// But so many connections at least, or all.
const SAMPLED_MIN: u32 = 8;

/// With a schedule more, as long as no more replies than these have to be divided each second, on no
/// more connections than take a moment to ask.
const SAMPLED_PER_S: f64 = 10_000.0;
const SAMPLED_MAX: u32 = 4_096;

/// The clock that packets are stamped with was set if it moved against ours by more than it takes to
/// read them both.
const CLOCK_SET_NS: u64 = 10_000;

/// Which connections are sampled, and how their times are understood.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// One in so many; `None`: no connection.
    each: Option<u32>,
    realtime_ahead_ns: i64,
}

impl Reading {
    /// Of a load over so many connections, with a schedule at a rate over all of all threads.
    pub(super) fn of(load: Load, connections: u32, rate_per_s: Option<f64>) -> Self {
        let few = (connections / SAMPLED_MIN).clamp(1, SAMPLED_EACH);
        let each = match (load, rate_per_s) {
            // As soon as none asked, the kernel would stop.
            (Load::Churn(_), _) => 1,
            (Load::Open(_), Some(rate)) if connections <= SAMPLED_MAX => {
                few.min((rate / SAMPLED_PER_S).ceil().max(1.0) as u32)
            }
            _ => few,
        };
        Self {
            each: Some(each),
            realtime_ahead_ns: realtime_ahead_ns(),
        }
    }

    /// Whether there is a sample.
    pub(super) fn samples(&self) -> bool {
        self.each.is_some()
    }

    /// Whether the connection with this number, counted in each thread, is in it.
    pub(super) fn is_sample(&self, index: u32) -> bool {
        self.each.is_some_and(|each| index.is_multiple_of(each))
    }

    /// Whether the clock has been set since the load began.
    pub(super) fn clock_was_set(&self) -> bool {
        self.realtime_ahead_ns.abs_diff(realtime_ahead_ns()) > CLOCK_SET_NS
    }

    /// Read lag and server time of a request that was sent, answered and read at these moments.
    #[inline]
    pub(super) fn split(
        &self,
        sent_ns: u64,
        Arrived(arrived): Arrived,
        read_ns: u64,
    ) -> (u64, u64) {
        let arrived_ns = u64::try_from(arrived - self.realtime_ahead_ns).unwrap_or(0);
        // The clocks are read one after the other, and may seem to disagree by some nanoseconds.
        let arrived_ns = arrived_ns.clamp(sent_ns, read_ns);
        (read_ns - arrived_ns, arrived_ns - sent_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_time_is_split_where_its_reply_arrived() {
        let reading = |realtime_ahead_ns| Reading {
            realtime_ahead_ns,
            each: None,
        };
        let since_1970 = 1_764_000_000_000_000_000;
        for ahead in [0, since_1970, -500] {
            let arrived = Arrived(1_700 + ahead);
            assert_eq!(reading(ahead).split(1_000, arrived, 2_500), (800, 700));
        }
        let early = Arrived(990);
        assert_eq!(reading(0).split(1_000, early, 2_500), (1_500, 0));
        let late = Arrived(2_510);
        assert_eq!(reading(0).split(1_000, late, 2_500), (0, 1_500));
    }

    #[test]
    fn one_connection_in_sixteen_is_sampled_and_eight_at_least() {
        let sampled = |connections| {
            let reading = Reading::of(Load::Closed { outstanding: 1 }, connections, None);
            (0..connections).filter(|&i| reading.is_sample(i)).count()
        };
        assert_eq!([1, 5, 8, 12].map(sampled), [1, 5, 8, 12]);
        assert_eq!([16, 50, 128, 1_000].map(sampled), [8, 9, 8, 63]);
        assert!(!Reading::default().is_sample(0));
    }

    #[test]
    fn clocks_that_nobody_sets_agree() {
        assert!(!Reading::of(Load::Closed { outstanding: 1 }, 1, None).clock_was_set());
        assert!(Reading::default().clock_was_set(), "it hasn't looked");
    }

    #[test]
    fn a_clock_that_is_set_by_an_hour_is_noticed_both_ways() {
        const HOUR_NS: i64 = 3_600_000_000_000;
        for hour_ns in [HOUR_NS, -HOUR_NS] {
            let before = Reading {
                realtime_ahead_ns: realtime_ahead_ns() + hour_ns,
                each: None,
            };
            assert!(before.clock_was_set());
        }
    }
}
