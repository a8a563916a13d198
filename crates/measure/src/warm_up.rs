//! When a load has become steady: detected, not guessed.
//!
//! Each short interval of the load is one observation: requests, the 99th percentile of the
//! latency, and the server's resident memory. The load is steady when the last second's worth
//! of each shows no change point (`stats::is_steady`).

use generators::driven::IntervalSum;
use plan::window::WARM_UP_ROUNDS_MIN;
use stats::is_steady;
use std::time::Duration;

/// Observations that are looked at.
const LAST: usize = 20;

/// How a warm-up came out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmUp {
    /// How long it took.
    pub length_us: u64,
    /// Whether the load was steady at its end.
    pub steady: bool,
    /// In the last intervals.
    pub rate_per_s: f64,
    /// The 99th percentile of the last interval.
    pub p99_us: f64,
}

/// Sees a load warm up.
#[derive(Debug)]
pub struct WarmUpWatch {
    min: Duration,
    max: Duration,
    /// Requests that are outstanding at a time; 0 where a schedule says when they are sent.
    round: u64,
    answered: u64,
    requests: Vec<f64>,
    p99_us: Vec<f64>,
    resident_pages: Vec<f64>,
}

impl WarmUpWatch {
    /// A warm-up that takes from `min` to `max`, and in closed load, where `round` requests are
    /// outstanding at a time, some rounds.
    pub fn new(min: Duration, max: Duration, round: u64) -> Self {
        Self {
            min,
            max,
            round,
            answered: 0,
            requests: Vec::new(),
            p99_us: Vec::new(),
            resident_pages: Vec::new(),
        }
    }

    /// Takes one observation, `elapsed` after the load's start. Returns how the warm-up came
    /// out, once it is over.
    pub fn observe(
        &mut self,
        interval: IntervalSum,
        resident_pages: Option<u64>,
        elapsed: Duration,
    ) -> Option<WarmUp> {
        self.answered += interval.requests;
        self.requests.push(interval.requests as f64);
        self.p99_us.push(interval.p99_us);
        self.resident_pages.push(resident_pages.unwrap_or(0) as f64);
        let rate_per_s = self.rate_per_s(elapsed);
        let over = |steady| {
            Some(WarmUp {
                length_us: elapsed.as_micros() as u64,
                steady,
                rate_per_s,
                p99_us: interval.p99_us,
            })
        };
        // Nothing at all is as steady as can be, while the first replies are on their way.
        let has_rounds = self.answered >= (WARM_UP_ROUNDS_MIN * self.round).max(1);
        if elapsed >= self.min && has_rounds && self.is_steady() {
            return over(true);
        }
        (elapsed >= self.max).then(|| over(false)).flatten()
    }

    /// Of the last observations, which are equally long.
    fn rate_per_s(&self, elapsed: Duration) -> f64 {
        let each_s = elapsed.as_secs_f64() / self.requests.len() as f64;
        let last = &self.requests[self.requests.len().saturating_sub(LAST)..];
        last.iter().sum::<f64>() / (last.len() as f64 * each_s)
    }

    fn is_steady(&self) -> bool {
        let last = |series: &[f64]| {
            let from = series.len().checked_sub(LAST);
            from.is_some_and(|from| is_steady(&series[from..]))
        };
        last(&self.requests) && last(&self.p99_us) && last(&self.resident_pages)
    }
}
