//! The load generator's processes, driven as one (`protocol::generator`).

use analysis::stats::{self, HistogramError, percentiles};
use plan::shares::shares;
use process::{
    child::{Child, Silence},
    guard::Guard,
};
use protocol::{
    generator::{Command, Event, Plan},
    tally::{self, Histogram, Totals},
};
use std::{
    ops::AddAssign,
    path::Path,
    time::{Duration, Instant},
};
use thiserror::Error;

/// A generator that says nothing for this long, not even how far it has come, hangs.
const SILENCE_LIMIT: Duration = Duration::from_secs(15);

/// Time for a generator to tell its threads of a window before it opens. Several processes may
/// share a CPU, and each waits for its turn.
const WINDOW_LEAD_US: u64 = 20_000;

/// All generator processes of a trial.
#[derive(Debug)]
pub struct Generators {
    processes: Vec<Child>,
}

/// A histogram of nanoseconds.
type Latencies = hdrhistogram::Histogram<u64>;

/// What a ramp came to, over all processes.
pub type Connected = tally::Connected<Latencies>;

/// What a window brought, over all processes.
pub type Tally = tally::Tally<Latencies>;

/// An interval of the load, over all processes.
pub(crate) type Interval = tally::Interval<Latencies>;

/// What happened in a short interval of the load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntervalSum {
    /// Answered in it.
    pub requests: u64,
    /// Of service times, with a schedule of response times; 0 without any.
    pub p99_us: f64,
}

impl IntervalSum {
    pub(crate) fn of(interval: &Interval) -> Self {
        Self {
            requests: interval.requests,
            p99_us: percentiles(&interval.latency).p99,
        }
    }
}

/// What went wrong with a generator.
#[derive(Debug, Error)]
pub enum GeneratorError {
    /// It can't be started.
    #[error("the load generator can't be started: {0}")]
    Start(std::io::Error),
    /// It says nothing any more.
    #[error("the load generator {silence}: {stderr_tail}")]
    Silent {
        /// In which way.
        silence: Silence,
        /// What it wrote last to its standard error.
        stderr_tail: String,
    },
    /// It says that it failed.
    #[error("the load generator failed: {0}")]
    Failed(String),
    /// It says something else than it should.
    #[error("the load generator wrote {0:?}")]
    Unexpected(String),
    /// What it measured can't be read.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
    /// The user wants to stop.
    #[error("interrupted")]
    Interrupted,
}

type Result<T> = std::result::Result<T, GeneratorError>;

impl Generators {
    /// Starts one process for each plan.
    ///
    /// # Errors
    /// The program can't be started or takes no plan.
    pub fn start(guard: &Guard, program: &Path, plans: &[Plan]) -> Result<Self> {
        let mut processes = Vec::new();
        for plan in plans {
            let no_args: [&str; 0] = [];
            let mut child =
                Child::spawn(guard, program, no_args, None).map_err(GeneratorError::Start)?;
            say(&mut child, plan)?;
            processes.push(child);
        }
        Ok(Self { processes })
    }

    /// Its processes.
    pub fn pids(&self) -> Vec<u32> {
        self.processes.iter().map(Child::pid).collect()
    }

    /// Opens connections until there are `connections`, in shares as even as can be.
    ///
    /// # Errors
    /// A generator fails. Connections that fail are counted, not an error.
    pub fn connect(&mut self, connections: u32) -> Result<Connected> {
        let shares = shares(connections, self.processes.len());
        for (child, share) in self.processes.iter_mut().zip(shares) {
            say(child, &Command::Connect { connections: share })?;
        }
        self.gather(|child| match next_event(child, Duration::ZERO)? {
            Event::Connected(one) => one.map(decode),
            other => Err(unexpected(&other)),
        })
    }

    /// Begins the load; `rate_per_s` is over all processes.
    ///
    /// # Errors
    /// A generator is gone.
    pub fn begin(&mut self, rate_per_s: Option<f64>) -> Result<()> {
        let share = rate_per_s.map(|rate| rate / self.processes.len() as f64);
        self.processes
            .iter_mut()
            .try_for_each(|child| say(child, &Command::Start { rate_per_s: share }))
    }

    /// The next interval of the load, over all processes.
    ///
    /// # Errors
    /// A generator fails.
    pub fn next_interval(&mut self) -> Result<IntervalSum> {
        let interval =
            self.gather(
                |child| match next_event_or_interval(child, Duration::ZERO)? {
                    Event::Interval(one) => one.map(decode),
                    other => Err(unexpected(&other)),
                },
            )?;
        Ok(IntervalSum::of(&interval))
    }

    /// Measures for one window; `at_edge` is called when it opens and when it closes.
    ///
    /// # Errors
    /// A generator fails.
    pub fn measure(&mut self, window: Duration, mut at_edge: impl FnMut()) -> Result<Tally> {
        let window_us = window.as_micros() as u64;
        let lead_us = WINDOW_LEAD_US * self.processes.len() as u64;
        for child in &mut self.processes {
            say(child, &Command::Measure { window_us, lead_us })?;
        }
        for edge in [Event::WindowOpened, Event::WindowClosed] {
            for child in &mut self.processes {
                let event = next_event(child, window)?;
                if event != edge {
                    return Err(unexpected(&event));
                }
            }
            at_edge();
        }
        self.gather(|child| match next_event(child, Duration::ZERO)? {
            Event::Result(one) => one.map(decode),
            other => Err(unexpected(&other)),
        })
    }

    /// Closes all connections and ends the processes.
    ///
    /// # Errors
    /// A generator fails.
    pub fn finish(mut self) -> Result<Totals> {
        for child in &mut self.processes {
            say(child, &Command::Finish)?;
        }
        self.gather(|child| match next_event(child, Duration::ZERO)? {
            Event::Finished(one) => Ok(one),
            other => Err(unexpected(&other)),
        })
    }

    /// What all processes tell, as one.
    fn gather<T: AddAssign>(&mut self, hear: fn(&mut Child) -> Result<T>) -> Result<T> {
        let mut all = None;
        for child in &mut self.processes {
            let one = hear(child)?;
            match &mut all {
                None => all = Some(one),
                Some(all) => *all += one,
            }
        }
        all.ok_or_else(|| GeneratorError::Unexpected("no generator at all".to_owned()))
    }
}

fn decode(histogram: Histogram) -> Result<Latencies> {
    let mut latencies = stats::decode(&histogram.0)?;
    // It grows to what others hold: so they can always be added.
    latencies.auto(true);
    Ok(latencies)
}

fn unexpected(event: &Event) -> GeneratorError {
    GeneratorError::Unexpected(format!("{event:?}"))
}

fn say(child: &mut Child, message: &impl serde::Serialize) -> Result<()> {
    let line = serde_json::to_string(message)
        .map_err(|error| GeneratorError::Unexpected(error.to_string()))?;
    // A generator that is gone has mostly said why.
    child
        .say(&line)
        .or_else(|_| next_event(child, Duration::ZERO).map(drop))
}

/// The next event that isn't about how it goes; `expected` is how long it takes when all is
/// well.
fn next_event(child: &mut Child, expected: Duration) -> Result<Event> {
    loop {
        match next_event_or_interval(child, expected)? {
            // Told before the window was announced.
            Event::Interval(_) => {}
            event => return Ok(event),
        }
    }
}

fn next_event_or_interval(child: &mut Child, expected: Duration) -> Result<Event> {
    loop {
        let line = match child.next_line(Instant::now() + expected + SILENCE_LIMIT) {
            Ok(line) => line,
            Err(Silence::Interrupted) => return Err(GeneratorError::Interrupted),
            Err(silence) => {
                let stderr_tail = child.post_mortem().stderr_tail;
                return Err(GeneratorError::Silent {
                    silence,
                    stderr_tail,
                });
            }
        };
        match serde_json::from_str(&line) {
            Ok(Event::Progress { .. }) => {}
            Ok(Event::Failed { message }) => return Err(GeneratorError::Failed(message)),
            Ok(event) => return Ok(event),
            Err(_) => return Err(GeneratorError::Unexpected(line.chars().take(200).collect())),
        }
    }
}
