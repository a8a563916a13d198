//! From a run's plan to those of its generator processes.

use crate::plan::Plan;
use protocol::{client::Workload, endpoint::Endpoint, generator};
use report::{
    run::PlannedLoad,
    trial::{Arrivals, Load},
};
use request::network::Source;
use std::net::Ipv4Addr;

/// After the window of a load without a schedule, replies are waited for so long, and longer by
/// what the slowest server takes for one request on each connection.
const REPLY_DEADLINE_US: u64 = 5_000_000;
const REPLY_DEADLINE_US_PER_CONNECTION: u64 = 50;

/// With more connections, those to servers that aren't ours are reset, too. In the ordinary way each
/// of them keeps its port for a minute, in which several trials may follow; an address has 28,000.
const CLOSED_IN_ORDER_MAX: u32 = 2_000;

/// Whether connections to a server that isn't ours are closed as its usual clients do.
pub fn closes_in_order(connections_max: u32) -> bool {
    connections_max <= CLOSED_IN_ORDER_MAX
}

/// The plans of a trial's generator processes. The seed is that of its block: it says when requests are
/// due, and which part of a mix each is.
pub fn generator_plans(
    plan: &Plan,
    load: &PlannedLoad,
    target: &Endpoint,
    seed: u64,
) -> Vec<generator::Plan> {
    // A generator that shares its CPUs with the server would take from it by polling.
    let schedule = |arrivals| generator::Schedule {
        arrivals: match arrivals {
            Arrivals::Poisson => generator::Arrivals::Poisson,
            Arrivals::Uniform => generator::Arrivals::Uniform,
        },
        seed,
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
    (0..plan.client_processes)
        .map(|process| generator::Plan {
            target: target.clone(),
            wire: plan.wire,
            workload: workload_of(plan, load),
            payload_bytes: plan.payload_bytes,
            http: plan.http.clone(),
            load: match load.load {
                Load::Closed { outstanding } => generator::Load::Closed { outstanding },
                Load::Idle { interval_us } => generator::Load::Idle { interval_us },
                Load::Open { arrivals, .. } | Load::Capacity { arrivals, .. } => {
                    generator::Load::Open(schedule(arrivals))
                }
                Load::Churn { arrivals, .. } => generator::Load::Churn(schedule(arrivals)),
            },
            mix_seed: seed,
            threads: plan.client_threads,
            cpus: plan.client_cpus.clone(),
            process,
            processes: plan.client_processes,
            connections_max: load.connections_max(),
            sources: sources(plan, process, target),
            reply_deadline_us,
            interval_us: plan.interval_us(load),
            read_late_us: 0,
            closes_in_order: false,
        })
        .collect()
}

/// What requests of this load ask for. An idle connection's rare messages are for keeping it
/// served, not for work.
fn workload_of(plan: &Plan, load: &PlannedLoad) -> Workload {
    match load.load {
        Load::Idle { .. } => Workload::Echo,
        // Who asks a relay asks its backend for echoes.
        _ if plan.relays() => Workload::Echo,
        _ => plan.workload.clone(),
    }
}

/// Where connections of a process to this server come from; `None`: from where the kernel takes them.
fn sources(plan: &Plan, process: u32, target: &Endpoint) -> Option<generator::Sources> {
    let target = target.tcp()?.ip();
    if !plan.source.reaches(target) {
        return None;
    }
    let (addresses, machines) = match (plan.source, &plan.others) {
        (Source::Of(network), _) => {
            let first = u32::from(network.first());
            let all = (0..plan.source_addresses).map(|step| first.wrapping_add(step));
            (all.map(Ipv4Addr::from).collect(), 1)
        }
        (Source::Towards(_), Some(others)) if plan.source_addresses > 1 => {
            let all = others.sources_of(process, target, plan.source_addresses);
            (all, others.machines)
        }
        (Source::Towards(_) | Source::Nowhere, _) => (Vec::new(), 1),
    };
    (!addresses.is_empty()).then(|| generator::Sources {
        addresses,
        // They are dealt to the machines in turn.
        numbers_each: plan.connections_per_source.saturating_mul(machines),
    })
}

/// Whether every thread of the generators has a CPU that no server thread runs on, nor a backend's.
fn has_own_cpus(plan: &Plan) -> bool {
    if let Some(others) = plan.others.as_ref().filter(|others| !others.shares_cpus) {
        return others.cpus >= plan.client_threads * others.processes_each(plan.client_processes);
    }
    if plan.has_backend_on(&plan.client_cpus) {
        return false;
    }
    let is_shared = |cpu| plan.server_cpus.is_empty() || plan.server_cpus.contains(cpu);
    let own = plan
        .client_cpus
        .iter()
        .filter(|cpu| !is_shared(cpu))
        .count();
    own >= (plan.client_threads * plan.client_processes) as usize
}
