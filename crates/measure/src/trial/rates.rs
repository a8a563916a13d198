//! Which windows a trial has, and rates that depend on what the ones before came to.

use super::{
    bench::{Asked, Bench},
    error::TrialError,
};
use analysis::rules;
use plan::search::{Search, rate_min_per_s};
use report::{
    run::PlannedLoad,
    slo::{Percentile, Slo},
    trial::{Load, Step},
};
use server::launch::Launch;
use std::ops::Range;

/// A ramp begins at this share of the closed peak, and has short windows: it only has to tell whether
/// a queue grows, for which it takes some hundred requests.
const RAMP_FROM: f64 = 0.6;
const RAMP_WINDOW_S: Range<f64> = 0.5..3.0;
const RAMP_REQUESTS: f64 = 300.0;

/// As many are outstanding as there will be only after the first replies. They took no longer in closed
/// load, where more were outstanding.
const RAMP_WARM_UP_S: Range<f64> = 0.2..3.0;
const RAMP_WARM_UP_TIMES: f64 = 2.0;

impl Bench<'_> {
    /// The highest rate of this open load that a server holds over so many connections, to within a
    /// third, beginning near what it did in closed load; `None` when it held none.
    ///
    /// # Errors
    /// As with [`Bench::trial`].
    pub fn ramp(
        &self,
        launch: &Launch,
        planned: &PlannedLoad,
        connections: u32,
        peak_per_s: f64,
    ) -> Result<Option<f64>, TrialError> {
        let Load::Open {
            arrivals,
            deadline_us,
        } = planned.load
        else {
            return Ok(None);
        };
        let slo = Slo {
            percentile: Percentile::Max,
            limit_us: deadline_us as f64,
        };
        let rate_per_s = peak_per_s * RAMP_FROM;
        let service_time_s = f64::from(connections) / peak_per_s;
        let us =
            |time_s: f64, Range { start, end }: Range<f64>| (time_s.clamp(start, end) * 1e6) as u64;
        let warm_up_us = us(service_time_s * RAMP_WARM_UP_TIMES, RAMP_WARM_UP_S);
        let ramp = PlannedLoad {
            load: Load::Capacity {
                slo,
                arrivals,
                deadline_us,
            },
            connections: vec![connections],
            rates_per_s: vec![rate_per_s],
            rate_share_of_peak: None,
            warm_up_us,
            warm_up_max_us: Some(warm_up_us),
            window_us: us(RAMP_REQUESTS / rate_per_s, RAMP_WINDOW_S),
            hold: None,
        };
        let trial = self.trial(launch, 1, &ramp)?;
        let (held, _) = rules::bounds(&trial, &slo);
        Ok(held)
    }
}

/// The windows of a trial: connections can only be added, so their ladder is climbed; rates over the
/// same connections come in any order, so that none always follows another.
pub(super) fn shuffled(planned: &PlannedLoad, seed: u64) -> Vec<(u32, Option<f64>)> {
    let mut windows = planned.windows();
    let mut random = fastrand::Rng::with_seed(seed);
    for same in windows.chunk_by_mut(|(a, _), (b, _)| a == b) {
        random.shuffle(same);
    }
    windows
}

/// Tries rates until the highest one that meets the target is known.
pub(super) fn search(
    planned: &PlannedLoad,
    slo: Slo,
    step: &mut impl FnMut(Asked) -> Result<Step, TrialError>,
) -> Result<Vec<Step>, TrialError> {
    let connections = planned.connections.first().copied().unwrap_or(1);
    // A ramp knows where to begin.
    let mut search = match planned.rates_per_s[..] {
        [start_per_s, ..] => Search::ramp(start_per_s),
        [] => Search::from(rate_min_per_s(&slo)),
    };
    let mut steps = Vec::new();
    while let Some(rate) = search.next_per_s() {
        let tried = step(Asked {
            connections,
            rate_per_s: Some(rate),
        })?;
        search.tell(rate, rules::meets(&tried, &slo));
        steps.push(tried);
    }
    Ok(steps)
}
