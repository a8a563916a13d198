//! When requests are to be sent: one absolute schedule per thread, fixed before the first of
//! them and followed whatever the server does.

use protocol::generator::{Arrivals, Schedule};

/// The moments of one thread's schedule, one after the other.
#[derive(Debug)]
pub(super) struct ArrivalTimes {
    arrivals: Arrivals,
    random: fastrand::Rng,
    start_ns: u64,
    mean_gap_ns: f64,
    /// From the start to the next arrival. A double holds nanoseconds exactly for 104 days.
    next_after_start_ns: f64,
}

impl ArrivalTimes {
    /// The schedule of thread `thread` of `threads`, which brings `rate_per_s` over all of
    /// them. `first_connection` tells generators apart.
    pub(super) fn new(
        schedule: Schedule,
        rate_per_s: f64,
        (thread, threads): (u32, u32),
        first_connection: u32,
        start_ns: u64,
    ) -> Self {
        let mean_gap_ns = 1e9 * f64::from(threads) / rate_per_s;
        // Seeds that differ little must not give similar schedules: fastrand mixes them.
        let own = u64::from(first_connection) << 32 | u64::from(thread);
        let mut times = Self {
            arrivals: schedule.arrivals,
            random: fastrand::Rng::with_seed(
                schedule.seed ^ own.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            ),
            start_ns,
            mean_gap_ns,
            next_after_start_ns: 0.0,
        };
        match schedule.arrivals {
            Arrivals::Poisson => times.advance(),
            // Threads take turns rather than send all at once.
            Arrivals::Uniform => {
                times.next_after_start_ns = mean_gap_ns * f64::from(thread) / f64::from(threads);
            }
        }
        times
    }

    /// When the next request is to be sent.
    #[inline]
    pub(super) fn next_ns(&self) -> u64 {
        self.start_ns + self.next_after_start_ns as u64
    }

    /// Goes on to the one after it.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.next_after_start_ns += match self.arrivals {
            // By inversion; 1 - u is never 0. Source: Knuth, The Art of Computer Programming,
            // vol. 2, 3.4.1 D.
            Arrivals::Poisson => -(1.0 - self.random.f64()).ln() * self.mean_gap_ns,
            Arrivals::Uniform => self.mean_gap_ns,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(arrivals: Arrivals, seed: u64, of: (u32, u32)) -> Vec<u64> {
        let schedule = Schedule {
            arrivals,
            seed,
            busy_poll: false,
        };
        let mut times = ArrivalTimes::new(schedule, 1000.0, of, 0, 5_000);
        let moments = (0..20_000).map(|_| {
            let moment = times.next_ns();
            times.advance();
            moment
        });
        moments.collect()
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_the_spread_of_an_exponential() {
        let times = times(Arrivals::Poisson, 7, (0, 1));
        let gaps: Vec<f64> = times.windows(2).map(|w| (w[1] - w[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // The standard error of the mean of 20,000 is 0.7 %.
        assert!((mean / 1e6 - 1.0).abs() < 0.03, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.03, "{variance}");
        let below_half = gaps.iter().filter(|&&gap| gap < 0.5e6).count() as f64;
        let expected = 1.0 - (-0.5_f64).exp();
        assert!((below_half / gaps.len() as f64 - expected).abs() < 0.02);
    }

    #[test]
    fn a_seed_gives_the_same_schedule_again_and_threads_have_their_own() {
        assert_eq!(
            times(Arrivals::Poisson, 7, (0, 2)),
            times(Arrivals::Poisson, 7, (0, 2))
        );
        assert_ne!(
            times(Arrivals::Poisson, 7, (0, 2)),
            times(Arrivals::Poisson, 7, (1, 2))
        );
        assert_ne!(
            times(Arrivals::Poisson, 7, (0, 2)),
            times(Arrivals::Poisson, 8, (0, 2))
        );
    }

    #[test]
    fn uniform_threads_take_turns() {
        let (first, second) = (
            times(Arrivals::Uniform, 0, (0, 2)),
            times(Arrivals::Uniform, 0, (1, 2)),
        );
        assert_eq!(&first[..3], [5_000, 2_005_000, 4_005_000]);
        assert_eq!(&second[..3], [1_005_000, 3_005_000, 5_005_000]);
    }
}
