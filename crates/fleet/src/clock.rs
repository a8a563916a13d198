//! By how much two machines' clocks differ.
//!
//! Of many round trips the shortest one says most: the other clock was read somewhere between
//! departure and return, and so the middle is wrong by at most half of the trip. Source: D. Mills,
//! RFC 5905, section 10 (clock filter).

/// One question of the time, and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundTrip {
    /// Of our clock, when the question left.
    pub(crate) left_ns: u64,
    /// Of the other clock.
    pub(crate) there_ns: u64,
    /// Of our clock, when the answer was there.
    pub(crate) back_ns: u64,
}

/// What is known of another clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offset {
    /// By so much it is ahead of ours.
    pub(crate) ahead_ns: i64,
    /// That is off by at most so much.
    pub(crate) bound_ns: u64,
}

impl Offset {
    /// From the shortest of these; `None` when there is none.
    pub(crate) fn of(trips: &[RoundTrip]) -> Option<Self> {
        let length = |trip: &RoundTrip| trip.back_ns.saturating_sub(trip.left_ns);
        let shortest = trips.iter().min_by_key(|trip| length(trip))?;
        let half = length(shortest) / 2;
        let middle = shortest.left_ns + half;
        Some(Self {
            ahead_ns: shortest.there_ns.wrapping_sub(middle) as i64,
            // What halving rounded off, too.
            bound_ns: half + 1,
        })
    }

    /// A moment of our clock, by the other one.
    pub(crate) fn translate(ahead_ns: i64, moment_ns: u64) -> u64 {
        moment_ns.saturating_add_signed(ahead_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trip(left_ns: u64, there_ns: u64, back_ns: u64) -> RoundTrip {
        RoundTrip {
            left_ns,
            there_ns,
            back_ns,
        }
    }

    #[test]
    fn the_truth_lies_within_the_bound_however_uneven_the_ways_are() {
        for ahead in [-5_000_i64, 0, 7_000_000] {
            for (there, back) in [(10, 90), (50, 50), (100, 1)] {
                let left = 10_000_000_u64;
                let read = (left + there).saturating_add_signed(ahead);
                let of_one = Offset::of(&[trip(left, read, left + there + back)]).unwrap();
                assert!(
                    of_one.ahead_ns.abs_diff(ahead) <= of_one.bound_ns,
                    "{of_one:?}"
                );
            }
        }
    }

    #[test]
    fn the_shortest_trip_counts() {
        let trips = [
            trip(0, 900, 1000),
            trip(5000, 5120, 5040),
            trip(9000, 9000, 9500),
        ];
        let offset = Offset::of(&trips).unwrap();
        assert_eq!((offset.ahead_ns, offset.bound_ns), (100, 21));
        assert_eq!(Offset::of(&[]), None);
    }

    #[test]
    fn moments_are_translated_in_both_directions() {
        assert_eq!(Offset::translate(-5, 100), 95);
        assert_eq!(Offset::translate(5, 100), 105);
    }
}
