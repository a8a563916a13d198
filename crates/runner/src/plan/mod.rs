//! What a run will do: decided, shown and written down before anything starts.

mod describe;
mod duration;
mod loads;
mod memory;
mod scenario;
mod shards;

pub(crate) use describe::describe;
pub(crate) use loads::{IDLE_CONNECTIONS, LOADED_CONNECTIONS, rates_of, rates_within};
pub(crate) use memory::{BYTES_PER_CONNECTION, check_memory, memory_needed_bytes};
pub(crate) use scenario::{Scenario, Seconds, names as scenario_names};
pub(crate) use shards::{CONNECTIONS_PER_SOURCE, Network, OTHER_DESCRIPTORS, processes_needed};

use crate::{
    cli::RunArgs,
    generator::shares,
    server::{Launch, join},
    usage::usage,
};
use protocol::{
    client::Workload,
    generator,
    wire::{RAW_PREFIX_BYTES, Wire},
};
use report::{
    run::{Plan, PlannedLoad},
    trial::{Arrivals, Load},
};
use rustix::{
    process::{Resource, getrlimit},
    thread::sched_getaffinity,
};
use shards::{Wanted, shards};
use std::{
    net::SocketAddr,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// After the window of a load without a schedule, replies are waited for so long, and longer by
/// what the slowest server takes for one request on each connection.
const REPLY_DEADLINE_US: u64 = 5_000_000;
const REPLY_DEADLINE_US_PER_CONNECTION: u64 = 50;

/// Of a request, if nobody says otherwise.
const PAYLOAD_BYTES: u32 = 64;

/// How finely the course of a load is seen.
const INTERVAL_US: u64 = 50_000;
/// In long windows, and of many generator processes, less finely: looking must not be work.
const INTERVAL_LONG_US: u64 = 1_000_000;
const WINDOW_LONG_US: u64 = 60_000_000;
const PROCESSES_FEW: u32 = 4;

/// Intervals of an idle window, at most. Each generator process keeps 12 kB for each until the window
/// is over, which would be taken for the connections' memory.
const IDLE_INTERVALS_MAX: u64 = 60;

/// Trials of each model: enough to see how a figure varies; enough to tell models apart.
const TRIALS_OF_ONE: u32 = 3;
const TRIALS_OF_SEVERAL: u32 = 6;

/// Decides everything that the user left open.
///
/// # Errors
/// Something that can't be done here, with the way out.
pub(crate) fn decide(
    args: &RunArgs,
    scenario: Option<Scenario>,
    models: Vec<String>,
    (wire, message_bytes): (Wire, Option<u32>),
) -> anyhow::Result<Plan> {
    let allowed = allowed_cpus();
    let (server_cpus, client_cpus) = cpu_sets(args, &allowed)?;
    let per_set = |cpus: &[usize]| u32::try_from(cpus.len().max(1)).unwrap_or(1);
    let scenario = scenario.unwrap_or_else(|| loads::of_command_line(args));
    let workload = args.workload.as_ref().or(scenario.workload.as_ref());
    let workload = workload.cloned().unwrap_or(Workload::Echo);
    let payload_bytes = args.payload.or(scenario.payload_bytes);
    let payload_bytes = payload_bytes_on(wire, payload_bytes, message_bytes, &workload)?;
    let blocks = args.trials.or(scenario.trials);
    let loads = loads::loads(args, scenario, models.len())?;
    let open_files_max = getrlimit(Resource::Nofile).maximum;
    let wanted = Wanted {
        connections: loads
            .iter()
            .map(PlannedLoad::connections_max)
            .max()
            .unwrap_or(1),
        churn: loads
            .iter()
            .any(|load| matches!(load.load, Load::Churn { .. })),
        server_processes: args.server_processes,
        client_processes: args.client_processes,
        sources: args.source,
    };
    let shards = shards(wanted, open_files_max)?;
    if !shards.sources.first().is_loopback() && !args.allow_remote {
        return Err(usage(format!(
            "--source {}: servers listen on loopback, which only 127.0.0.0/8 reaches",
            shards.sources
        )));
    }
    let client_threads = args
        .client_threads
        .unwrap_or_else(|| per_set(&client_cpus).div_ceil(shards.client_processes));
    let trials = match models.len() {
        1 => TRIALS_OF_ONE,
        _ => TRIALS_OF_SEVERAL,
    };
    let mut plan = Plan {
        models,
        scenario: args.scenario_name(),
        blocks: blocks.unwrap_or(trials),
        seed: args.seed.unwrap_or_else(|| {
            // Only has to differ from run to run. Short, so that it can be typed again.
            let since = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            u64::from(since.subsec_micros())
        }),
        wire: match wire {
            Wire::Framed => "framed".to_owned(),
            Wire::Raw => "raw".to_owned(),
        },
        workload: workload.to_string(),
        payload_bytes,
        loads,
        server_processes: shards.server_processes,
        server_threads: args
            .threads
            .unwrap_or_else(|| per_set(&server_cpus).div_ceil(shards.server_processes)),
        server_cpus,
        client_processes: shards.client_processes,
        client_threads,
        client_cpus,
        open_files_max,
        source_network: shards.sources.to_string(),
        source_addresses: shards.source_addresses,
        connections_per_source: CONNECTIONS_PER_SOURCE,
        expected_s: 0.0,
    };
    plan.expected_s = duration::expected_s(&plan);
    Ok(plan)
}

/// The size that every message will have.
fn payload_bytes_on(
    wire: Wire,
    asked: Option<u32>,
    of_server: Option<u32>,
    workload: &Workload,
) -> anyhow::Result<u32> {
    let bytes = match (asked, of_server) {
        (Some(asked), Some(only)) if asked != only => {
            return Err(usage(format!(
                "messages of a server that takes part have {only} bytes: --payload {only}"
            )));
        }
        (asked, of_server) => of_server.or(asked).unwrap_or(PAYLOAD_BYTES),
    };
    if wire == Wire::Framed {
        return Ok(bytes);
    }
    if *workload != Workload::Echo {
        return Err(usage(format!(
            "the raw wire, which all servers of this run speak, has echoes only, and no {workload}"
        )));
    }
    if (bytes as usize) < RAW_PREFIX_BYTES {
        return Err(usage(format!(
            "--payload {bytes}: a message of the raw wire has {RAW_PREFIX_BYTES} bytes at least"
        )));
    }
    Ok(bytes)
}

/// What all servers of this plan speak.
pub(crate) fn wire(plan: &Plan) -> Wire {
    // The plan's text is one of two: see `decide`.
    match plan.wire.as_str() {
        "raw" => Wire::Raw,
        _ => Wire::Framed,
    }
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

/// CPUs that this process may use; none if that can't be told.
pub(crate) fn allowed_cpus() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else {
        return Vec::new();
    };
    (0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect()
}

/// The seed of a block's schedules: the same for all models in it.
pub(crate) fn schedule_seed(plan: &Plan, block: u32) -> u64 {
    plan.seed.wrapping_mul(1000).wrapping_add(block.into())
}

/// How a server of this plan is started.
pub(crate) fn launch(plan: &Plan, program: &Path) -> Launch {
    Launch {
        processes: plan.server_processes,
        threads: plan.server_threads,
        cpus: plan.server_cpus.clone(),
        wire: wire(plan),
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
        Load::Closed { .. } | Load::Idle { .. } => {
            let connections = u64::from(load.connections_max());
            REPLY_DEADLINE_US + REPLY_DEADLINE_US_PER_CONNECTION * connections
        }
    };
    let top = load.connections_max();
    let mut first_connection = 0;
    shares(top, plan.client_processes as usize)
        .map(|share| {
            let one = generator::Plan {
                target,
                wire: wire(plan),
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
                sources: sources(plan, target),
                reply_deadline_us,
                interval_us: interval_us(plan, load),
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

/// Where connections to this server come from. Addresses of loopback reach loopback only.
fn sources(plan: &Plan, target: SocketAddr) -> Option<generator::Sources> {
    // The plan's text is that of a network: see `decide`.
    let network: Network = plan.source_network.parse().ok()?;
    let fits = target.is_ipv4() && network.first().is_loopback() == target.ip().is_loopback();
    fits.then(|| generator::Sources {
        first: network.first(),
        connections_each: plan.connections_per_source,
        addresses: plan.source_addresses,
    })
}

/// How finely the course of this load is seen. Every generator process tells each interval.
pub(crate) fn interval_us(plan: &Plan, load: &PlannedLoad) -> u64 {
    let is_long = load.window_us > WINDOW_LONG_US || plan.client_processes > PROCESSES_FEW;
    let interval_us = if is_long {
        INTERVAL_LONG_US
    } else {
        INTERVAL_US
    };
    match load.load {
        Load::Idle { .. } => interval_us.max(load.window_us / IDLE_INTERVALS_MAX),
        _ => interval_us,
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
