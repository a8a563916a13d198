//! How long windows are.

use report::run::PlannedLoad;

/// Rounds of requests that a window of closed load holds at least; some connections are served less
/// often than others.
pub const ROUNDS_MIN: f64 = 4.5;

/// The first round of requests is sent in one burst, during which nobody may be answered at all: that
/// is no steady load, however steady the zeros are. A warm-up has so many rounds.
pub const WARM_UP_ROUNDS_MIN: u64 = 2;

/// But a window isn't longer than this, unless it was asked for.
const WINDOW_MAX_US: u64 = 300_000_000;

/// Requests that are due in a window of a schedule at the least: of fewer every figure is luck. A
/// schedule by chance has none in it once in 22,000 times.
pub const DUE_MIN: f64 = 10.0;

/// Length of a window after a warm-up at this rate. In closed load it holds several rounds of requests
/// over all connections, however slow they are: what happens at its edges shall not weigh more than
/// what is between.
pub fn window_us(planned: &PlannedLoad, connections: u32, rate_per_s: Option<f64>) -> u64 {
    let planned_us = planned.window_us_over(connections);
    match (planned.round(connections), rate_per_s) {
        (Some(round), Some(rate_per_s)) if rate_per_s > 0.0 => {
            let round_s = round as f64 / rate_per_s;
            let rounds_us = (ROUNDS_MIN * round_s * 1e6) as u64;
            planned_us.max(rounds_us.min(WINDOW_MAX_US))
        }
        // At the rate that a run has measured, the fewest requests may take longer than was planned.
        (None, Some(rate_per_s)) if planned.load.is_scheduled() && rate_per_s > 0.0 => {
            planned_us.max(due_us(rate_per_s).min(WINDOW_MAX_US))
        }
        _ => planned_us,
    }
}

/// The time in which the fewest requests are due.
pub(crate) fn due_us(rate_per_s: f64) -> u64 {
    (DUE_MIN / rate_per_s * 1e6).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::trial::{Arrivals, Load};

    #[test]
    fn at_a_rate_that_was_measured_a_window_still_has_something_due() {
        let planned = PlannedLoad {
            load: Load::Open {
                arrivals: Arrivals::Poisson,
                deadline_us: 1,
            },
            connections: vec![1],
            rates_per_s: vec![2.0],
            rate_share_of_peak: Some(0.7),
            warm_up_us: 0,
            warm_up_max_us: None,
            window_us: 1_500_000,
        };
        assert_eq!(window_us(&planned, 1, Some(2.0)), 5_000_000);
        assert_eq!(window_us(&planned, 1, Some(2_000.0)), 1_500_000);
        assert_eq!(window_us(&planned, 1, None), 1_500_000);
    }
}
