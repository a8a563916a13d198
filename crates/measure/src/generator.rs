//! The load generator's processes, driven as one (`protocol::generator`).

use analysis::stats::{HistogramError, add_histograms, encode, percentiles};
use plan::shares::shares;
use process::{
    child::{Child, Silence},
    guard::Guard,
};
use protocol::generator::{Command, Event, Histogram, Interval, Plan, Totals, WindowResult};
use std::{
    collections::BTreeMap,
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

/// What a ramp came to, over all processes.
#[derive(Clone, Debug, Default)]
pub struct Connected {
    /// Established.
    pub connections: u32,
    /// Of the process that took longest.
    pub elapsed_us: u64,
    /// Histogram of the times that connects took.
    pub connect_time: String,
    /// How often each kind of error was met.
    pub errors: BTreeMap<String, u64>,
}

/// What happened in a short interval of the load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntervalSum {
    /// Answered in it.
    pub requests: u64,
    /// Of service times, with a schedule of response times; 0 without any.
    pub p99_us: f64,
}

impl IntervalSum {
    /// The sum of several processes' intervals.
    ///
    /// # Errors
    /// A histogram can't be read.
    pub fn of(intervals: &[Interval]) -> Result<Self> {
        let texts = intervals.iter().map(|interval| interval.latency.0.as_str());
        let histogram = add_histograms(texts)?;
        Ok(Self {
            requests: intervals.iter().map(|interval| interval.requests).sum(),
            p99_us: histogram.map_or(0.0, |histogram| percentiles(&histogram).p99),
        })
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
        let mut all = Connected::default();
        let mut times = Vec::new();
        for child in &mut self.processes {
            match next_event(child, Duration::ZERO)? {
                Event::Connected {
                    connections,
                    elapsed_us,
                    connect_time,
                    errors,
                } => {
                    all.connections += connections;
                    all.elapsed_us = all.elapsed_us.max(elapsed_us);
                    times.push(connect_time.0);
                    add(&mut all.errors, errors);
                }
                other => return Err(GeneratorError::Unexpected(format!("{other:?}"))),
            }
        }
        all.connect_time = sum(&times)?;
        Ok(all)
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
        let mut told = Vec::new();
        for child in &mut self.processes {
            match next_event_or_interval(child, Duration::ZERO)? {
                Event::Interval(interval) => told.push(interval),
                other => return Err(GeneratorError::Unexpected(format!("{other:?}"))),
            }
        }
        IntervalSum::of(&told)
    }

    /// Measures for one window; `at_edge` is called when it opens and when it closes.
    ///
    /// # Errors
    /// A generator fails.
    pub fn measure(&mut self, window: Duration, mut at_edge: impl FnMut()) -> Result<WindowResult> {
        let window_us = window.as_micros() as u64;
        let lead_us = WINDOW_LEAD_US * self.processes.len() as u64;
        for child in &mut self.processes {
            say(child, &Command::Measure { window_us, lead_us })?;
        }
        for edge in [Event::WindowOpened, Event::WindowClosed] {
            for child in &mut self.processes {
                let event = next_event(child, window)?;
                if event != edge {
                    return Err(GeneratorError::Unexpected(format!("{event:?}")));
                }
            }
            at_edge();
        }
        let mut results = Vec::new();
        for child in &mut self.processes {
            match next_event(child, Duration::ZERO)? {
                Event::Result(result) => results.push(*result),
                other => return Err(GeneratorError::Unexpected(format!("{other:?}"))),
            }
        }
        merge(results)
    }

    /// Closes all connections and ends the processes.
    ///
    /// # Errors
    /// A generator fails.
    pub fn finish(mut self) -> Result<Totals> {
        for child in &mut self.processes {
            say(child, &Command::Finish)?;
        }
        let mut totals = Totals::default();
        for child in &mut self.processes {
            match next_event(child, Duration::ZERO)? {
                Event::Finished(one) => totals.add(&one),
                other => return Err(GeneratorError::Unexpected(format!("{other:?}"))),
            }
        }
        Ok(totals)
    }
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

fn merge(results: Vec<WindowResult>) -> Result<WindowResult> {
    let texts = |of: fn(&WindowResult) -> Option<&Histogram>| {
        let texts = results.iter().filter_map(of);
        sum(&texts
            .map(|histogram| histogram.0.clone())
            .collect::<Vec<_>>())
    };
    let service_time = texts(|r| Some(&r.service_time))?;
    let response_time = texts(|r| Some(&r.scheduled.as_ref()?.response_time))?;
    let lag = texts(|r| Some(&r.scheduled.as_ref()?.lag))?;
    let connect_time = texts(|r| r.scheduled.as_ref()?.connect_time.as_ref())?;
    let intervals = merge_intervals(&results)?;
    let merged = results.into_iter().reduce(|mut all, one| {
        all.window_us = all.window_us.min(one.window_us);
        all.connections += one.connections;
        all.connections_lost += one.connections_lost;
        all.requests += one.requests;
        all.offered += one.offered;
        all.requests_waited += one.requests_waited;
        all.replies_late += one.replies_late;
        all.replies_missing += one.replies_missing;
        all.replies_wrong += one.replies_wrong;
        all.sends_skipped += one.sends_skipped;
        all.served_least = all.served_least.min(one.served_least);
        all.served_most = all.served_most.max(one.served_most);
        all.never_served += one.never_served;
        all.polls += one.polls;
        all.polls_empty += one.polls_empty;
        if let (Some(all), Some(one)) = (&mut all.scheduled, one.scheduled) {
            all.longest_stall_us = all.longest_stall_us.max(one.longest_stall_us);
        }
        add(&mut all.errors, one.errors);
        all
    });
    let mut merged =
        merged.ok_or_else(|| GeneratorError::Unexpected("no generator at all".to_owned()))?;
    merged.service_time.0 = service_time;
    merged.intervals = intervals;
    if let Some(scheduled) = &mut merged.scheduled {
        scheduled.response_time.0 = response_time;
        scheduled.lag.0 = lag;
        if let Some(times) = &mut scheduled.connect_time {
            times.0 = connect_time;
        }
    }
    Ok(merged)
}

/// The intervals of all processes, one by one; as many as all of them have.
fn merge_intervals(results: &[WindowResult]) -> Result<Vec<Interval>> {
    let length = results.iter().map(|r| r.intervals.len()).min().unwrap_or(0);
    let merged = (0..length).map(|index| {
        let same: Vec<&Interval> = results.iter().map(|r| &r.intervals[index]).collect();
        let texts: Vec<String> = same.iter().map(|i| i.latency.0.clone()).collect();
        Ok(Interval {
            index: index as u32,
            requests: same.iter().map(|interval| interval.requests).sum(),
            latency: Histogram(sum(&texts)?),
        })
    });
    merged.collect()
}

fn sum(histograms: &[String]) -> Result<String> {
    let sum = add_histograms(histograms.iter().map(String::as_str))?;
    Ok(sum.map(|sum| encode(&sum)).transpose()?.unwrap_or_default())
}

fn add(errors: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    for (kind, times) in more {
        *errors.entry(kind).or_default() += times;
    }
}
