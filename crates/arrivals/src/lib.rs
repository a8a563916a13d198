//! When requests are to be sent.
//!
//! It is one absolute schedule over all threads of all generators, fixed before the first of them and
//! followed whatever the server does.
//!
//! The k-th request goes to the k-th connection, round and round. A thread knows the whole schedule
//! and picks what is for its own connections: so every connection has the same rate to a request,
//! however many threads share them, and a seed means the same moments for any number of threads.
//! (Drawing a random gap takes some 7 ns; that others' are drawn too isn't noticed.)

#![forbid(unsafe_code)]

use protocol::generator::{Arrivals, Turns};

/// The moments of one thread's connections, one after the other.
#[derive(Clone, Debug)]
pub struct ArrivalTimes {
    /// Of the gaps, where chance has a say.
    random: Option<fastrand::Rng>,
    turns: Turns,
    /// Over all threads.
    connections: u64,
    start_ns: u64,
    mean_gap_ns: f64,
    /// The next request for this thread, counted over all threads.
    number: u64,
    /// The connection that it goes to, by its number among all, and among this thread's.
    connection: u64,
    index: usize,
    /// From the start to it. A double holds nanoseconds exactly for 104 days.
    after_start_ns: f64,
    next_ns: u64,
}

impl ArrivalTimes {
    /// A schedule that brings `rate_per_s` over `connections`, of which this thread has its `turns`.
    /// `seed` is of its random gaps.
    pub fn new(
        (arrivals, seed): (Arrivals, u64),
        rate_per_s: f64,
        (turns, connections): (Turns, u32),
        start_ns: u64,
    ) -> Self {
        let mut times = Self {
            random: match arrivals {
                Arrivals::Poisson => Some(fastrand::Rng::with_seed(seed)),
                Arrivals::Uniform => None,
            },
            turns,
            connections: connections.into(),
            start_ns,
            mean_gap_ns: 1e9 / rate_per_s,
            number: 0,
            connection: turns.first.into(),
            index: 0,
            after_start_ns: 0.0,
            next_ns: u64::MAX,
        };
        if turns.count(times.connections) > 0 {
            times.after_start_ns += times.gaps_ns(1);
            times.go_to(turns.first.into());
        }
        times
    }

    /// When the next request is to be sent; the end of time if this thread has no connection.
    #[inline]
    pub fn next_ns(&self) -> u64 {
        self.next_ns
    }

    /// The connection that it goes to, counted among this thread's.
    #[inline]
    pub fn next_index(&self) -> usize {
        self.index
    }

    /// Goes on to the one after it.
    #[inline]
    pub fn advance(&mut self) {
        let next = self.connection + u64::from(self.turns.step);
        if next < self.connections {
            (self.connection, self.index) = (next, self.index + 1);
            self.go_to(self.number + u64::from(self.turns.step));
        } else {
            let first = u64::from(self.turns.first);
            let passed = self.connections - self.connection + first;
            (self.connection, self.index) = (first, 0);
            self.go_to(self.number + passed);
        }
    }

    /// How many of this thread's are due before a moment. From random gaps that would take as long
    /// as to wait for them, so it is their expected number.
    #[inline]
    pub fn due_before(&self, moment_ns: u64) -> u64 {
        if self.next_ns >= moment_ns {
            return 0;
        }
        self.own_of(self.first_not_before(moment_ns)) - self.own_of(self.number)
    }

    /// Leaves out all that are due before a moment, however many, and says how many.
    pub fn skip_before(&mut self, moment_ns: u64) -> u64 {
        let skipped = self.due_before(moment_ns);
        if skipped == 0 {
            return 0;
        }
        let number = self.first_not_before(moment_ns);
        // What remains of a random gap has the same distribution as a whole one.
        self.number = number;
        self.after_start_ns = (moment_ns - self.start_ns) as f64 + self.gaps_ns(1);
        let (round, of_round) = (number / self.connections, number % self.connections);
        let index = self.turns.count(of_round);
        let connection = u64::from(self.turns.first) + index * u64::from(self.turns.step);
        let is_of_next_round = connection >= self.connections;
        (self.connection, self.index) = if is_of_next_round {
            (self.turns.first.into(), 0)
        } else {
            (connection, index as usize)
        };
        let round = round + u64::from(is_of_next_round);
        self.go_to(round * self.connections + self.connection);
        skipped
    }

    /// Of the first `number` requests those for this thread.
    fn own_of(&self, number: u64) -> u64 {
        let (rounds, rest) = (number / self.connections, number % self.connections);
        rounds * self.turns.count(self.connections) + self.turns.count(rest)
    }

    /// The first request that isn't due before this moment, before which the next one is due.
    fn first_not_before(&self, moment_ns: u64) -> u64 {
        if self.random.is_some() {
            let gaps = (moment_ns - self.next_ns) as f64 / self.mean_gap_ns;
            return self.number + 1 + gaps.round() as u64;
        }
        let after_start_ns = (moment_ns - self.start_ns) as f64;
        // The next one is due before, however this is rounded.
        ((after_start_ns / self.mean_gap_ns).ceil() as u64).max(self.number + 1)
    }

    /// Makes this the next request.
    #[inline]
    fn go_to(&mut self, number: u64) {
        self.after_start_ns = match self.random {
            None => number as f64 * self.mean_gap_ns,
            Some(_) => self.after_start_ns + self.gaps_ns(number - self.number),
        };
        self.number = number;
        self.next_ns = self.start_ns + self.after_start_ns as u64;
    }

    /// So many random gaps.
    #[inline]
    fn gaps_ns(&mut self, gaps: u64) -> f64 {
        let Some(random) = &mut self.random else {
            return 0.0;
        };
        // By inversion; 1 - u is never 0. Source: Knuth, The Art of Computer Programming, vol. 2,
        // 3.4.1 D.
        (0..gaps)
            .map(|_| -(1.0 - random.f64()).ln() * self.mean_gap_ns)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The schedule of a thread of so many, over so many connections.
    fn of(arrivals: Arrivals, seed: u64, (first, step): (u32, u32), all: u32) -> ArrivalTimes {
        let turns = Turns { first, step };
        ArrivalTimes::new((arrivals, seed), 1000.0, (turns, all), 5_000)
    }

    fn moments(mut times: ArrivalTimes, count: usize) -> Vec<u64> {
        let moments = (0..count).map(|_| {
            let moment = times.next_ns();
            times.advance();
            moment
        });
        moments.collect()
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_the_spread_of_an_exponential() {
        let times = moments(of(Arrivals::Poisson, 7, (0, 1), 10), 20_000);
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
    fn the_schedule_is_the_same_however_many_threads_share_it() {
        for arrivals in [Arrivals::Poisson, Arrivals::Uniform] {
            for connections in [1, 3, 7, 100] {
                let alone = moments(of(arrivals, 7, (0, 1), connections), 700);
                let mut shared: Vec<u64> = (0..5)
                    .map(|thread| of(arrivals, 7, (thread, 5), connections))
                    .filter(|times| times.next_ns() < u64::MAX)
                    .flat_map(|times| moments(times, 700))
                    .collect();
                shared.sort_unstable();
                // To a nanosecond: sums of other parts are rounded otherwise.
                let differ = |(a, b): (&u64, &u64)| a.abs_diff(*b) > 1;
                assert!(!alone.iter().zip(&shared).any(differ), "{connections}");
            }
        }
        let other = moments(of(Arrivals::Poisson, 8, (0, 1), 3), 10);
        assert_ne!(moments(of(Arrivals::Poisson, 7, (0, 1), 3), 10), other);
    }

    #[test]
    fn every_connection_has_the_same_rate() {
        // Three connections of two threads.
        let count = |thread| {
            let mut times = of(Arrivals::Poisson, 7, (thread, 2), 3);
            let mut counts = [0_u32; 2];
            while times.next_ns() < 10_000_000_000 {
                counts[times.next_index()] += 1;
                times.advance();
            }
            counts
        };
        let ([a, c], [b, none]) = (count(0), count(1));
        assert!(a.abs_diff(b) <= 1 && b.abs_diff(c) <= 1, "{a} {b} {c}");
        assert_eq!(none, 0);
    }

    #[test]
    fn uniform_threads_take_turns_and_those_without_connections_none() {
        let first = moments(of(Arrivals::Uniform, 0, (0, 2), 4), 3);
        let second = moments(of(Arrivals::Uniform, 0, (1, 2), 4), 3);
        assert_eq!(first, [5_000, 2_005_000, 4_005_000]);
        assert_eq!(second, [1_005_000, 3_005_000, 5_005_000]);
        let none = of(Arrivals::Uniform, 0, (1, 2), 1);
        assert_eq!((none.next_ns(), none.due_before(u64::MAX)), (u64::MAX, 0));
    }

    proptest! {
        #[test]
        fn to_skip_evenly_spaced_ones_is_to_go_through_them(
            (step, first) in (1_u32..5).prop_flat_map(|step| (Just(step), 0..step)),
            connections in 1_u32..20,
            taken in 0_usize..30,
            moment_ns in 0_u64..60_000_000,
        ) {
            let mut skipping = of(Arrivals::Uniform, 0, (first, step), connections);
            prop_assume!(skipping.next_ns() < u64::MAX);
            (0..taken).for_each(|_| skipping.advance());
            let mut walking = skipping.clone();
            let mut passed = 0;
            while walking.next_ns() < moment_ns {
                walking.advance();
                passed += 1;
            }
            prop_assert_eq!(skipping.due_before(moment_ns), passed);
            prop_assert_eq!(skipping.skip_before(moment_ns), passed);
            prop_assert_eq!(skipping.next_ns(), walking.next_ns());
            prop_assert_eq!(skipping.next_index(), walking.next_index());
        }
    }

    #[test]
    fn skipping_random_ones_keeps_their_rate() {
        let mut times = of(Arrivals::Poisson, 7, (1, 2), 6);
        let skipped = times.skip_before(5_000 + 20_000_000_000);
        assert!((9_990..=10_010).contains(&skipped), "{skipped}");
        assert!(times.next_ns() >= 5_000 + 20_000_000_000);
        assert!(times.next_ns() < 5_000 + 20_100_000_000);
    }
}
