//! How far a run has come, for whoever shows it.

use report::{model::ModelReport, run::RunReport};
use std::time::Duration;
use store::save::RunDirectory;

/// Is told what happens. Everything has a default, so that nobody need listen.
pub trait Progress {
    /// There will be so many trials.
    fn expect(&self, trials: u64) {
        let _ = trials;
    }

    /// A trial begins.
    fn begin(&self, trial: &str) {
        let _ = trial;
    }

    /// What the trial is doing.
    fn say(&self, what: &str) {
        let _ = what;
    }

    /// The load is warmed up: replies per second, and the 99th percentile of their times in
    /// microseconds, of the last 50 ms. Comes as often as that.
    fn warming(&self, rate_per_s: f64, p99_us: f64) {
        let _ = (rate_per_s, p99_us);
    }

    /// Connections that are to be held for so long have been held in so many rounds so far.
    fn held(&self, rounds: usize, so_far: Duration, length: Duration) {
        let _ = (rounds, so_far, length);
    }

    /// A window is about to open, with the load as it is now; where it isn't warmed up, that is 0. Until
    /// the window has closed nothing is told, and nobody may draw.
    fn measuring(&self, window: Duration, rate_per_s: f64, p99_us: f64) {
        let _ = (window, rate_per_s, p99_us);
    }

    /// A block is over, and more may come. Its reports are in `directory`.
    fn saved(&self, run: &RunReport, models: &[ModelReport], directory: &RunDirectory) {
        let _ = (run, models, directory);
    }

    /// A trial is over.
    fn end(&self) {}

    /// All trials are over.
    fn finish(&self) {}
}
