//! What a run will do: decided, shown and written down before anything starts.

use crate::{
    cli::{LoadArg, RunArgs, WorkloadArg},
    generator::shares,
    server::{Launch, join},
    usage::usage,
};
use protocol::{generator, wire::Wire};
use report::{
    model::Load,
    run::{Plan, PlannedLoad},
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

/// Connections of the idle ladder's top, and of closed load, if nobody says otherwise.
const IDLE_CONNECTIONS: u32 = 10_000;
const CLOSED_CONNECTIONS: u32 = 100;

/// The ladder for memory: equal steps, because its slope is what counts.
const LADDER_STEPS: u32 = 4;

/// At most so many messages a second over all connections, so that idle stays idle.
const IDLE_MESSAGES_PER_S: u32 = 20_000;
const IDLE_INTERVAL_MIN_US: u64 = 1_000_000;

/// Every connection has its turn once in an interval. The window is longer by this, in percent,
/// so that a reply that comes late at its edge doesn't make a connection look forgotten.
const IDLE_WINDOW_PERCENT: u64 = 120;

const WARM_UP_US: u64 = 1_000_000;

/// Kernel work per connect grows beyond some 14,000 connections from one address: see
/// bench-results/README.md.
const CONNECTIONS_PER_SOURCE: u32 = 10_000;

/// Descriptors that a process needs besides its connections.
const OTHER_DESCRIPTORS: u64 = 100;

/// After the window, replies are waited for so long.
const REPLY_DEADLINE_US: u64 = 5_000_000;

/// Decides everything that the user left open.
///
/// # Errors
/// Something that can't be done here, with the way out.
pub(crate) fn decide(args: &RunArgs, models: Vec<String>) -> anyhow::Result<Plan> {
    let allowed = allowed_cpus();
    let (server_cpus, client_cpus) = cpu_sets(args, &allowed)?;
    let per_set = |cpus: &[usize]| u32::try_from(cpus.len().max(1)).unwrap_or(1);
    let loads = loads(args);
    let connections_max = loads
        .iter()
        .flat_map(|load| load.connections.iter().copied())
        .max()
        .unwrap_or(1);
    let client_processes = client_processes(args, connections_max)?;
    let client_threads = args
        .client_threads
        .unwrap_or_else(|| per_set(&client_cpus).div_ceil(client_processes));
    let mut plan = Plan {
        models,
        blocks: args.trials,
        seed: args.seed.unwrap_or_else(|| {
            // Only has to differ from run to run. Short, so that it can be typed again.
            let since = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            u64::from(since.subsec_micros())
        }),
        wire: "framed".to_owned(),
        workload: match args.workload {
            WorkloadArg::Echo => "echo".to_owned(),
            WorkloadArg::Discard => "discard".to_owned(),
        },
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

fn loads(args: &RunArgs) -> Vec<PlannedLoad> {
    let wants = |load| args.load.is_none_or(|only| only == load);
    let mut loads = Vec::new();
    if wants(LoadArg::Idle) {
        let top = args.connections.unwrap_or(IDLE_CONNECTIONS);
        let spread_us = u64::from(top) * 1_000_000 / u64::from(IDLE_MESSAGES_PER_S);
        let interval_us = spread_us.max(IDLE_INTERVAL_MIN_US);
        let mut connections: Vec<u32> = (1..=u64::from(LADDER_STEPS))
            .map(|step| (u64::from(top) * step / u64::from(LADDER_STEPS)) as u32)
            .filter(|&count| count > 0)
            .collect();
        connections.dedup();
        loads.push(PlannedLoad {
            load: Load::Idle { interval_us },
            connections,
            warm_up_us: 0,
            window_us: interval_us * IDLE_WINDOW_PERCENT / 100,
        });
    }
    if wants(LoadArg::Closed) {
        loads.push(PlannedLoad {
            load: Load::Closed {
                outstanding: args.outstanding,
            },
            connections: vec![args.connections.unwrap_or(CLOSED_CONNECTIONS)],
            warm_up_us: WARM_UP_US,
            window_us: (args.duration * 1e6) as u64,
        });
    }
    loads
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
    let (first, second) = allowed.split_at(allowed.len() / 2);
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
fn allowed_cpus() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else {
        return Vec::new();
    };
    (0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect()
}

fn expected_s(plan: &Plan) -> f64 {
    let per_trial = |load: &PlannedLoad| {
        let steps = load.connections.len() as f64;
        let connections = f64::from(load.connections.iter().copied().max().unwrap_or(0));
        // Starting and stopping; connecting and closing at some 15,000 a second.
        0.5 + connections / 15_000.0
            + steps * ((load.warm_up_us + load.window_us) as f64 / 1e6 + 0.1)
    };
    let per_block: f64 = plan.loads.iter().map(per_trial).sum();
    per_block * f64::from(plan.blocks) * plan.models.len() as f64
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
) -> Vec<generator::Plan> {
    let top = load.connections.iter().copied().max().unwrap_or(1);
    let mut first_connection = 0;
    shares(top, plan.client_processes as usize)
        .map(|share| {
            let one = generator::Plan {
                target,
                wire: Wire::Framed,
                workload: match plan.workload.as_str() {
                    "discard" => protocol::client::Workload::Discard,
                    _ => protocol::client::Workload::Echo,
                },
                payload_bytes: plan.payload_bytes,
                load: match load.load {
                    Load::Closed { outstanding } => generator::Load::Closed { outstanding },
                    Load::Idle { interval_us } => generator::Load::Idle { interval_us },
                },
                threads: plan.client_threads,
                cpus: plan.client_cpus.clone(),
                first_connection,
                connections_max: share,
                connections_per_source: Some(plan.connections_per_source),
                reply_deadline_us: REPLY_DEADLINE_US,
            };
            first_connection += share;
            one
        })
        .collect()
}

/// The plan for people.
pub(crate) fn describe(plan: &Plan) -> String {
    let cpus = |cpus: &[usize]| match cpus {
        [] => "any CPU".to_owned(),
        [one] => format!("CPU {one}"),
        more => format!("CPUs {}", join(more)),
    };
    let mut lines = vec![
        format!("models      {}", plan.models.join(", ")),
        format!(
            "blocks      {} (a fresh server for each trial; order shuffled with --seed {})",
            plan.blocks, plan.seed
        ),
        format!(
            "workload    {}, {} bytes of payload",
            plan.workload, plan.payload_bytes
        ),
    ];
    for load in &plan.loads {
        let counts: Vec<String> = load.connections.iter().map(u32::to_string).collect();
        let (window_s, warm_up_s) = (load.window_us as f64 / 1e6, load.warm_up_us as f64 / 1e6);
        lines.push(match load.load {
            Load::Idle { interval_us } => format!(
                "idle        {} connections, a message on each every {} s: memory",
                counts.join(", "),
                interval_us as f64 / 1e6
            ),
            Load::Closed { outstanding } => format!(
                "closed      {} connections, {outstanding} outstanding on each, {warm_up_s} s of \
                 warm-up and {window_s} s of window: rate, service time, CPU",
                counts.join(", ")
            ),
        });
    }
    lines.push(format!(
        "server      {} thread(s) on {}",
        plan.server_threads,
        cpus(&plan.server_cpus)
    ));
    lines.push(format!(
        "generator   {} process(es) of {} thread(s) on {}",
        plan.client_processes,
        plan.client_threads,
        cpus(&plan.client_cpus)
    ));
    lines.push(format!(
        "takes       about {:.0} s after the builds",
        plan.expected_s
    ));
    lines.join("\n")
}
