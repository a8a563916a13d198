//! What a run will do: decided, shown and written down before anything starts.

mod describe;
mod loads;

pub(crate) use describe::describe;
pub(crate) use loads::{IDLE_CONNECTIONS, LOADED_CONNECTIONS, rates_of, rates_within};

use crate::{
    cli::RunArgs,
    generator::shares,
    server::{Launch, join},
    usage::usage,
};
use protocol::{client::Workload, generator, wire::Wire};
use report::{
    run::{Plan, PlannedLoad},
    trial::{Arrivals, Load},
};
use rustix::{
    process::{Resource, getrlimit},
    thread::sched_getaffinity,
};
use std::{
    net::SocketAddr,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// Kernel work per connect grows beyond some 14,000 connections from one address: see
/// bench-results/README.md.
pub(crate) const CONNECTIONS_PER_SOURCE: u32 = 10_000;

/// Descriptors that a process needs besides its connections.
pub(crate) const OTHER_DESCRIPTORS: u64 = 100;

/// After the window of a load without a schedule, replies are waited for so long.
const REPLY_DEADLINE_US: u64 = 5_000_000;

/// How finely the course of a load is seen.
const INTERVAL_US: u64 = 50_000;
/// In long windows less finely.
const INTERVAL_LONG_US: u64 = 1_000_000;
const WINDOW_LONG_US: u64 = 60_000_000;

/// Rates that a search for the capacity tries, more or less.
const CAPACITY_STEPS: usize = 15;

/// Trials of each model: enough to see how a figure varies; enough to tell models apart.
const TRIALS_OF_ONE: u32 = 3;
const TRIALS_OF_SEVERAL: u32 = 6;

/// Decides everything that the user left open.
///
/// # Errors
/// Something that can't be done here, with the way out.
pub(crate) fn decide(args: &RunArgs, models: Vec<String>) -> anyhow::Result<Plan> {
    let allowed = allowed_cpus();
    let (server_cpus, client_cpus) = cpu_sets(args, &allowed)?;
    let per_set = |cpus: &[usize]| u32::try_from(cpus.len().max(1)).unwrap_or(1);
    let loads = loads::loads(args, models.len())?;
    let connections_max = loads
        .iter()
        .flat_map(|load| load.connections.iter().copied())
        .max()
        .unwrap_or(1);
    let client_processes = client_processes(args, connections_max)?;
    let client_threads = args
        .client_threads
        .unwrap_or_else(|| per_set(&client_cpus).div_ceil(client_processes));
    let trials = match models.len() {
        1 => TRIALS_OF_ONE,
        _ => TRIALS_OF_SEVERAL,
    };
    let mut plan = Plan {
        models,
        blocks: args.trials.unwrap_or(trials),
        seed: args.seed.unwrap_or_else(|| {
            // Only has to differ from run to run. Short, so that it can be typed again.
            let since = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            u64::from(since.subsec_micros())
        }),
        wire: "framed".to_owned(),
        workload: args.workload.to_string(),
        payload_bytes: args.payload,
        loads,
        server_threads: args.threads.unwrap_or_else(|| per_set(&server_cpus)),
        server_cpus,
        client_processes,
        client_threads,
        client_cpus,
        connections_per_source: CONNECTIONS_PER_SOURCE,
        expected_s: 0.0,
    };
    plan.expected_s = expected_s(&plan);
    Ok(plan)
}

/// Disjoint sets where there are two CPUs or more: the first half serves, the other asks.
fn cpu_sets(args: &RunArgs, allowed: &[usize]) -> anyhow::Result<(Vec<usize>, Vec<usize>)> {
    for (flag, cpus) in [
        ("--server-cpus", &args.server_cpus),
        ("--client-cpus", &args.client_cpus),
    ] {
        if let Some(cpu) = cpus.iter().find(|cpu| !allowed.contains(cpu)) {
            return Err(usage(format!(
                "{flag} {cpu}: this process may run on CPUs {} only",
                join(allowed)
            )));
        }
    }
    let (first, second) = halves(allowed);
    let without = |cpus: &[usize]| -> Vec<usize> {
        allowed
            .iter()
            .copied()
            .filter(|cpu| !cpus.contains(cpu))
            .collect()
    };
    Ok(
        match (args.server_cpus.is_empty(), args.client_cpus.is_empty()) {
            (false, false) => (args.server_cpus.clone(), args.client_cpus.clone()),
            (false, true) => (args.server_cpus.clone(), without(&args.server_cpus)),
            (true, false) => (without(&args.client_cpus), args.client_cpus.clone()),
            (true, true) => (first.to_vec(), second.to_vec()),
        },
    )
}

/// CPUs for servers, and CPUs for generators; the former are empty (any) when there is only one.
pub(crate) fn halves(allowed: &[usize]) -> (&[usize], &[usize]) {
    allowed.split_at(allowed.len() / 2)
}

fn client_processes(args: &RunArgs, connections: u32) -> anyhow::Result<u32> {
    let Some(limit) = getrlimit(Resource::Nofile).maximum else {
        return Ok(args.client_processes.unwrap_or(1));
    };
    let per_process = u32::try_from(limit.saturating_sub(OTHER_DESCRIPTORS)).unwrap_or(u32::MAX);
    if connections > per_process {
        return Err(usage(format!(
            "{connections} connections are more than a server process may hold: the hard limit \
             of open files is {limit} (RLIMIT_NOFILE). Take --connections {per_process}, or \
             raise it with 'ulimit -Hn {}' as root, or nofile in /etc/security/limits.conf",
            u64::from(connections) + OTHER_DESCRIPTORS
        )));
    }
    Ok(args
        .client_processes
        .unwrap_or_else(|| connections.div_ceil(per_process).max(1)))
}

/// CPUs that this process may use; none if that can't be told.
pub(crate) fn allowed_cpus() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else {
        return Vec::new();
    };
    (0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect()
}

fn expected_s(plan: &Plan) -> f64 {
    let per_model: f64 = plan
        .loads
        .iter()
        .map(|load| {
            let windows = match load.rate_share_of_peak {
                // Two rates, mostly, when there is more than one model.
                Some(_) => plan.models.len().min(2),
                None if matches!(load.load, Load::Capacity { .. }) => CAPACITY_STEPS,
                None => load.windows().len(),
            };
            let connections = f64::from(load.connections.iter().copied().max().unwrap_or(0));
            // Starting and stopping; connecting and closing at some 15,000 a second.
            let per_trial = 0.5
                + connections / 15_000.0
                + windows as f64 * ((load.warm_up_us + load.window_us) as f64 / 1e6 + 0.1);
            per_trial * f64::from(plan.blocks)
        })
        .sum();
    per_model * plan.models.len() as f64
}

/// The seed of a block's schedules: the same for all models in it.
pub(crate) fn schedule_seed(plan: &Plan, block: u32) -> u64 {
    plan.seed.wrapping_mul(1000).wrapping_add(block.into())
}

/// How a server of this plan is started.
pub(crate) fn launch(plan: &Plan, program: &Path) -> Launch {
    Launch {
        threads: plan.server_threads,
        cpus: plan.server_cpus.clone(),
        ..Launch::new(program)
    }
}

/// The plans of a trial's generator processes.
pub(crate) fn generator_plans(
    plan: &Plan,
    load: &PlannedLoad,
    target: SocketAddr,
    schedule_seed: u64,
) -> Vec<generator::Plan> {
    // A generator that shares its CPUs with the server would take from it by polling.
    let schedule = |arrivals| generator::Schedule {
        arrivals: match arrivals {
            Arrivals::Poisson => generator::Arrivals::Poisson,
            Arrivals::Uniform => generator::Arrivals::Uniform,
        },
        seed: schedule_seed,
        busy_poll: has_own_cpus(plan),
    };
    let reply_deadline_us = match load.load {
        Load::Open { deadline_us, .. }
        | Load::Capacity { deadline_us, .. }
        | Load::Churn { deadline_us, .. } => deadline_us,
        Load::Closed { .. } | Load::Idle { .. } => REPLY_DEADLINE_US,
    };
    let top = load.connections.iter().copied().max().unwrap_or(1);
    let mut first_connection = 0;
    shares(top, plan.client_processes as usize)
        .map(|share| {
            let one = generator::Plan {
                target,
                wire: Wire::Framed,
                workload: workload_of(plan, load),
                payload_bytes: plan.payload_bytes,
                load: match load.load {
                    Load::Closed { outstanding } => generator::Load::Closed { outstanding },
                    Load::Idle { interval_us } => generator::Load::Idle { interval_us },
                    Load::Open { arrivals, .. } | Load::Capacity { arrivals, .. } => {
                        generator::Load::Open(schedule(arrivals))
                    }
                    Load::Churn { arrivals, .. } => generator::Load::Churn(schedule(arrivals)),
                },
                threads: plan.client_threads,
                cpus: plan.client_cpus.clone(),
                first_connection,
                connections_max: share,
                connections_per_source: Some(plan.connections_per_source),
                reply_deadline_us,
                interval_us: interval_us(load),
            };
            first_connection += share;
            one
        })
        .collect()
}

/// What requests of this load ask for. An idle connection's rare messages are for keeping it
/// served, not for work.
fn workload_of(plan: &Plan, load: &PlannedLoad) -> Workload {
    match load.load {
        Load::Idle { .. } => Workload::Echo,
        // The plan's text is that of a workload: see `decide`.
        _ => plan.workload.parse().unwrap_or(Workload::Echo),
    }
}

/// How finely the course of this load is seen.
pub(crate) fn interval_us(load: &PlannedLoad) -> u64 {
    if load.window_us > WINDOW_LONG_US {
        INTERVAL_LONG_US
    } else {
        INTERVAL_US
    }
}

/// Whether every thread of the generators has a CPU that no server thread runs on.
fn has_own_cpus(plan: &Plan) -> bool {
    let is_shared = |cpu| plan.server_cpus.is_empty() || plan.server_cpus.contains(cpu);
    let own = plan
        .client_cpus
        .iter()
        .filter(|cpu| !is_shared(cpu))
        .count();
    own >= (plan.client_threads * plan.client_processes) as usize
}
