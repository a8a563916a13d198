//! Which times an instrument has to read on a server of known behaviour.
//!
//! Everything here is arithmetic on numbers handed in. What the behaviour itself doesn't fix (a
//! round trip to the null server, the rate at which a queue drains) is measured beforehand and
//! handed in too. Times are nanoseconds; ranks are those of HdrHistogram, so that expectation
//! and measurement mean the same by a percentile.

mod distribution;
mod stalls;

pub use distribution::Distribution;
pub use stalls::{Stall, Stalls, closed_load, open_load, open_load_draining};

use distribution::rank;

/// Service times of `delay`: the delay on top of what a round trip to the null server takes.
pub fn constant_delay(delay_ns: u64, null: &Distribution) -> Distribution {
    Distribution(null.0.iter().map(|ns| ns + delay_ns).collect())
}

/// The quantile `q` of the service times of `mixture`, in which one of `one_in` requests (at
/// least 1) takes `slow_ns` longer than a round trip to the null server.
///
/// Exact for the null times at hand, also where slow and fast times overlap: it is the quantile
/// of `one_in - 1` copies of the null times and one copy of the delayed.
pub fn mixture_quantile_ns(q: f64, one_in: u32, slow_ns: u64, null: &Distribution) -> u64 {
    let fast_copies = u64::from(one_in) - 1;
    let total = u64::from(one_in) * null.0.len() as u64;
    let wanted = rank(q, total);
    let enough = |ns: u64| {
        let slow = ns.checked_sub(slow_ns).map_or(0, |ns| null.count_up_to(ns));
        fast_copies * null.count_up_to(ns) + slow >= wanted
    };
    // The count only grows with the time, and reaches the total at the slowest of the slow.
    let (mut low, mut high) = (null.0[0], null.0[null.0.len() - 1] + slow_ns);
    while low < high {
        let middle = low + (high - low) / 2;
        if enough(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times_ns: impl IntoIterator<Item = u64>) -> Distribution {
        Distribution::new(times_ns.into_iter().collect()).unwrap()
    }

    #[test]
    fn quantiles_are_ranks() {
        let tenths = of((1..=10).rev());
        for (q, ns) in [
            (0.0, 1),
            (0.05, 1),
            (0.1, 1),
            (0.11, 2),
            (0.3, 3),
            (0.5, 5),
            (0.7, 7),
            (0.9, 9),
            (0.91, 10),
            (1.0, 10),
        ] {
            assert_eq!(tenths.quantile_ns(q), ns, "q = {q}");
        }
        assert_eq!(tenths.mean_ns(), 5.5);
        assert_eq!(Distribution::new(Vec::new()), None);
    }

    #[test]
    fn a_delay_moves_everything() {
        let delayed = constant_delay(100, &of([7, 5, 6]));
        assert_eq!(delayed.times_ns(), [105, 106, 107]);
    }

    #[test]
    fn a_mixtures_step_lies_at_its_share() {
        let null = of(1..=100);
        let at = |q| mixture_quantile_ns(q, 10, 1000, &null);
        // 900 fast (each time nine times) and 100 slow.
        assert_eq!(at(0.0), 1);
        assert_eq!(at(0.009), 1);
        assert_eq!(at(0.45), 50);
        assert_eq!(at(0.9), 100);
        assert_eq!(at(0.901), 1001);
        assert_eq!(at(0.95), 1050);
        assert_eq!(at(0.999), 1099);
        assert_eq!(at(1.0), 1100);
    }

    #[test]
    fn a_mixture_is_right_where_its_parts_overlap() {
        let null = of([10, 20, 30]);
        for (one_in, slow_ns) in [(1, 7), (2, 0), (3, 5), (4, 15), (2, 100)] {
            let copies = (0..one_in).flat_map(|copy| {
                let added_ns = if copy == 0 { slow_ns } else { 0 };
                [10, 20, 30].map(|ns| ns + added_ns)
            });
            let written_out = of(copies);
            for percent in 0..=100 {
                let q = f64::from(percent) / 100.0;
                assert_eq!(
                    mixture_quantile_ns(q, one_in, slow_ns, &null),
                    written_out.quantile_ns(q),
                    "one in {one_in} by {slow_ns} at {q}"
                );
            }
        }
    }
}
