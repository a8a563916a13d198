//! All generators of a trial, driven as one.

use crate::{
    dialogue::{next_event, next_event_or_interval, say, unexpected},
    error::{GeneratorError, Result},
    host::{Generator, GeneratorHost},
    of_host::{self, HostTally},
    sampling::Sampling,
};
use process::watch::{Watch, Woken, now_ns};
use protocol::{
    generator::{Command, Event, Plan},
    tally::{self, Histogram, Totals},
};
use stats::percentiles;
use std::{
    ops::AddAssign,
    time::{Duration, Instant},
};

/// A moment that is announced is so far ahead, and further by so much for each process: several may
/// share a CPU, and each waits for its turn to hear of it and to tell its threads.
const LEAD_NS: u64 = 20_000_000;
const LEAD_NS_PER_PROCESS: u64 = 20_000_000;

/// Before a window opens there is so much time for looking at clocks and counters. To read the CPU
/// time of a thread takes some 1 us: this is enough for ten thousand threads, on a busy machine for
/// some hundred.
pub const EDGE_NS: u64 = 15_000_000;

/// All generator processes of a trial.
#[derive(Debug)]
pub struct Generators {
    processes: Vec<Box<dyn Generator>>,
    /// Of the load that was begun last.
    rate_per_s: Option<f64>,
    /// Of the window that was measured last.
    by_host: Vec<HostTally>,
}

/// A histogram of nanoseconds.
type Latencies = hdrhistogram::Histogram<u64>;

/// What a ramp came to, over all processes.
pub type Connected = tally::Connected<Latencies>;

/// What a window brought, over all processes.
pub type Tally = tally::Tally<Latencies>;

/// An interval of the load, over all processes.
pub type Interval = tally::Interval<Latencies>;

/// What happened in a short interval of the load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntervalSum {
    /// Answered in it.
    pub requests: u64,
    /// Of service times, with a schedule of response times; 0 without any.
    pub p99_us: f64,
}

impl IntervalSum {
    fn of(interval: &Interval) -> Self {
        Self {
            requests: interval.requests,
            p99_us: percentiles(&interval.latency).p99,
        }
    }
}

impl Generators {
    /// Starts one process for each plan.
    ///
    /// # Errors
    /// The program can't be started or takes no plan.
    pub fn start(host: &dyn GeneratorHost, plans: &[Plan]) -> Result<Self> {
        host.begin_trial().map_err(GeneratorError::Start)?;
        let mut processes = Vec::new();
        for plan in plans {
            let mut generator = host.start(plan).map_err(GeneratorError::Start)?;
            say(&mut *generator, plan)?;
            processes.push(generator);
        }
        Ok(Self {
            processes,
            rate_per_s: None,
            by_host: Vec::new(),
        })
    }

    /// Its processes; none where one is on another machine, because what the others use says nothing
    /// of all.
    pub fn pids(&self) -> Vec<u32> {
        let pids = self.processes.iter().map(|generator| generator.pid());
        pids.collect::<Option<_>>().unwrap_or_default()
    }

    /// Those that are on this machine, where another one isn't: ours, though what they use says nothing of
    /// all.
    pub fn pids_beside_others(&self) -> Vec<u32> {
        match self.pids().is_empty() {
            true => self
                .processes
                .iter()
                .filter_map(|generator| generator.pid())
                .collect(),
            false => Vec::new(),
        }
    }

    /// Opens connections until there are `connections`, of which each process has every so-manieth.
    ///
    /// # Errors
    /// A generator fails. Connections that fail are counted, not an error.
    pub fn connect(&mut self, connections: u32) -> Result<Connected> {
        self.say_to_all(&Command::Connect { connections })?;
        self.gather(|one| match next_event(one)? {
            Event::Connected(one) => one.map(decode),
            other => Err(unexpected(&other)),
        })
    }

    /// Begins the load; `rate_per_s` is over all processes.
    ///
    /// # Errors
    /// A generator is gone.
    pub fn begin(&mut self, rate_per_s: Option<f64>) -> Result<()> {
        self.rate_per_s = rate_per_s;
        let begins_at_ns = now_ns() + self.lead_ns();
        self.begin_at(begins_at_ns, false)
    }

    fn begin_at(&mut self, begins_at_ns: u64, samples: bool) -> Result<()> {
        let rate_per_s = self.rate_per_s;
        self.say_to_all(&Command::Start {
            begins_at_ns,
            rate_per_s,
            samples,
        })
    }

    /// The next interval of the load, over all processes.
    ///
    /// # Errors
    /// A generator fails.
    pub fn next_interval(&mut self) -> Result<IntervalSum> {
        let interval = self.gather(|one| match next_event_or_interval(one)? {
            Event::Interval(one) => one.map(decode),
            other => Err(unexpected(&other)),
        })?;
        Ok(IntervalSum::of(&interval))
    }

    /// Measures for one window; `at_edge` is called just before it opens and when it has closed, with
    /// the moment at which it opens or closed. Nothing else of this process runs in between, so that it isn't measured.
    ///
    /// # Errors
    /// A generator fails, or the user wants to stop: both are noticed at once.
    pub fn measure(&mut self, window: Duration, at_edge: impl FnMut(Instant)) -> Result<Tally> {
        // After a load that has just been told to begin, too.
        let opens_at_ns = now_ns() + 2 * self.lead_ns() + EDGE_NS;
        self.measure_from(opens_at_ns, window, at_edge)
    }

    /// Begins the load of `measured` again, for a window in which nothing but read lag is measured,
    /// which goes into it with whatever went wrong.
    ///
    /// # Errors
    /// As with [`Generators::measure`].
    pub fn sample_reading(&mut self, measured: &mut Tally) -> Result<()> {
        let scheduled = measured.scheduled.as_ref();
        let is_open = scheduled.is_some_and(|times| times.connect_time.is_none());
        let mean_ns = measured.service_time.mean();
        let Some(Sampling { warm_up, window }) =
            Sampling::after(&measured.counts, mean_ns, is_open)
        else {
            return Ok(());
        };
        let begins_at_ns = now_ns() + self.lead_ns();
        self.begin_at(begins_at_ns, true)?;
        let opens_at_ns = begins_at_ns + warm_up.as_nanos() as u64 + self.lead_ns() + EDGE_NS;
        let sampled = self.measure_from(opens_at_ns, window, |_| {})?;
        let (counts, more) = (&mut measured.counts, sampled.counts);
        counts.connections = counts.connections.min(more.connections);
        counts.connections_lost += more.connections_lost;
        counts.replies_wrong += more.replies_wrong;
        if measured.scheduled.is_none() {
            counts.replies_missing += more.replies_missing;
        }
        measured.errors += sampled.errors;
        measured.read_times = sampled.read_times;
        Ok(())
    }

    fn measure_from(
        &mut self,
        opens_at_ns: u64,
        window: Duration,
        mut at_edge: impl FnMut(Instant),
    ) -> Result<Tally> {
        let window_us = window.as_micros() as u64;
        self.say_to_all(&Command::Measure {
            opens_at_ns,
            window_us,
        })?;
        let watch = Watch::over(self.pids()).map_err(GeneratorError::Wait)?;
        // As the clock of this process has it, too.
        let opens_at = Instant::now() + Duration::from_nanos(opens_at_ns.saturating_sub(now_ns()));
        let closes_at = opens_at + window;
        let edges = [
            (opens_at_ns - EDGE_NS, opens_at),
            (opens_at_ns + window_us * 1000, closes_at),
        ];
        for (woken_at_ns, edge) in edges {
            self.sleep_until(woken_at_ns, &watch)?;
            at_edge(edge);
        }
        let mut by_host = Vec::new();
        let all = self.gather(|generator| match next_event(generator)? {
            Event::Result(one) => {
                let one = one.map(decode)?;
                of_host::add(&mut by_host, generator.machine(), &one);
                Ok(one)
            }
            other => Err(unexpected(&other)),
        });
        self.by_host = by_host;
        all
    }

    /// What each of the other machines did in the window that was measured last, or in which read lag was
    /// sampled; none without any.
    pub fn by_host(&self) -> &[HostTally] {
        &self.by_host
    }

    /// Closes all connections and ends the processes.
    ///
    /// # Errors
    /// A generator fails.
    pub fn finish(mut self) -> Result<Totals> {
        self.say_to_all(&Command::Finish)?;
        self.gather(|one| match next_event(one)? {
            Event::Finished(one) => Ok(one),
            other => Err(unexpected(&other)),
        })
    }

    fn lead_ns(&self) -> u64 {
        LEAD_NS + LEAD_NS_PER_PROCESS * self.processes.len() as u64
    }

    fn say_to_all(&mut self, command: &Command) -> Result<()> {
        self.processes
            .iter_mut()
            .try_for_each(|generator| say(&mut **generator, command))
    }

    fn sleep_until(&mut self, moment_ns: u64, watch: &Watch) -> Result<()> {
        match watch.sleep_until(moment_ns) {
            Ok(()) => Ok(()),
            Err(Woken::Interrupted) => Err(GeneratorError::Interrupted),
            Err(Woken::Refused(error)) => Err(GeneratorError::Wait(error)),
            // It has mostly said why.
            Err(Woken::Ended(index)) => {
                let generator = &mut *self.processes[index];
                let event = next_event(generator)?;
                Err(unexpected(&event).of(generator))
            }
        }
    }

    /// What all processes tell, as one.
    fn gather<T: AddAssign>(
        &mut self,
        mut hear: impl FnMut(&mut dyn Generator) -> Result<T>,
    ) -> Result<T> {
        let mut all = None;
        for generator in &mut self.processes {
            let one = hear(&mut **generator)?;
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
