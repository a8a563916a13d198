//! The search for the highest rate that meets a target: climb geometrically, then bisect.
//!
//! Near the capacity a window meets the target by chance or misses it by chance. So each rate is
//! decided by two windows of the same answer, at most three: a rule that believed one answer sooner
//! than the other would end too high, or too low.
//!
//! What a rate came to is told, which rate comes next is asked.

use report::slo::{Slo, VOTES};

/// Where the climb begins.
const START_PER_S: f64 = 1_000.0;

/// No server is driven beyond this.
const RATE_MAX_PER_S: f64 = 1e8;

/// Whole requests a second.
const RATE_MIN_PER_S: f64 = 1.0;

/// One step of the climb, up or down, and how closely the highest rate is found.
const FACTOR: f64 = 2.0;
const PRECISION: f64 = 1.05;

/// The same of a ramp, which begins near the end.
const RAMP_FACTOR: f64 = 1.3;

/// A window is made so long at most, so that enough requests come; at rates at which that is too short
/// nothing is looked for.
const WINDOW_MAX_US: f64 = 20e6;

/// So many requests have to be due in a window, so that at least as many come as the target's percentile
/// takes: four standard deviations more, of a count by chance.
fn requests_due(slo: &Slo) -> f64 {
    let least = slo.percentile.requests_min() as f64;
    least + 4.0 * least.sqrt()
}

/// The lowest rate that tells anything of this target.
pub fn rate_min_per_s(slo: &Slo) -> f64 {
    (requests_due(slo) * 1e6 / WINDOW_MAX_US).max(RATE_MIN_PER_S)
}

/// The shortest window that tells of this target, at this rate.
pub(crate) fn window_us(slo: &Slo, rate_per_s: f64) -> u64 {
    let enough_us = requests_due(slo) / rate_per_s.max(RATE_MIN_PER_S) * 1e6;
    enough_us.min(WINDOW_MAX_US) as u64
}

/// A search on its way; by default one that has tried nothing.
#[derive(Clone, Debug)]
pub struct Search {
    start_per_s: f64,
    /// Below this nothing is looked for.
    least_per_s: f64,
    factor: f64,
    precision: f64,
    /// The highest rate that met the target.
    met_per_s: Option<f64>,
    /// The lowest that didn't.
    failed_per_s: Option<f64>,
    /// The rate that isn't decided yet, and how many windows met the target and didn't.
    open: Option<(f64, [usize; 2])>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            start_per_s: START_PER_S,
            least_per_s: RATE_MIN_PER_S,
            factor: FACTOR,
            precision: PRECISION,
            met_per_s: None,
            failed_per_s: None,
            open: None,
        }
    }
}

impl Search {
    /// One that tries no rate below `least_per_s`.
    pub fn from(least_per_s: f64) -> Self {
        Self {
            start_per_s: START_PER_S.max(least_per_s),
            least_per_s,
            ..Self::default()
        }
    }

    /// A coarse one: from this rate up or down by a third until the answer changes.
    pub fn ramp(start_per_s: f64) -> Self {
        Self {
            start_per_s,
            factor: RAMP_FACTOR,
            // No bisecting; and rounding doesn't make it finer.
            precision: RAMP_FACTOR * 1.01,
            ..Self::default()
        }
    }

    /// The next rate to try; `None` when the search is over.
    pub fn next_per_s(&self) -> Option<f64> {
        if let Some((rate, _)) = self.open {
            return Some(rate);
        }
        let next = match (self.met_per_s, self.failed_per_s) {
            (None, None) => self.start_per_s,
            (Some(met), None) => met * self.factor,
            (None, Some(failed)) => failed / self.factor,
            (Some(met), Some(failed)) if failed / met <= self.precision => return None,
            (Some(met), Some(failed)) => (met * failed).sqrt(),
        };
        // Whole requests a second: at very low rates there may be none in between.
        let next = next.round();
        let is_new = ![self.met_per_s, self.failed_per_s].contains(&Some(next));
        ((self.least_per_s..=RATE_MAX_PER_S).contains(&next) && is_new).then_some(next)
    }

    /// What the rate that was asked for last came to.
    pub fn tell(&mut self, rate_per_s: f64, met: bool) {
        let (_, mut votes) = self.open.take().unwrap_or((rate_per_s, [0; 2]));
        votes[usize::from(!met)] += 1;
        match votes {
            [VOTES, _] => self.met_per_s = Some(rate_per_s),
            [_, VOTES] => self.failed_per_s = Some(rate_per_s),
            _ => self.open = Some((rate_per_s, votes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::iter;

    /// Searches a server whose answers are given; returns the rates that were tried.
    fn tried(mut meets: impl FnMut(f64) -> bool) -> (Vec<f64>, Option<f64>) {
        let mut search = Search::default();
        let rates: Vec<f64> = iter::from_fn(|| {
            let rate = search.next_per_s()?;
            let met = meets(rate);
            search.tell(rate, met);
            Some(rate)
        })
        .take(200)
        .collect();
        (rates, search.met_per_s)
    }

    #[test]
    fn a_capacity_is_found_within_five_percent() {
        for capacity in [1.5, 40.0, 999.0, 1_000.0, 12_345.0, 180_000.0, 3e6] {
            let (rates, found) = tried(|rate| rate <= capacity);
            let found = found.unwrap();
            assert!(found <= capacity, "{capacity}: {rates:?}");
            // Whole requests a second: below 20 that is coarser than five percent.
            assert!(
                capacity / found <= PRECISION || capacity - found <= 1.0,
                "{capacity}: {rates:?}"
            );
            assert!(rates.len() < 80, "{capacity}: {rates:?}");
        }
    }

    #[test]
    fn nothing_is_looked_for_at_rates_that_tell_nothing() {
        let mut search = Search::from(57.0);
        let mut lowest = f64::MAX;
        while let Some(rate) = search.next_per_s() {
            search.tell(rate, false);
            lowest = lowest.min(rate);
        }
        assert_eq!((search.met_per_s, lowest), (None, 63.0));
        assert_eq!(Search::from(5_000.0).next_per_s(), Some(5_000.0));
    }

    #[test]
    fn a_window_has_the_requests_that_its_percentile_takes() {
        let slo: Slo = "p99<=2ms".parse().unwrap();
        let requests = |rate: f64| rate * window_us(&slo, rate) as f64 / 1e6;
        for rate in [57.0, 1_000.0, 1e6] {
            assert!((1_100.0..1_200.0).contains(&requests(rate)), "{rate}");
        }
        assert!((56.0..57.0).contains(&rate_min_per_s(&slo)));
        let max: Slo = "max<=1s".parse().unwrap();
        assert_eq!(rate_min_per_s(&max), 1.0);
    }

    #[test]
    fn a_ramp_takes_a_few_windows() {
        let mut search = Search::ramp(60_000.0);
        let mut tried = 0;
        while let Some(rate) = search.next_per_s() {
            search.tell(rate, rate <= 70_000.0);
            tried += 1;
        }
        assert_eq!((search.met_per_s, tried), (Some(60_000.0), 4));
    }

    #[test]
    fn neither_answer_is_believed_at_once() {
        for liar in [false, true] {
            let mut lies = 0;
            let (rates, found) = tried(|rate| {
                let met = rate <= 50_000.0;
                if rate == if liar { 64_000.0 } else { 8_000.0 } && lies == 0 {
                    lies += 1;
                    return !met;
                }
                met
            });
            let found = found.unwrap();
            assert!((47_000.0..=50_000.0).contains(&found), "{rates:?}");
            assert!(
                rates.windows(3).any(|three| three[0] == three[2]),
                "{rates:?}"
            );
        }
    }

    /// Windows meet the target by chance the more often the farther below the capacity they are.
    #[test]
    fn in_noise_the_middle_of_what_is_found_is_the_capacity() {
        let mut random = fastrand::Rng::with_seed(7);
        for spread in [0.01, 0.05, 0.10] {
            let capacity: f64 = 70_000.0;
            let mut middles: Vec<f64> = (0..400)
                .map(|_| {
                    let mut search = Search::default();
                    while let Some(rate) = search.next_per_s() {
                        let distance = (rate / capacity).ln() / spread;
                        let met = random.f64() < 1.0 / (1.0 + (1.7 * distance).exp());
                        search.tell(rate, met);
                    }
                    (search.met_per_s.unwrap() * search.failed_per_s.unwrap()).sqrt() / capacity
                })
                .collect();
            middles.sort_by(f64::total_cmp);
            let middle = middles[middles.len() / 2];
            assert!((0.98..1.02).contains(&middle), "{spread}: {middle}");
        }
    }

    #[test]
    fn a_search_ends_where_nothing_or_everything_meets_the_target() {
        let (rates, found) = tried(|_| false);
        assert_eq!(found, None);
        assert!(rates.len() < 60, "{rates:?}");
        let (rates, found) = tried(|_| true);
        assert!(found.unwrap() > 5e7, "{rates:?}");
    }
}
