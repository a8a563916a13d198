//! One trial: a fresh server, one load, a window for each count of connections or each rate.

mod apart;
mod bench;
mod counts;
mod error;
mod hold;
mod profile;
mod rates;
mod reach;
mod served;
mod shares;
mod syscalls;
mod unix;
mod window;

pub use bench::{Bench, Deviation};
pub use error::TrialError;
pub use profile::Profiled;

use crate::warm_up::{WarmUp, WarmUpWatch};
use bench::Asked;
use counts::{Ended, counts_of, generator_counts};
use generators::{
    driven::{Generators, Tally},
    error::GeneratorError,
};
use hosts::used::{by_generators, put_beside};
use machine::host::ephemeral_ports;
use plan::{
    generators::{closes_in_order, generator_plans},
    window::window_us,
};
use probe::{
    cgroup::MemoryLimitsMet,
    kernel::{add_kernel_memory, machine_memory, oom_kills},
    net::NetEvents,
    snapshot::{Used, Watch, Window},
    usage::{add_memory, pss_bytes, resident_pages},
};
use process::interrupt;
use rates::{search, shuffled};
use reach::source_instead;
use report::{
    hosts::HostShare,
    run::PlannedLoad,
    trial::{Load, Step, Trial},
};
use served::Served;
use server::{launch::Launch, let_go::Sockets};
use shares::{add_reading, shares_of};
use stats::percentiles;
use std::{
    io,
    time::{Duration, Instant},
};
use syscalls::count_syscalls;
use window::window_of;

impl Bench<'_> {
    /// Runs one trial of a server.
    ///
    /// # Errors
    /// Why it didn't come to its end; server and generators are gone then.
    pub fn trial(
        &self,
        launch: &Launch,
        block: u32,
        planned: &PlannedLoad,
    ) -> Result<Trial, TrialError> {
        let (trial, _) = self.trial_and_profile(launch, block, planned, false)?;
        Ok(trial)
    }

    /// Runs one trial of a server and, if that is wanted, takes a profile at its end.
    ///
    /// # Errors
    /// As with [`Bench::trial`]. A profile that can't be taken is no error but a reason.
    pub fn trial_and_profile(
        &self,
        launch: &Launch,
        block: u32,
        planned: &PlannedLoad,
        wants_profile: bool,
    ) -> Result<(Trial, Option<Profiled>), TrialError> {
        let (kills_before, mut limits) = (oom_kills(), MemoryLimitsMet::count());
        self.undisturbed_trial(launch, block, planned, wants_profile, &mut limits)
            .map_err(|error| {
                if oom_kills() > kills_before {
                    let group = limits.since().map(|group| group.short_name().to_owned());
                    let error = Box::new(error);
                    TrialError::OutOfMemory { error, group }
                } else {
                    error
                }
            })
    }

    fn undisturbed_trial(
        &self,
        launch: &Launch,
        block: u32,
        planned: &PlannedLoad,
        wants_profile: bool,
        limits: &mut MemoryLimitsMet,
    ) -> Result<(Trial, Option<Profiled>), TrialError> {
        let memory_before = machine_memory();
        let mut served = Served::start(self, launch)?;
        let server = &served.server;
        limits.add(&server.pids());
        let endpoint = server.endpoint();
        let told = self.plan.server_ip();
        let is_told = endpoint.tcp().is_some_and(|addr| addr.ip() == told);
        if !endpoint.is_local() && !is_told && !self.allow_remote {
            return Err(TrialError::Remote(endpoint));
        }
        let ports = ephemeral_ports();
        let source_network =
            source_instead(self.plan, &endpoint, planned.connections_max(), ports)?;
        let visits = server.visits();
        let server_empty_bytes = pss_bytes(&server.pids());
        let seed = self.plan.schedule_seed(block);
        let mut plans = generator_plans(self.plan, planned, &endpoint, seed);
        for plan in &mut plans {
            plan.read_late_us = self.deviation.read_late_us();
            plan.closes_in_order = server.is_foreign() && closes_in_order(plan.connections_max);
        }
        let mut generators = Generators::start(self.generators, &plans)?;
        let generator_empty_bytes = match self.generators.held_bytes().map_err(unanswered)? {
            None => pss_bytes(&generators.pids()),
            elsewhere => elsewhere,
        };
        let sockets = Sockets::before(&endpoint);
        let mut step = |asked| {
            self.step(&mut served, &mut generators, planned, asked)
                // A generator's trouble is mostly the echo of a server's death.
                .map_err(|error| served.check_alive_soon().err().unwrap_or(error))
        };
        let mut steps = match planned.load {
            Load::Capacity { slo, .. } => search(planned, slo, &mut step)?,
            _ => shuffled(planned, seed)
                .into_iter()
                .map(|(connections, rate_per_s)| {
                    step(Asked {
                        connections,
                        rate_per_s,
                    })
                })
                .collect::<Result<_, _>>()?,
        };
        let held = self.hold(&mut served, &mut generators, planned)?;
        // Only one whose rounds are kept gets so far.
        let is_interrupted = interrupt::asked() && !held.is_empty();
        let profiled = match steps
            .last_mut()
            .filter(|_| wants_profile && !is_interrupted)
        {
            Some(step) => {
                self.progress.say("profile");
                Some(profile::profile(
                    self.guard,
                    &mut served.server,
                    &mut generators,
                    step,
                )?)
            }
            None => None,
        };
        let ended = match is_interrupted {
            true => Ended::interrupted(),
            false => self.end(served, generators, &sockets, planned)?,
        };
        let trial = Trial {
            block,
            load: planned.load,
            steps,
            held,
            generator_counts: ended.generator,
            server_counts: ended.server.all,
            backend_counts: ended.backend,
            visits: Some(visits),
            backend_failures: ended.backend.and(ended.server.backend_failures),
            server_threads_counts: ended.server.by_thread,
            server_empty_bytes,
            generator_empty_bytes,
            memory_before,
            teardown_us: ended.teardown_us,
            schedule_seed: planned.load.is_scheduled().then_some(seed),
            hosts: ended.hosts,
            source_network,
            made_again: false,
            not_measured: ended.server.not_measured,
        };
        Ok((trial, profiled))
    }

    /// Closes all connections, then stops the server.
    fn end(
        &self,
        served: Served,
        generators: Generators,
        sockets: &Sockets,
        planned: &PlannedLoad,
    ) -> Result<Ended, TrialError> {
        self.progress.say("closing");
        let closing = Instant::now();
        let sent = generators.finish()?;
        let is_closed = sockets.await_closed(planned.connections_max());
        let teardown_us = is_closed.then(|| closing.elapsed().as_micros() as u64);
        let hosts = self.generators.end_trial().map_err(unanswered)?;
        let (heard, backend) = served.stop()?;
        Ok(Ended {
            generator: Some(generator_counts(&sent)),
            server: counts_of(heard),
            backend,
            teardown_us,
            hosts,
        })
    }

    fn step(
        &self,
        served: &mut Served,
        generators: &mut Generators,
        planned: &PlannedLoad,
        asked: Asked,
    ) -> Result<Step, TrialError> {
        let net_before = NetEvents::of(served.server.pids().first().copied());
        let connections = asked.connections;
        self.progress
            .say(&format!("{connections} connections: connecting"));
        // Churn opens its own, one for each request.
        let open_before = match planned.load {
            Load::Churn { .. } => 0,
            _ => connections,
        };
        let connected = generators.connect(open_before)?;
        served.check_alive()?;
        let rate = asked
            .rate_per_s
            .map_or_else(String::new, |r| format!(" at {r}/s"));
        let load = planned.load.word();
        self.progress
            .say(&format!("{connections} connections: {load} load{rate}"));
        let apart_ns = self.distance_ns(&served.server);
        generators.begin(asked.rate_per_s)?;
        let warm_up = self.warm_up(served, generators, planned, connections)?;

        let rate_per_s = warm_up.map(|warm_up| warm_up.rate_per_s);
        let window_us = window_us(planned, connections, asked.rate_per_s.or(rate_per_s));
        let length = Duration::from_micros(window_us);
        let p99_us = warm_up.map_or(0.0, |warm_up| warm_up.p99_us);
        self.progress
            .measuring(length, rate_per_s.unwrap_or(0.0), p99_us);
        let (mut result, used, mut hosts) = self.window(served, generators, length)?;
        served.check_alive()?;
        let Used {
            server: mut server_use,
            generator: mut generator_use,
            mut machine,
            backend_cpu_s,
            runner_cpu_s,
        } = used;
        let server = &mut served.server;
        add_memory(&mut server_use, &server.pids());
        match hosts.is_empty() {
            true => add_memory(&mut generator_use, &generators.pids()),
            false => generator_use = by_generators(&hosts),
        }
        self.put_distance(apart_ns, server, &mut machine);
        add_kernel_memory(&mut machine);
        net_before.add_since(&mut machine);
        if server.endpoint().path().is_some() {
            unix::explain(&mut machine);
        }
        // A search has many windows, and asks another question.
        if self.samples && !matches!(planned.load, Load::Idle { .. } | Load::Capacity { .. }) {
            generators.sample_reading(&mut result)?;
            server.check_alive()?;
        }
        let window = window_of(&result, &connected, self.plan.interval_us(planned))?;
        add_reading(&mut hosts, generators.by_host(), &window)?;
        let (server_threads, server_cpus_max) = server.threads_and_cpus();
        let mut step = Step {
            connections,
            connections_open: result.counts.connections,
            rate_per_s: asked.rate_per_s,
            connect_elapsed_us: connected.elapsed_us,
            connect_time_us: percentiles(&connected.connect_time),
            warm_up_us: warm_up.map_or(0, |warm_up| warm_up.length_us),
            steady: warm_up.map(|warm_up| warm_up.steady),
            window_asked_us: window_us,
            window,
            server: server_use,
            generator: generator_use,
            message_interval_us: planned.message_interval_us(connections),
            server_threads,
            server_cpus_max,
            machine,
            memory: machine_memory(),
            runner_cpu_s,
            backend_cpu_s,
            syscall_window: None,
            hosts,
        };
        count_syscalls(self, server, generators, planned.load, &mut step)?;
        Ok(step)
    }

    /// Measures for one window; while it is open nothing is read.
    fn window(
        &self,
        served: &Served,
        generators: &mut Generators,
        length: Duration,
    ) -> Result<(Tally, Used, Vec<HostShare>), TrialError> {
        let server = &served.server;
        let server_cpus = match server.keeps_to_its_cpus() {
            true => self.plan.cpus_of_the_server_alone(),
            false => &[],
        };
        if self.deviation == Deviation::Blind {
            let result = generators.measure(length, |_| {})?;
            let hosts = shares_of(generators.by_host())?;
            return Ok((result, Used::default(), hosts));
        }
        self.generators.before_window().map_err(unanswered)?;
        let watch = Watch::open(
            &server.pids(),
            &generators.pids(),
            &served.backend_pids(),
            [server_cpus, &self.plan.client_cpus],
        )
        .besides(generators.pids_beside_others());
        let before = watch.surroundings(&server.pids());
        let mut edges = Vec::new();
        let result = generators.measure(length, |edge| edges.push((edge, watch.edge())))?;
        let [(_, opened), (closed, at_close)] = &edges[..] else {
            return Err(GeneratorError::Unexpected("a window without edges".to_owned()).into());
        };
        let after = watch.surroundings(&server.pids());
        let mut hosts = shares_of(generators.by_host())?;
        put_beside(
            &mut hosts,
            self.generators.after_window().map_err(unanswered)?,
        );
        let window = Window {
            closed: *closed,
            length,
        };
        let used = watch.between((&before, opened), (at_close, &after), window);
        Ok((result, used, hosts))
    }

    /// Waits until the load is steady, or for as long as the plan allows; `None` when it asks for
    /// no warm-up.
    fn warm_up(
        &self,
        served: &mut Served,
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
        let interval = Duration::from_micros(self.plan.interval_us(planned));
        let round = planned.round(connections).unwrap_or(0);
        let mut watch = WarmUpWatch::new(min, max, round);
        let pids = served.server.pids();
        for number in 1.. {
            let seen = generators.next_interval()?;
            let pages = pids.iter().copied().map(resident_pages).sum();
            let rate_per_s = seen.requests as f64 / interval.as_secs_f64();
            self.progress.warming(rate_per_s, seen.p99_us);
            let over = watch.observe(seen, pages, interval * number);
            if over.is_some() {
                return Ok(over);
            }
            served.check_alive()?;
        }
        unreachable!("the watch ends at its maximum")
    }
}

/// Of a machine that generates.
fn unanswered(error: io::Error) -> GeneratorError {
    GeneratorError::Failed(error.to_string())
}
