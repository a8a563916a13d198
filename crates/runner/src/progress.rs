//! How far a run has come: a line that changes on a terminal, a line per trial elsewhere.
//!
//! It changes only when something is told, which nobody does while a window is open: there is no clock
//! behind it that would run beside the measurement.

use crate::output;
use measure::progress::Progress;
use render::live::{Live, line};
use report::{model::ModelReport, run::RunReport};
use std::{
    cell::{Cell, RefCell},
    env,
    io::{IsTerminal as _, Write as _, stderr},
    time::{Duration, Instant},
};
use store::save::RunDirectory;

/// While a load is warmed up, figures come twenty times as fast as a person reads.
const REDRAW: Duration = Duration::from_millis(500);

/// Of a terminal that doesn't say how many it has.
const COLUMNS: u16 = 80;

/// The progress of a run, on standard error.
#[derive(Debug)]
pub(crate) struct ProgressLine {
    form: Form,
    began: Instant,
    live: RefCell<Live>,
    drawn: Cell<Option<Instant>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Quiet,
    /// One for each trial.
    Lines,
    /// One that changes.
    Live,
}

impl ProgressLine {
    /// With `quiet` nothing is shown.
    pub(crate) fn new(quiet: bool) -> Self {
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let form = match (quiet, stderr().is_terminal() && !is_dumb) {
            (true, _) => Form::Quiet,
            (false, true) => Form::Live,
            (false, false) => Form::Lines,
        };
        Self {
            form,
            began: Instant::now(),
            live: RefCell::default(),
            drawn: Cell::default(),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Live)) {
        let mut live = self.live.borrow_mut();
        live.window = None;
        live.so_far = None;
        change(&mut live);
        if self.form == Form::Live {
            // The last column is left free: some terminals go on to the next line after it.
            let columns = output::columns(stderr()).unwrap_or(COLUMNS) - 1;
            draw(&line(&live, columns));
            self.drawn.set(Some(Instant::now()));
        }
    }
}

/// Instead of what stands on the line. That nobody sees it is no reason to stop.
fn draw(line: &str) {
    let _ = write!(stderr(), "\r\x1b[K{line}");
}

/// The page of a run that goes on. What is wrong with its directory is said at the end.
pub(crate) fn write_unfinished(run: &RunReport, models: &[ModelReport], directory: &RunDirectory) {
    let _ = directory.write_text(page::FILE, &page::unfinished(run, models));
}

impl Progress for ProgressLine {
    fn expect(&self, trials: u64) {
        self.live.borrow_mut().trials.1 = trials;
    }

    fn begin(&self, trial: &str) {
        if self.form == Form::Lines {
            output::say(trial);
        }
        self.change(|live| {
            trial.clone_into(&mut live.trial);
            live.doing.clear();
        });
    }

    fn say(&self, what: &str) {
        self.change(|live| what.clone_into(&mut live.doing));
    }

    fn warming(&self, rate_per_s: f64, p99_us: f64) {
        if self.drawn.get().is_none_or(|at| at.elapsed() >= REDRAW) {
            self.change(|live| live.so_far = Some((rate_per_s, p99_us)));
        }
    }

    // It may take an hour.
    fn held(&self, rounds: usize, so_far: Duration, length: Duration) {
        let (so_far_s, length_s) = (so_far.as_secs(), length.as_secs());
        let told = format!("held for {so_far_s} of {length_s} s, round {rounds}");
        if self.form == Form::Lines {
            output::say(&told);
        }
        self.say(&told);
    }

    fn measuring(&self, window: Duration, rate_per_s: f64, p99_us: f64) {
        self.change(|live| {
            live.window = Some(window);
            live.so_far = (rate_per_s > 0.0).then_some((rate_per_s, p99_us));
        });
    }

    fn saved(&self, run: &RunReport, models: &[ModelReport], directory: &RunDirectory) {
        write_unfinished(run, models, directory);
    }

    fn end(&self) {
        let mut live = self.live.borrow_mut();
        live.trials.0 += 1;
        live.elapsed = self.began.elapsed();
    }

    // Nothing is left on the line.
    fn finish(&self) {
        if self.drawn.take().is_some() {
            draw("");
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.finish();
    }
}
