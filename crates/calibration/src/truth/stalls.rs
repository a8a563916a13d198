//! What periodic stalls do to the times of requests, in open load and in closed.

use super::distribution::Distribution;

/// A stretch of time in which a server does nothing: `from_ns` included, `to_ns` not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// Its first moment.
    pub from_ns: u64,
    /// When the server goes on.
    pub to_ns: u64,
}

/// The periodic stalls of the behaviour `stall`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stalls {
    /// From the end of one to the end of the next.
    pub every_ns: u64,
    /// Length of one, less than `every_ns`.
    pub for_ns: u64,
}

impl Stalls {
    /// Those that begin before `until_ns`, counted from the moment at which the first period
    /// begins (when the server has read its first request).
    pub fn before(&self, until_ns: u64) -> Vec<Stall> {
        (1..)
            .map(|k| k * self.every_ns)
            .map(|to_ns| Stall {
                from_ns: to_ns - self.for_ns,
                to_ns,
            })
            .take_while(|stall| stall.from_ns < until_ns)
            .collect()
    }
}

/// Response times in open load on a server with stalls that answers, when it goes on, everything
/// at once: the rest of the stall for whoever falls into one, on top of `base_ns`, the response
/// time without stalls.
///
/// `intended_ns` is the schedule, ascending, counted from the same moment as the stalls, which
/// are in order and don't overlap. `None` when nothing is scheduled.
pub fn open_load(intended_ns: &[u64], stalls: &[Stall], base_ns: u64) -> Option<Distribution> {
    open_load_draining(intended_ns, stalls, base_ns, 0)
}

/// The same for a server that, when it goes on, works off what has gathered one request after
/// the other, each of which occupies it for `occupied_ns`: one divided by the highest rate that
/// was measured on it.
///
/// Lindley's recursion with vacations: a request is begun when it has come, the one before it is
/// done, and no stall is on. One that was begun before a stall is finished in spite of it. Its
/// response time is how long it had to wait, on top of `base_ns`.
pub fn open_load_draining(
    intended_ns: &[u64],
    stalls: &[Stall],
    base_ns: u64,
    occupied_ns: u64,
) -> Option<Distribution> {
    let mut stalls = stalls.iter().peekable();
    let mut free_ns = 0;
    let response_ns = intended_ns.iter().map(|&came_ns| {
        let mut begun_ns = free_ns.max(came_ns);
        while let Some(stall) = stalls.next_if(|stall| stall.from_ns <= begun_ns) {
            begun_ns = begun_ns.max(stall.to_ns);
        }
        free_ns = begun_ns + occupied_ns;
        begun_ns - came_ns + base_ns
    });
    Distribution::new(response_ns.collect())
}

/// Service times in closed load on the same server, over one period: what an instrument sees
/// that sends the next request only when a reply has come.
///
/// Each of the `connections` has one request outstanding when the stall begins, and those alone
/// meet it. All others, of which `base_ns` apart each connection makes one while the server
/// works, take `base_ns`. The instrument is blind to the requests it would have sent.
pub fn closed_load(stalls: &Stalls, connections: u32, base_ns: u64) -> Option<Distribution> {
    let connections = u64::from(connections);
    let working_ns = stalls.every_ns.checked_sub(stalls.for_ns)?;
    let all = (connections * working_ns)
        .checked_div(base_ns)?
        .max(connections);
    let mut times_ns = vec![base_ns; (all - connections) as usize];
    times_ns.resize(all as usize, base_ns + stalls.for_ns);
    Distribution::new(times_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn stalls_end_at_multiples_of_the_period() {
        let stalls = Stalls {
            every_ns: 100,
            for_ns: 20,
        };
        let [first, second] =
            [(80, 100), (180, 200)].map(|(from_ns, to_ns)| Stall { from_ns, to_ns });
        assert_eq!(stalls.before(80), []);
        assert_eq!(stalls.before(180), [first]);
        assert_eq!(stalls.before(181), [first, second]);
    }

    #[test]
    fn in_open_load_everybody_waits_for_the_rest_of_the_stall() {
        let stalls = Stalls {
            every_ns: 100 * MS,
            for_ns: 20 * MS,
        };
        // One a millisecond, for ten periods: in each the waits 20, 19, ..., 1 ms, and 80 none.
        let intended: Vec<u64> = (0..1000).map(|ms| ms * MS).collect();
        let times = open_load(&intended, &stalls.before(1000 * MS), MS / 2).unwrap();
        let after = |ms: u64| ms * MS + MS / 2;
        assert_eq!(times.mean_ns(), 2.1 * MS as f64 + MS as f64 / 2.0);
        assert_eq!(times.quantile_ns(0.5), after(0));
        assert_eq!(times.quantile_ns(0.8), after(0));
        assert_eq!(times.quantile_ns(0.9), after(10));
        assert_eq!(times.quantile_ns(0.99), after(19));
        assert_eq!(times.quantile_ns(0.999), after(20));
    }

    #[test]
    fn a_queue_drains_one_by_one() {
        let stall = Stall {
            from_ns: 10,
            to_ns: 20,
        };
        // Begun at 0, 20, 23, 26, 29 and 40; each occupies the server for 3.
        let times = open_load_draining(&[0, 10, 12, 22, 25, 40], &[stall], 5, 3).unwrap();
        assert_eq!(times.times_ns(), [5, 5, 9, 9, 15, 16]);
    }

    #[test]
    fn what_was_begun_is_finished_in_spite_of_a_stall() {
        let stalls = [(10, 20), (21, 30)].map(|(from_ns, to_ns)| Stall { from_ns, to_ns });
        // Begun at 8 and done at 12, inside the stall; the next is begun at 20 and done at 24,
        // in the second stall; the last at 30.
        let times = open_load_draining(&[8, 9, 10], &stalls, 0, 4).unwrap();
        assert_eq!(times.times_ns(), [0, 11, 20]);
        assert_eq!(open_load_draining(&[], &stalls, 0, 4), None);
    }

    #[test]
    fn without_stalls_it_is_a_queue_with_constant_service() {
        let times = open_load_draining(&[0, 0, 0, 100], &[], 1, 10).unwrap();
        assert_eq!(times.times_ns(), [1, 1, 11, 21]);
    }

    #[test]
    fn closed_load_is_blind_to_all_but_what_was_outstanding() {
        let stalls = Stalls {
            every_ns: 1000 * MS,
            for_ns: 200 * MS,
        };
        let (connections, base_ns) = (10, MS);
        let times = closed_load(&stalls, connections, base_ns).unwrap();
        // 800 ms of work at 10 a millisecond, of which ten met the stall: one in 800.
        assert_eq!(times.times_ns().len(), 8000);
        assert_eq!(times.quantile_ns(0.99), MS);
        assert_eq!(times.quantile_ns(0.99875), MS);
        assert_eq!(times.quantile_ns(0.999), 201 * MS);
        // Little's law holds all the same: that is why it can't reveal the blindness.
        let rate_per_ns = times.times_ns().len() as f64 / stalls.every_ns as f64;
        let outstanding = rate_per_ns * times.mean_ns();
        assert!((outstanding - 10.0).abs() < 1e-9, "{outstanding}");
    }

    #[test]
    fn a_closed_load_that_never_works_is_all_stall() {
        let stalls = Stalls {
            every_ns: 100,
            for_ns: 90,
        };
        let times = closed_load(&stalls, 3, 50).unwrap();
        assert_eq!(times.times_ns(), [140, 140, 140]);
        assert_eq!(closed_load(&stalls, 3, 0), None);
    }
}
