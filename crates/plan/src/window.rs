//! How long windows are.

use crate::search;
use report::{run::PlannedLoad, trial::Load};

/// Rounds of requests that a window of closed load holds at least; some connections are served less
/// often than others.
pub const ROUNDS_MIN: f64 = 4.5;

/// The first round of requests is sent in one burst, during which nobody may be answered at all: that
/// is no steady load, however steady the zeros are. A warm-up has so many rounds.
pub const WARM_UP_ROUNDS_MIN: u64 = 2;

/// But a window isn't longer than this, unless it was asked for.
const WINDOW_MAX_US: u64 = 300_000_000;

/// More rounds than this tell nothing new, and fill the report: they are longer then.
const HELD_ROUNDS_MAX: u64 = 120;

/// Length of the longest window of this load: of a round, where its connections are held.
pub fn longest_us(planned: &PlannedLoad) -> u64 {
    let round = planned.hold.map(|hold| hold.length_us / HELD_ROUNDS_MAX);
    planned.window_us.max(round.unwrap_or(0))
}

/// Length of a window after a warm-up at this rate. In closed load it holds several rounds of requests
/// over all connections, however slow they are: what happens at its edges shall not weigh more than
/// what is between. In a search for the capacity it has enough requests for the target.
pub fn window_us(planned: &PlannedLoad, connections: u32, rate_per_s: Option<f64>) -> u64 {
    let planned_us = planned.window_us_over(connections);
    if let (Load::Capacity { slo, .. }, Some(rate_per_s)) = (planned.load, rate_per_s) {
        return planned_us.max(search::window_us(&slo, rate_per_s));
    }
    match (planned.round(connections), rate_per_s) {
        (Some(round), Some(rate_per_s)) if rate_per_s > 0.0 => {
            let round_s = round as f64 / rate_per_s;
            let rounds_us = (ROUNDS_MIN * round_s * 1e6) as u64;
            planned_us.max(rounds_us.min(WINDOW_MAX_US))
        }
        _ => planned_us,
    }
}
