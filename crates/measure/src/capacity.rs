//! The search for the highest rate that meets a target: climb geometrically, confirm a failure
//! before believing it, bisect.
//!
//! Pure: what a rate came to is told, which rate comes next is asked. Running it is for
//! [`crate::trial`].

/// Where the climb begins.
const START_PER_S: f64 = 1_000.0;

/// No server is driven beyond this, and none is looked for below.
const RATE_MAX_PER_S: f64 = 1e8;
const RATE_MIN_PER_S: f64 = 1.0;

/// One step of the climb, up or down.
const FACTOR: f64 = 2.0;

/// How closely the highest rate is found.
const PRECISION: f64 = 1.05;

/// A search on its way; by default one that has tried nothing.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The highest rate that met the target.
    met_per_s: Option<f64>,
    /// The lowest that failed twice.
    failed_per_s: Option<f64>,
    /// Failed once.
    doubted_per_s: Option<f64>,
}

impl Search {
    /// The next rate to try; `None` when the search is over.
    pub fn next_per_s(&self) -> Option<f64> {
        if self.doubted_per_s.is_some() {
            return self.doubted_per_s;
        }
        let next = match (self.met_per_s, self.failed_per_s) {
            (None, None) => START_PER_S,
            (Some(met), None) => met * FACTOR,
            (None, Some(failed)) => failed / FACTOR,
            (Some(met), Some(failed)) if failed / met <= PRECISION => return None,
            (Some(met), Some(failed)) => (met * failed).sqrt(),
        };
        // Whole requests a second: at very low rates there may be none in between.
        let next = next.round();
        let is_new = ![self.met_per_s, self.failed_per_s].contains(&Some(next));
        ((RATE_MIN_PER_S..=RATE_MAX_PER_S).contains(&next) && is_new).then_some(next)
    }

    /// What the rate that was asked for last came to.
    pub fn tell(&mut self, rate_per_s: f64, met: bool) {
        let was_doubted = self.doubted_per_s.take().is_some();
        if met {
            self.met_per_s = Some(rate_per_s);
        } else if was_doubted {
            self.failed_per_s = Some(rate_per_s);
        } else {
            self.doubted_per_s = Some(rate_per_s);
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
            assert!(rates.len() < 40, "{capacity}: {rates:?}");
        }
    }

    #[test]
    fn one_failure_is_not_believed() {
        let mut failures = 0;
        let (rates, found) = tried(|rate| {
            if rate == 8_000.0 && failures == 0 {
                failures += 1;
                return false;
            }
            rate <= 50_000.0
        });
        assert_eq!(&rates[3..5], [8_000.0, 8_000.0]);
        assert!(found.unwrap() > 47_000.0, "{rates:?}");
    }

    #[test]
    fn a_search_ends_where_nothing_or_everything_meets_the_target() {
        let (rates, found) = tried(|_| false);
        assert_eq!(found, None);
        assert!(rates.len() < 30, "{rates:?}");
        let (rates, found) = tried(|_| true);
        assert!(found.unwrap() > 5e7, "{rates:?}");
    }
}
