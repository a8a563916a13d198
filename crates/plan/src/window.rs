//! How long windows are.

use report::{run::PlannedLoad, slo::Slo, trial::Load};

/// Rounds of requests that a window of closed load holds at least; some connections are served less
/// often than others.
pub const ROUNDS_MIN: f64 = 4.5;

/// The first round of requests is sent in one burst, during which nobody may be answered at all: that
/// is no steady load, however steady the zeros are. A warm-up has so many rounds.
pub const WARM_UP_ROUNDS_MIN: u64 = 2;

/// But a window isn't longer than this, unless it was asked for.
const WINDOW_MAX_US: u64 = 300_000_000;

/// A window of a search is made so long at most; at rates at which that is too short none is looked for.
const SEARCH_WINDOW_MAX_US: u64 = 20_000_000;

/// So many requests have to be due in a window of a search, so that at least as many come as the target's
/// percentile takes: four standard deviations more, of a count by chance.
pub fn search_requests(slo: &Slo) -> f64 {
    let least = slo.percentile.requests_min() as f64;
    least + 4.0 * least.sqrt()
}

/// The lowest rate that a search can tell anything of.
pub fn search_rate_min_per_s(slo: &Slo) -> f64 {
    (search_requests(slo) * 1e6 / SEARCH_WINDOW_MAX_US as f64).max(1.0)
}

/// Length of a window after a warm-up at this rate. In closed load it holds several rounds of requests
/// over all connections, however slow they are: what happens at its edges shall not weigh more than
/// what is between. In a search for the capacity it has enough requests for the target.
pub fn window_us(planned: &PlannedLoad, connections: u32, rate_per_s: Option<f64>) -> u64 {
    let planned_us = planned.window_us_over(connections);
    if let (Load::Capacity { slo, .. }, Some(rate_per_s)) = (planned.load, rate_per_s) {
        let enough_us = search_requests(&slo) / rate_per_s.max(1.0) * 1e6;
        return planned_us.max((enough_us as u64).min(SEARCH_WINDOW_MAX_US));
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
