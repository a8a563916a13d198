//! How far a run has come, for whoever shows it.

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

    /// A trial is over.
    fn end(&self) {}

    /// All trials are over.
    fn finish(&self) {}
}
