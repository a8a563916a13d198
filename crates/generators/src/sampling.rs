//! For how long read lag is sampled after a window.

use protocol::tally::Counts;
use std::time::Duration;

/// Read lag is sampled for so long. A request that is on its way when the window closes isn't in it,
/// so the window has several rounds of them.
const SAMPLING_MIN_S: f64 = 0.3;
const SAMPLING_MAX_S: f64 = 2.0;
const SAMPLING_ROUNDS: f64 = 4.0;

/// Longer where these take longer, up to service times of three quarters of a second. (A hundred
/// connections to one loop that blocks for 5 ms have half a second, and the sample tells that the loop is
/// the limit.)
const ROUNDS_MAX_S: f64 = 3.0;

const SAMPLING_REQUESTS: f64 = 2_000.0;
const SAMPLING_WARM_UP_S: f64 = 0.1;

/// In open load the sample has to tell of p99.9, from so many requests; no more are sampled in a second
/// than these (see `loadgen`).
const SAMPLING_SCHEDULED: f64 = 11_000.0;
const SAMPLED_PER_S: f64 = 10_000.0;

/// A window of its own, and the load before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sampling {
    pub(super) warm_up: Duration,
    pub(super) window: Duration,
}

impl Sampling {
    /// After this window: some rounds of requests, and some hundred of them. `None` where that would
    /// take too long, the load is beyond all measure, or replies that never come would be waited for
    /// once more.
    pub(super) fn after(counts: &Counts, mean_service_ns: f64, is_open: bool) -> Option<Self> {
        let rounds_s = SAMPLING_ROUNDS * mean_service_ns / 1e9;
        let is_hopeless =
            counts.requests == 0 || counts.requests_unqueued > 0 || counts.replies_missing > 0;
        if is_hopeless || rounds_s > ROUNDS_MAX_S {
            return None;
        }
        let requests_per_s = counts.requests as f64 / (counts.window_us as f64 / 1e6);
        let wanted_s = match is_open {
            true => SAMPLING_SCHEDULED / requests_per_s.min(SAMPLED_PER_S),
            false => SAMPLING_REQUESTS / requests_per_s,
        };
        let window_s = rounds_s.max(wanted_s);
        Some(Self {
            warm_up: Duration::from_secs_f64(rounds_s.max(SAMPLING_WARM_UP_S)),
            window: Duration::from_secs_f64(
                window_s.clamp(SAMPLING_MIN_S, SAMPLING_MAX_S.max(rounds_s)),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_lag_is_sampled_over_several_rounds_or_not_at_all() {
        let window_ms = |requests, service_ns| {
            let counts = Counts {
                window_us: 1_000_000,
                requests,
                ..Counts::default()
            };
            let sampling = Sampling::after(&counts, service_ns, false)?;
            Some(sampling.window.as_secs_f64() * 1e3)
        };
        assert_eq!(window_ms(100_000, 1e6), Some(300.0));
        assert_eq!(window_ms(4_000, 1e6), Some(500.0));
        assert_eq!(window_ms(10, 1e6), Some(2_000.0));
        assert_eq!(window_ms(30_000, 3e8), Some(1_200.0));
        assert_eq!(window_ms(194, 5.2e8), Some(2_080.0));
        assert_eq!(window_ms(30_000, 9e8), None);
        assert_eq!(window_ms(0, 1.0), None);
        for (requests_unqueued, replies_missing) in [(1, 0), (0, 1)] {
            let hopeless = Counts {
                window_us: 1_000_000,
                requests: 1_000,
                requests_unqueued,
                replies_missing,
                ..Counts::default()
            };
            assert_eq!(Sampling::after(&hopeless, 1e6, true), None);
        }
    }
}
