//! How far a run has come: a line that changes on a terminal, a line per trial elsewhere.

use crate::output;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    cell::RefCell,
    io::{IsTerminal as _, stderr},
    time::Duration,
};

/// The progress of a run.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    trial: RefCell<String>,
}

impl Progress {
    /// For a run of so many trials.
    pub(crate) fn new(trials: u64) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(trials);
            let style = ProgressStyle::with_template("{bar:20} {pos}/{len} [{elapsed}] {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            bar,
            trial: RefCell::default(),
        }
    }

    /// A trial begins.
    pub(crate) fn begin(&self, trial: &str) {
        trial.clone_into(&mut self.trial.borrow_mut());
        match &self.bar {
            Some(bar) => bar.set_message(trial.to_owned()),
            None => output::say(trial),
        }
    }

    /// What the trial is doing.
    pub(crate) fn say(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}: {what}", self.trial.borrow()));
        }
    }

    /// A trial is over.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// The run is over: nothing is left on the line.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
