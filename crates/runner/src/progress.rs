//! How far a run has come: a line that changes on a terminal, a line per trial elsewhere.

use crate::output;
use indicatif::{ProgressBar, ProgressStyle};
use measure::progress::Progress;
use std::{
    cell::{OnceCell, RefCell},
    io::{IsTerminal as _, stderr},
    time::Duration,
};

/// The progress of a run, on standard error.
#[derive(Debug, Default)]
pub(crate) struct ProgressLine {
    /// Only on a terminal.
    bar: OnceCell<ProgressBar>,
    trial: RefCell<String>,
}

impl Progress for ProgressLine {
    fn expect(&self, trials: u64) {
        if !stderr().is_terminal() {
            return;
        }
        let bar = self.bar.get_or_init(|| ProgressBar::new(trials));
        let style = ProgressStyle::with_template("{bar:20} {pos}/{len} [{elapsed}] {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(200));
    }

    fn begin(&self, trial: &str) {
        trial.clone_into(&mut self.trial.borrow_mut());
        match self.bar.get() {
            Some(bar) => bar.set_message(trial.to_owned()),
            None => output::say(trial),
        }
    }

    fn say(&self, what: &str) {
        if let Some(bar) = self.bar.get() {
            bar.set_message(format!("{}: {what}", self.trial.borrow()));
        }
    }

    fn end(&self) {
        if let Some(bar) = self.bar.get() {
            bar.inc(1);
        }
    }

    // Nothing is left on the line.
    fn finish(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
