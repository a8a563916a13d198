//! One trial: a fresh server, one load, a window for each count of connections.

use crate::{
    generator::{Connected, GeneratorError, Generators},
    interrupt, plan,
    progress::Progress,
    sample::{self, NetEvents, Snapshot},
    server::{Server, ServerError},
};
use protocol::{
    generator::{Totals, WindowResult},
    launch::Done,
};
use report::{
    model::{Counts, Failure, Load, Percentiles, Step, Trial, Window},
    run::{Plan, PlannedLoad},
    stats::{HistogramError, decode, percentiles},
};
use std::{
    net::SocketAddr,
    path::Path,
    thread,
    time::{Duration, Instant},
};
use thiserror::Error;

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
    /// Runs one trial of a program.
    ///
    /// # Errors
    /// Why it didn't come to its end; server and generators are gone then.
    pub(crate) fn trial(
        &self,
        program: &Path,
        block: u32,
        planned: &PlannedLoad,
    ) -> Result<Trial, TrialError> {
        let mut server = plan::launch(self.plan, program).start()?;
        if !server.addr().ip().is_loopback() && !self.allow_remote {
            return Err(TrialError::Remote(server.addr()));
        }
        let plans = plan::generator_plans(self.plan, planned, server.addr());
        let mut generators = Generators::start(self.loadgen, &plans)?;
        let mut steps = Vec::new();
        for &connections in &planned.connections {
            match self.step(&mut server, &mut generators, planned, connections) {
                Ok(step) => steps.push(step),
                Err(error) => {
                    // A generator's trouble is mostly the echo of a server's death.
                    server.check_alive()?;
                    return Err(error);
                }
            }
        }
        let sent = generators.finish()?;
        let heard = server.stop()?;
        Ok(Trial {
            block,
            load: planned.load,
            steps,
            generator_counts: generator_counts(&sent),
            server_counts: server_counts(&heard),
        })
    }

    fn step(
        &self,
        server: &mut Server,
        generators: &mut Generators,
        planned: &PlannedLoad,
        connections: u32,
    ) -> Result<Step, TrialError> {
        let net_before = NetEvents::read();
        self.progress
            .say(&format!("{connections} connections: connecting"));
        let connected = generators.connect(connections)?;
        server.check_alive()?;
        let load = match planned.load {
            Load::Closed { .. } => "closed load",
            Load::Idle { .. } => "idle load",
        };
        self.progress
            .say(&format!("{connections} connections: {load}"));
        generators.begin()?;
        sleep(Duration::from_micros(planned.warm_up_us))?;

        let (server_pids, generator_pids) = ([server.pid()], generators.pids());
        let mut edges = Vec::new();
        let window = Duration::from_micros(planned.window_us);
        let result = generators.measure(window, || {
            edges.push(Snapshot::take(&server_pids, &generator_pids))
        })?;
        server.check_alive()?;

        let [opened, closed] = &edges[..] else {
            return Err(GeneratorError::Unexpected("a window without edges".to_owned()).into());
        };
        let (mut server_use, mut generator_use, mut machine) = sample::between(opened, closed);
        sample::add_memory(&mut server_use, &server_pids);
        sample::add_memory(&mut generator_use, &generator_pids);
        sample::add_kernel_memory(&mut machine);
        net_before.add_since(&mut machine);
        Ok(Step {
            connections,
            connections_open: result.connections,
            connect_elapsed_us: connected.elapsed_us,
            connect_time_us: percentiles_of(&connected.connect_time)?,
            warm_up_us: planned.warm_up_us,
            window_asked_us: planned.window_us,
            window: window_of(result, connected)?,
            server: server_use,
            generator: generator_use,
            server_threads: self.plan.server_threads,
            generator_threads: self.plan.client_threads * self.plan.client_processes,
            machine,
        })
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
            Self::Generator(_) | Self::Histogram(_) => ("generator", ""),
        };
        Failure {
            phase: phase.to_owned(),
            reason: self.to_string(),
            stderr_tail: stderr_tail.to_owned(),
        }
    }
}

/// Sleeps, but not past the user's wish to stop.
fn sleep(duration: Duration) -> Result<(), TrialError> {
    let end = Instant::now() + duration;
    loop {
        if interrupt::asked() {
            return Err(GeneratorError::Interrupted.into());
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(Duration::from_millis(50)));
    }
}

fn window_of(result: WindowResult, connected: Connected) -> Result<Window, HistogramError> {
    let histogram = decode(&result.service_time.0)?;
    let mut errors = result.errors;
    for (kind, times) in connected.errors {
        *errors.entry(kind).or_default() += times;
    }
    Ok(Window {
        length_us: result.window_us,
        requests: result.requests,
        connections_lost: result.connections_lost.into(),
        replies_missing: result.replies_missing,
        replies_wrong: result.replies_wrong,
        sends_skipped: result.sends_skipped,
        served_least: result.served_least,
        served_most: result.served_most,
        never_served: result.never_served.into(),
        service_time_us: percentiles(&histogram),
        service_time_count: histogram.len(),
        service_time_histogram: result.service_time.0,
        errors,
    })
}

fn percentiles_of(histogram: &str) -> Result<Percentiles, HistogramError> {
    Ok(percentiles(&decode(histogram)?))
}

fn generator_counts(totals: &Totals) -> Counts {
    Counts {
        connections: totals.connections,
        requests: Some(totals.requests),
        responses: Some(totals.responses),
        request_bytes: totals.bytes_out,
        response_bytes: totals.bytes_in,
    }
}

fn server_counts(done: &Done) -> Counts {
    Counts {
        connections: done.accepted,
        requests: done.requests,
        responses: done.responses,
        request_bytes: done.bytes_in,
        response_bytes: done.bytes_out,
    }
}
