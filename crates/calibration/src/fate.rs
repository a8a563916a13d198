//! What becomes of a request: a function of the behaviour, of what came before and of the time
//! that is handed in. No clock is read here, so the arithmetic can be tested without one.

use crate::behaviour::Behaviour;

/// How much of a pause `cap` makes up for: enough for a thread that woke late, and too little
/// to show in the rate of a second.
const BURST_NS: u64 = 1_000_000;

const SECOND_NS: u64 = 1_000_000_000;

/// A request that has just been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// When it was read.
    pub now_ns: u64,
    /// From its header: `connection << 32 | sequence`.
    pub id: u64,
    /// Its connection's place in the order of accepting, from 0.
    pub connection: u64,
    /// Its place among the connection's requests, from 0.
    pub place: u64,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Answered at once, after spending this much CPU time.
    Now {
        /// Nanoseconds; the null server's 0 goes the same way as any other number.
        burn_ns: u64,
    },
    /// Answered at this time.
    At(u64),
    /// Answered at once, with the lowest bit of the last byte flipped. That is the payload's
    /// last, or without a payload the header's.
    Corrupt,
    /// Not answered.
    Never,
    /// Not answered, and its connection is closed.
    Close,
}

const NOW: Fate = Fate::Now { burn_ns: 0 };

/// Decides the fates of a server's requests, one after the other.
#[derive(Clone, Debug)]
pub struct Fates {
    behaviour: Behaviour,
    /// Decided so far.
    requests: u64,
    /// When the first request was read.
    start_ns: Option<u64>,
    /// `cap`: when the next reply is due at the earliest, burst aside. In nanoseconds times the
    /// rate, so that no reply's share is rounded.
    next_due: u128,
    /// `slow-down`: when the next reply is due at the earliest, burst aside.
    next_slow_ns: f64,
}

impl Fates {
    /// Those of a server that has read nothing yet.
    pub fn new(behaviour: Behaviour) -> Self {
        Self {
            behaviour,
            requests: 0,
            start_ns: None,
            next_due: 0,
            next_slow_ns: 0.0,
        }
    }

    /// What becomes of the next request, in the order of reading.
    pub fn decide(&mut self, request: &Request) -> Fate {
        self.start_ns.get_or_insert(request.now_ns);
        self.requests += 1;
        let nth = self.requests;
        let sequence = request.id as u32;
        match self.behaviour {
            Behaviour::Burn { extra_ns } => Fate::Now { burn_ns: extra_ns },
            Behaviour::Delay { delay_us } => Fate::At(request.now_ns + delay_us * 1000),
            Behaviour::Mixture { one_in, slow_us } if sequence % one_in == one_in - 1 => {
                Fate::At(request.now_ns + slow_us * 1000)
            }
            Behaviour::Cap { rate } => Fate::At(self.due(request.now_ns, rate)),
            Behaviour::WrongByte { one_in } if nth.is_multiple_of(one_in) => Fate::Corrupt,
            Behaviour::LoseReply { one_in } if nth.is_multiple_of(one_in) => Fate::Never,
            Behaviour::DropConnection { after } if nth == after => Fate::Close,
            Behaviour::ServeHalf if request.connection % 2 == 1 && request.place > 0 => Fate::Never,
            Behaviour::Starve { percent }
                if request.connection % 100 < u64::from(percent) && request.place > 0 =>
            {
                Fate::Never
            }
            Behaviour::SlowDown {
                rate,
                percent_per_s,
            } => Fate::At(self.due_slowly(request.now_ns, rate, percent_per_s)),
            Behaviour::Null
            | Behaviour::Mixture { .. }
            | Behaviour::Stall { .. }
            | Behaviour::WrongByte { .. }
            | Behaviour::LoseReply { .. }
            | Behaviour::DropConnection { .. }
            | Behaviour::ServeHalf
            | Behaviour::Starve { .. }
            | Behaviour::Leak { .. }
            | Behaviour::Step { .. }
            | Behaviour::IdleThreads { .. }
            | Behaviour::KernelWork { .. } => NOW,
        }
    }

    /// The end of the stall that `now_ns` falls into, if it falls into one.
    pub fn stalled_until(&self, now_ns: u64) -> Option<u64> {
        let (Behaviour::Stall { every_us, for_us }, Some(start_ns)) =
            (self.behaviour, self.start_ns)
        else {
            return None;
        };
        let every_ns = every_us * 1000;
        let into_period_ns = now_ns.saturating_sub(start_ns) % every_ns;
        let left_ns = every_ns - into_period_ns;
        (left_ns <= for_us * 1000).then_some(now_ns + left_ns)
    }

    /// A token bucket without a bucket: each reply is due one share after the one before, but
    /// the schedule never lies further behind the clock than the burst.
    fn due(&mut self, now_ns: u64, rate: u32) -> u64 {
        let rate = u128::from(rate);
        let earliest = u128::from(now_ns.saturating_sub(BURST_NS)) * rate;
        let due = self.next_due.max(earliest);
        self.next_due = due + u128::from(SECOND_NS);
        let due_ns = due.div_ceil(rate) as u64;
        due_ns.max(now_ns)
    }

    /// The same at a rate that falls from the first request on.
    fn due_slowly(&mut self, now_ns: u64, rate: u32, percent_per_s: u32) -> u64 {
        let start_ns = self.start_ns.unwrap_or(now_ns) as f64;
        let due_ns = self
            .next_slow_ns
            .max(now_ns.saturating_sub(BURST_NS) as f64);
        let elapsed_s = (due_ns - start_ns).max(0.0) / SECOND_NS as f64;
        let left = (1.0 - f64::from(percent_per_s) / 100.0).powf(elapsed_s);
        self.next_slow_ns = due_ns + SECOND_NS as f64 / (f64::from(rate) * left);
        (due_ns as u64).max(now_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(now_ns: u64, id: u64) -> Request {
        Request {
            now_ns,
            id,
            connection: 0,
            place: id,
        }
    }

    /// The fates of requests with the ids 0, 1, 2, ..., all read at 5000 ns.
    fn fates(behaviour: Behaviour, n: u64) -> Vec<Fate> {
        let mut fates = Fates::new(behaviour);
        (0..n).map(|id| fates.decide(&request(5000, id))).collect()
    }

    #[test]
    fn null_is_burn_with_nothing_to_burn() {
        assert_eq!(
            fates(Behaviour::Null, 3),
            fates(Behaviour::Burn { extra_ns: 0 }, 3)
        );
        assert_eq!(
            fates(Behaviour::Burn { extra_ns: 7 }, 1),
            [Fate::Now { burn_ns: 7 }]
        );
    }

    #[test]
    fn a_delay_counts_from_the_read() {
        assert_eq!(
            fates(Behaviour::Delay { delay_us: 2 }, 2),
            [Fate::At(7000), Fate::At(7000)]
        );
    }

    #[test]
    fn a_mixture_goes_by_each_connections_sequence() {
        let mixture = Behaviour::Mixture {
            one_in: 3,
            slow_us: 1,
        };
        let slow = Fate::At(6000);
        assert_eq!(fates(mixture, 6), [NOW, NOW, slow, NOW, NOW, slow]);

        let mut fates = Fates::new(mixture);
        let ninth_connection = 9 << 32;
        assert_eq!(fates.decide(&request(5000, ninth_connection)), NOW);
        assert_eq!(fates.decide(&request(5000, ninth_connection + 2)), slow);
    }

    #[test]
    fn stalls_end_at_multiples_of_the_period_since_the_first_request() {
        let mut fates = Fates::new(Behaviour::Stall {
            every_us: 10,
            for_us: 2,
        });
        assert_eq!(fates.stalled_until(9_500), None, "nothing has begun");
        fates.decide(&request(1_000, 0));
        fates.decide(&request(1_700, 1));
        for (now_ns, until) in [
            (1_000, None),
            (8_999, None),
            (9_000, Some(11_000)),
            (10_999, Some(11_000)),
            (11_000, None),
            (18_999, None),
            (19_000, Some(21_000)),
            (1_009_500, Some(1_011_000)),
        ] {
            assert_eq!(fates.stalled_until(now_ns), until, "at {now_ns}");
        }
    }

    #[test]
    fn a_cap_that_is_always_asked_for_more_gives_exactly_its_rate() {
        let mut fates = Fates::new(Behaviour::Cap { rate: 7_000 });
        let start_ns = 3 * SECOND_NS;
        let due_ns: Vec<u64> = (0..70_000)
            .map(|id| match fates.decide(&request(start_ns, id)) {
                Fate::At(at_ns) => at_ns,
                other => panic!("{other:?}"),
            })
            .collect();
        // The burst: a millisecond's worth is 7, and the schedule's first stands at its start.
        assert_eq!(due_ns.iter().filter(|&&at| at == start_ns).count(), 8);
        for (k, &at_ns) in (0..).zip(&due_ns).skip(8) {
            let exact_ns: u64 = start_ns - BURST_NS + (k * SECOND_NS).div_ceil(7_000);
            assert_eq!(at_ns, exact_ns, "reply {k}");
        }
    }

    #[test]
    fn a_cap_makes_up_for_no_more_than_its_burst() {
        let mut fates = Fates::new(Behaviour::Cap { rate: 1_000 });
        let late_ns = 60 * SECOND_NS;
        fates.decide(&request(SECOND_NS, 0));
        let due: Vec<Fate> = (1..5)
            .map(|id| fates.decide(&request(late_ns, id)))
            .collect();
        assert_eq!(
            due,
            [0, 0, 1, 2].map(|ms| Fate::At(late_ns + ms * 1_000_000))
        );
    }

    #[test]
    fn faults_meet_each_nth_request() {
        let (wrong, lost) = (Fate::Corrupt, Fate::Never);
        assert_eq!(
            fates(Behaviour::WrongByte { one_in: 3 }, 6),
            [NOW, NOW, wrong, NOW, NOW, wrong]
        );
        assert_eq!(
            fates(Behaviour::LoseReply { one_in: 2 }, 4),
            [NOW, lost, NOW, lost]
        );
        assert_eq!(
            fates(Behaviour::DropConnection { after: 2 }, 4),
            [NOW, Fate::Close, NOW, NOW]
        );
    }

    #[test]
    fn a_rate_falls_by_its_share_in_each_second() {
        let mut fates = Fates::new(Behaviour::SlowDown {
            rate: 10_000,
            percent_per_s: 20,
        });
        let start_ns = 5 * SECOND_NS;
        let due_ns = (0..25_000).map(|id| match fates.decide(&request(start_ns, id)) {
            Fate::At(at_ns) => at_ns - start_ns,
            other => panic!("{other:?}"),
        });
        let mut in_second = [0; 3];
        for at_ns in due_ns {
            if let Some(count) = in_second.get_mut((at_ns / SECOND_NS) as usize) {
                *count += 1;
            }
        }
        // The mean of 0.8^t over a second is 0.896; a burst of ten comes first.
        assert!((8_950..8_980).contains(&in_second[0]), "{in_second:?}");
        for pair in in_second.windows(2) {
            let ratio = f64::from(pair[1]) / f64::from(pair[0]);
            assert!((ratio - 0.8).abs() < 0.002, "{in_second:?}");
        }
    }

    #[test]
    fn of_a_hundred_connections_so_many_starve() {
        let fate = of_connection(Behaviour::Starve { percent: 5 });
        let starved = (0..200).filter(|&connection| fate(connection, 3) == Fate::Never);
        assert_eq!(starved.count(), 10);
        assert_eq!(fate(4, 0), NOW, "the first is answered");
    }

    /// The fate of a request by its connection and its place there.
    fn of_connection(behaviour: Behaviour) -> impl Fn(u64, u64) -> Fate {
        move |connection, place| {
            Fates::new(behaviour).decide(&Request {
                now_ns: 0,
                id: 0,
                connection,
                place,
            })
        }
    }

    #[test]
    fn half_of_the_connections_are_served_once() {
        let fate = of_connection(Behaviour::ServeHalf);
        for connection in 0..4 {
            assert_eq!(fate(connection, 0), NOW);
        }
        assert_eq!(
            [0, 1, 2, 3].map(|c| fate(c, 1)),
            [NOW, Fate::Never, NOW, Fate::Never]
        );
    }
}
