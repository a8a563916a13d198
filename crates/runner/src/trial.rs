//! One trial: a fresh server, one load, a window for each count of connections or each rate.

mod counts;
mod profile;
mod syscalls;
mod window;

use crate::{
    capacity::Search,
    generator::{GeneratorError, Generators},
    interrupt,
    origin::{Origin, Subject},
    plan,
    profile::Profile,
    progress::Progress,
    sample::{self, NetEvents, Snapshot},
    server::ServerError,
    warm_up::{WarmUp, WarmUpWatch, resident_pages},
};
use counts::{counts_of, generator_counts};
use report::{
    model::Failure,
    rules,
    run::{Plan, PlannedLoad},
    slo::Slo,
    stats::HistogramError,
    trial::{Load, Step, Trial},
};
use std::{
    net::SocketAddr,
    path::Path,
    thread,
    time::{Duration, Instant},
};
use syscalls::count_syscalls;
use thiserror::Error;
use window::{percentiles_of, window_of};

/// Rounds of requests that a window of closed load holds at least; some connections are served less
/// often than others.
pub(crate) const ROUNDS_MIN: f64 = 4.5;

/// But it isn't longer than this, unless it was asked for.
const WINDOW_MAX_US: u64 = 300_000_000;

/// How long the end of a trial's connections is waited for; a server closes some 50,000 a second.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
const CLOSE_LIMIT_PER_CONNECTION: Duration = Duration::from_micros(60);
const CLOSE_LOOK: Duration = Duration::from_millis(5);
const SOCKETS_OF_OTHERS: u64 = 20;

/// Why there is no trial.
#[derive(Debug, Error)]
pub(crate) enum TrialError {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    #[error(transparent)]
    Histogram(#[from] HistogramError),
    #[error(
        "the server listens on {0}, which is not loopback; --allow-remote lets it be loaded all \
         the same"
    )]
    Remote(SocketAddr),
    #[error("{0}; the machine ran out of memory, and the kernel killed a process (dmesg names it)")]
    OutOfMemory(Box<TrialError>),
}

/// A profile, or why there is none.
pub(crate) type Profiled = Result<Profile, String>;

/// What one window is to be over.
#[derive(Clone, Copy, Debug)]
struct Asked {
    connections: u32,
    rate_per_s: Option<f64>,
}

/// What a trial is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bench<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) loadgen: &'a Path,
    pub(crate) allow_remote: bool,
    pub(crate) progress: &'a Progress,
}

impl Bench<'_> {
    /// Runs one trial of a server.
    ///
    /// # Errors
    /// Why it didn't come to its end; server and generators are gone then.
    pub(crate) fn trial(
        &self,
        server: impl Into<Origin>,
        block: u32,
        planned: &PlannedLoad,
    ) -> Result<Trial, TrialError> {
        let origin = server.into();
        let (trial, _) = self.trial_and_profile(&origin, block, planned, false)?;
        Ok(trial)
    }

    /// Runs one trial of a server and, if that is wanted, takes a profile at its end.
    ///
    /// # Errors
    /// As with [`Bench::trial`]. A profile that can't be taken is no error but a reason.
    pub(crate) fn trial_and_profile(
        &self,
        origin: &Origin,
        block: u32,
        planned: &PlannedLoad,
        wants_profile: bool,
    ) -> Result<(Trial, Option<Profiled>), TrialError> {
        let kills_before = sample::oom_kills();
        self.undisturbed_trial(origin, block, planned, wants_profile)
            .map_err(|error| {
                if sample::oom_kills() > kills_before {
                    TrialError::OutOfMemory(Box::new(error))
                } else {
                    error
                }
            })
    }

    fn undisturbed_trial(
        &self,
        origin: &Origin,
        block: u32,
        planned: &PlannedLoad,
        wants_profile: bool,
    ) -> Result<(Trial, Option<Profiled>), TrialError> {
        let memory_before = sample::machine_memory();
        let mut server = origin.start()?;
        if !server.addr().ip().is_loopback() && !self.allow_remote {
            return Err(TrialError::Remote(server.addr()));
        }
        let server_empty_bytes = sample::pss_bytes(&server.pids());
        let seed = plan::schedule_seed(self.plan, block);
        let plans = plan::generator_plans(self.plan, planned, server.addr(), seed);
        let mut generators = Generators::start(self.loadgen, &plans)?;
        let generator_empty_bytes = sample::pss_bytes(&generators.pids());
        let sockets_before = sample::tcp_sockets_held();
        let mut step = |asked| {
            self.step(&mut server, &mut generators, planned, asked)
                // A generator's trouble is mostly the echo of a server's death.
                .map_err(|error| {
                    server
                        .check_alive_soon()
                        .err()
                        .map_or(error, TrialError::from)
                })
        };
        let mut steps = match planned.load {
            Load::Capacity { slo, .. } => search(planned, slo, &mut step)?,
            _ => planned
                .windows()
                .into_iter()
                .map(|(connections, rate_per_s)| {
                    step(Asked {
                        connections,
                        rate_per_s,
                    })
                })
                .collect::<Result<_, _>>()?,
        };
        let profiled = match steps.last_mut().filter(|_| wants_profile) {
            Some(step) => {
                self.progress.say("profile");
                Some(profile::profile(&mut server, &mut generators, step)?)
            }
            None => None,
        };
        self.progress.say("closing");
        let closing = Instant::now();
        let sent = generators.finish()?;
        let is_closed = await_closed(sockets_before, planned.connections_max());
        let teardown_us = is_closed.then(|| closing.elapsed().as_micros() as u64);
        let (server_counts, not_measured) = counts_of(server.stop()?);
        let trial = Trial {
            block,
            load: planned.load,
            steps,
            generator_counts: generator_counts(&sent),
            server_counts,
            server_empty_bytes,
            generator_empty_bytes,
            memory_before,
            teardown_us,
            schedule_seed: planned.load.is_scheduled().then_some(seed),
            not_measured,
        };
        Ok((trial, profiled))
    }

    fn step(
        &self,
        server: &mut Subject,
        generators: &mut Generators,
        planned: &PlannedLoad,
        asked: Asked,
    ) -> Result<Step, TrialError> {
        let net_before = NetEvents::read();
        let connections = asked.connections;
        self.progress
            .say(&format!("{connections} connections: connecting"));
        // Churn opens its own, one for each request.
        let open_before = match planned.load {
            Load::Churn { .. } => 0,
            _ => connections,
        };
        let connected = generators.connect(open_before)?;
        server.check_alive()?;
        let rate = asked
            .rate_per_s
            .map_or_else(String::new, |r| format!(" at {r}/s"));
        let load = planned.load.word();
        self.progress
            .say(&format!("{connections} connections: {load} load{rate}"));
        generators.begin(asked.rate_per_s)?;
        let warm_up = self.warm_up(server, generators, planned, connections)?;

        let generator_pids = generators.pids();
        let mut edges = Vec::new();
        let window_us = window_us(planned, connections, warm_up);
        let window = Duration::from_micros(window_us);
        let result = generators.measure(window, || {
            // Of a server that isn't ours processes may come and go.
            edges.push(Snapshot::take(&server.pids(), &generator_pids))
        })?;
        server.check_alive()?;

        let [opened, closed] = &edges[..] else {
            return Err(GeneratorError::Unexpected("a window without edges".to_owned()).into());
        };
        let (mut server_use, mut generator_use, mut machine) =
            sample::between(opened, closed, window);
        sample::add_memory(&mut server_use, &server.pids());
        sample::add_memory(&mut generator_use, &generator_pids);
        sample::add_kernel_memory(&mut machine);
        net_before.add_since(&mut machine);
        let (server_threads, server_cpus_max) = server.threads_and_cpus(self.plan);
        let generator_threads = self.plan.client_threads * self.plan.client_processes;
        let generator_cpus = self.plan.client_cpus.len() as u32;
        let mut step = Step {
            connections,
            connections_open: result.connections,
            rate_per_s: asked.rate_per_s,
            connect_elapsed_us: connected.elapsed_us,
            connect_time_us: percentiles_of(&connected.connect_time)?,
            warm_up_us: warm_up.map_or(0, |warm_up| warm_up.length_us),
            steady: warm_up.map(|warm_up| warm_up.steady),
            window_asked_us: window_us,
            window: window_of(result, connected, plan::interval_us(self.plan, planned))?,
            server: server_use,
            generator: generator_use,
            message_interval_us: planned.message_interval_us(connections),
            server_threads,
            server_cpus_max,
            generator_threads,
            generator_cpus_max: (generator_cpus > 0).then(|| generator_threads.min(generator_cpus)),
            machine,
            memory: sample::machine_memory(),
            runner_cpu_s: sample::runner_cpu_s(opened, closed),
            syscall_window: None,
        };
        count_syscalls(server, generators, planned.load, &mut step)?;
        Ok(step)
    }

    /// Waits until the load is steady, or for as long as the plan allows; `None` when it asks for
    /// no warm-up.
    fn warm_up(
        &self,
        server: &mut Subject,
        generators: &mut Generators,
        planned: &PlannedLoad,
        connections: u32,
    ) -> Result<Option<WarmUp>, TrialError> {
        let Some(max_us) = planned.warm_up_max_us else {
            return Ok(None);
        };
        let (min, max) = (
            Duration::from_micros(planned.warm_up_us),
            Duration::from_micros(max_us),
        );
        let interval = Duration::from_micros(plan::interval_us(self.plan, planned));
        let round = planned.round(connections).unwrap_or(0);
        let mut watch = WarmUpWatch::new(min, max, round);
        let pids = server.pids();
        for number in 1.. {
            let seen = generators.next_interval()?;
            let pages = pids.iter().copied().map(resident_pages).sum();
            let over = watch.observe(seen, pages, interval * number);
            if over.is_some() {
                return Ok(over);
            }
            server.check_alive()?;
        }
        unreachable!("the watch ends at its maximum")
    }
}

impl TrialError {
    /// Whether the user asked for the end.
    pub(crate) fn is_interrupt(&self) -> bool {
        matches!(
            self,
            Self::Server(ServerError::Interrupted) | Self::Generator(GeneratorError::Interrupted)
        ) || interrupt::asked()
    }

    /// The row in the table and in the report.
    pub(crate) fn failure(&self) -> Failure {
        let (phase, stderr_tail) = match self {
            Self::Server(error) => (error.phase(), error.stderr_tail()),
            Self::Remote(_) => ("start", ""),
            Self::OutOfMemory(error) => {
                let failure = error.failure();
                return Failure {
                    reason: self.to_string(),
                    ..failure
                };
            }
            Self::Generator(_) | Self::Histogram(_) => ("generator", ""),
        };
        Failure {
            phase: phase.to_owned(),
            reason: self.to_string(),
            stderr_tail: stderr_tail.to_owned(),
        }
    }
}

/// Tries rates until the highest one that meets the target is known.
fn search(
    planned: &PlannedLoad,
    slo: Slo,
    step: &mut impl FnMut(Asked) -> Result<Step, TrialError>,
) -> Result<Vec<Step>, TrialError> {
    let connections = planned.connections.first().copied().unwrap_or(1);
    let mut search = Search::new();
    let mut steps = Vec::new();
    while let Some(rate) = search.next_per_s() {
        let tried = step(Asked {
            connections,
            rate_per_s: Some(rate),
        })?;
        search.tell(rate, rules::meets(&tried, &slo));
        steps.push(tried);
    }
    Ok(steps)
}

/// Length of the window. In closed load it holds several rounds of requests over all connections,
/// however slow they are: what happens at its edges shall not weigh more than what is between.
fn window_us(planned: &PlannedLoad, connections: u32, warm_up: Option<WarmUp>) -> u64 {
    let planned_us = planned.window_us_over(connections);
    match (planned.round(connections), warm_up) {
        (Some(round), Some(warm_up)) if warm_up.rate_per_s > 0.0 => {
            let round_s = round as f64 / warm_up.rate_per_s;
            let rounds_us = (ROUNDS_MIN * round_s * 1e6) as u64;
            planned_us.max(rounds_us.min(WINDOW_MAX_US))
        }
        _ => planned_us,
    }
}

/// Waits until the kernel has let go of a trial's sockets: a server may need a while to see that
/// its clients are gone, and memory and ports would be missing from the next trial. Says whether
/// it was so within the limit.
fn await_closed(sockets_before: Option<u64>, connections: u32) -> bool {
    let Some(before) = sockets_before else {
        return false;
    };
    let limit = Instant::now() + CLOSE_LIMIT + CLOSE_LIMIT_PER_CONNECTION * connections;
    // Other programs open sockets, too.
    let few = before + SOCKETS_OF_OTHERS;
    loop {
        if sample::tcp_sockets_held().is_some_and(|held| held <= few) {
            return true;
        }
        if Instant::now() >= limit || interrupt::asked() {
            return false;
        }
        thread::sleep(CLOSE_LOOK);
    }
}
