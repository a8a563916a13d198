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
        _ => planned_us,
    }
}

/// The shortest window of a schedule at these rates: the fewest requests are due in it at the lowest.
pub fn shortest_us(rates_per_s: &[f64]) -> u64 {
    let lowest = rates_per_s.iter().copied().min_by(f64::total_cmp);
    lowest.map_or(0, |rate| (DUE_MIN / rate * 1e6).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_due_at_every_rate() {
        assert_eq!(shortest_us(&[2_000.0, 2.0]), 5_000_000);
        assert_eq!(shortest_us(&[]), 0);
    }
}
