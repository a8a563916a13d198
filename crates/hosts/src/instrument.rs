//! Whether several machines were one instrument: one moment, one load.

use crate::touch::{biases, exposed};
use report::{
    check::{Check, Direction, FigureKind},
    hosts::{HostClock, HostShare},
};

/// A machine that gets less than this of what the one gets that got most isn't loading the server as
/// the plan says. (On average one that is cut off for a while would hide behind its own share.)
const BALANCE_MIN: f64 = 0.8;

/// With fewer requests for each machine chance decides.
const JUDGED_FROM_REQUESTS: u64 = 1_000;

/// What a window's requests are turned into.
const OF_WINDOW: [FigureKind; 5] = [
    FigureKind::Rate,
    FigureKind::P50,
    FigureKind::P90,
    FigureKind::P99,
    FigureKind::P99_9,
];

/// By how much windows may have been apart, from what is known of the clocks; `window_us` is the
/// shortest window of the trial. The servers' machine is one of them: it has the clock that all others
/// are held against.
pub fn start_skew(clocks: &[HostClock], window_us: u64) -> Option<Check> {
    let mut by_uncertainty: Vec<&HostClock> = clocks.iter().collect();
    by_uncertainty.sort_by(|a, b| b.uncertainty_us().total_cmp(&a.uncertainty_us()));
    let worst = by_uncertainty.first()?;
    let skew_us: f64 = by_uncertainty
        .iter()
        .take(2)
        .map(|c| c.uncertainty_us())
        .sum();
    let share = skew_us / window_us.max(1) as f64;
    // So much of each window is of another moment than the others'.
    let touches = exposed(share.min(1.0));
    let detail = format!(
        "windows on two machines opened within {skew_us:.0} us of each other; the clock of {} is known \
         to {:.0} us and drifted by {:.0} us",
        worst.host, worst.bound_us, worst.drift_us
    );
    let advice = "a quieter network between the machines, or shorter trials: a clock that is being set \
                  (chronyc tracking) drifts most";
    Some(Check::new("start_skew", touches, detail, advice).values(share, 0.0))
}

/// Whether all machines loaded the server alike: each has as many connections, and its part of the
/// schedule.
pub fn host_balance(shares: &[HostShare]) -> Option<Check> {
    let requests = shares.iter().map(|one| one.requests).sum::<u64>();
    let is_judged = shares.len() > 1 && requests >= JUDGED_FROM_REQUESTS * shares.len() as u64;
    if !is_judged {
        return None;
    }
    let each = |one: &HostShare| one.requests as f64 / f64::from(one.processes.max(1));
    let most = shares.iter().map(each).fold(0.0, f64::max);
    let share = |one: &HostShare| each(one) / most;
    let least = shares.iter().min_by(|a, b| share(a).total_cmp(&share(b)))?;
    let measured = share(least);
    let touches = match measured < BALANCE_MIN {
        true => biases(&OF_WINDOW, Direction::Either, Some(1.0 - measured)),
        false => Vec::new(),
    };
    let detail = format!(
        "{} got {:.0} % of what the machine got that got most: {} of {requests} requests, {} without a reply",
        least.host,
        measured * 100.0,
        least.requests,
        least.replies_missing
    );
    let advice = "look at that machine and at its way to the servers: 'runner doctor' there";
    Some(Check::new("host_balance", touches, detail, advice).values(measured, BALANCE_MIN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::check::Status;

    fn clock(host: &str, bound_us: f64, drift_us: f64) -> HostClock {
        HostClock {
            host: host.to_owned(),
            ahead_us: 5e9,
            bound_us,
            drift_us,
        }
    }

    fn share(host: &str, processes: u32, requests: u64) -> HostShare {
        HostShare {
            host: host.to_owned(),
            processes,
            requests,
            ..HostShare::default()
        }
    }

    #[test]
    fn on_one_machine_there_is_nothing_to_check() {
        assert_eq!(start_skew(&[], 1_000_000), None);
        assert_eq!(host_balance(&[]), None);
        assert_eq!(host_balance(&[share("host 1", 1, 1_000_000)]), None);
    }

    #[test]
    fn the_two_clocks_that_are_known_worst_say_how_far_windows_may_be_apart() {
        let clocks = [
            clock("host 1", 40.0, 0.0),
            clock("host 2", 30.0, -20.0),
            clock("host 3", 5.0, 5.0),
        ];
        let check = start_skew(&clocks, 1_000_000).unwrap();
        assert!(check.passed, "{check:?}");
        assert_eq!(check.measured, Some(90e-6));
        assert!(check.detail.contains("within 90 us"), "{}", check.detail);
        let drifted = start_skew(&[clock("host 2", 30.0, -1_500.0)], 1_500_000).unwrap();
        assert_eq!((drifted.passed, drifted.status()), (false, Status::Suspect));
        assert!(drifted.detail.contains("host 2"), "{}", drifted.detail);
    }

    #[test]
    fn a_machine_that_gets_less_than_it_should_is_named() {
        let even = [share("host 1", 2, 10_000), share("host 2", 2, 9_000)];
        assert!(host_balance(&even).unwrap().passed);
        let uneven = [share("host 1", 2, 10_000), share("host 2", 2, 4_000)];
        let check = host_balance(&uneven).unwrap();
        assert_eq!(check.status(), Status::Suspect);
        assert!(
            check.detail.starts_with("host 2 got 40 %"),
            "{}",
            check.detail
        );
        assert_eq!(
            host_balance(&[share("host 1", 1, 3), share("host 2", 1, 90)]),
            None
        );
    }
}
