//! From a request and a host to a plan.

use crate::{
    duration,
    host::Host,
    plan::Plan,
    shards::{Wanted, shards},
};
use protocol::client::Workload;
use report::{run::PlannedLoad, trial::Load};
use request::{Request, refusal::Refusal};

/// Decides everything that depends on the host.
///
/// # Errors
/// Something that can't be done there, with the way out.
pub fn decide(request: Request, host: &Host) -> Result<Plan, Refusal> {
    let (server_cpus, client_cpus) = cpu_sets(&request, host)?;
    let relays = request.workload == Workload::Relay;
    let (server_cpus, client_cpus, backend_cpus) = match relays {
        true => with_backend(&request, host, server_cpus, client_cpus),
        false => (server_cpus, client_cpus, Vec::new()),
    };
    let loads = request.loads;
    let top = loads.iter().map(PlannedLoad::connections_max).max();
    let shards = shards(
        Wanted {
            connections: top.unwrap_or(1),
            relays,
            churn: loads
                .iter()
                .any(|load| matches!(load.load, Load::Churn { .. })),
            server_processes: request.server_processes,
            client_processes: request.client_processes,
            source: request.source,
            one_address: request.one_address,
        },
        host,
    )?;
    // One for each CPU, over all processes.
    let threads = |cpus: &[usize], processes: u32| {
        let cpus = u32::try_from(cpus.len().max(1)).unwrap_or(1);
        cpus.div_ceil(processes)
    };
    let of_clients = || match host.others.as_ref().filter(|others| !others.shares_cpus) {
        Some(others) => others
            .cpus
            .div_ceil(others.processes_each(shards.client_processes)),
        None => threads(&client_cpus, shards.client_processes),
    };
    let server_threads = request.server_threads.last().copied();
    let server_threads_ladder = match request.server_threads.as_slice() {
        [_] => Vec::new(),
        ladder => ladder.to_vec(),
    };
    let server_cpus = match server_threads {
        Some(top) if !server_threads_ladder.is_empty() => {
            let mut cpus = host.cores_first(&server_cpus);
            cpus.truncate((top * shards.server_processes) as usize);
            cpus
        }
        _ => server_cpus,
    };
    let client_threads = request.client_threads;
    let mut plan = Plan {
        models: request.models,
        scenario: request.scenario,
        blocks: request.blocks,
        looks: request.looks,
        patience_s: request.patience_s,
        seed: request.seed,
        wire: request.wire,
        workload: request.workload,
        payload_bytes: request.payload_bytes,
        http: request.http,
        loads,
        server_processes: shards.server_processes,
        server_threads: server_threads
            .unwrap_or_else(|| threads(&server_cpus, shards.server_processes)),
        server_threads_ladder,
        server_cpus,
        client_processes: shards.client_processes,
        client_threads: client_threads.unwrap_or_else(of_clients),
        client_cpus,
        backend_cpus,
        open_files_max: host.open_files_max,
        network: request.network,
        listen: request.listen,
        others: host.others.clone(),
        hosts: Vec::new(),
        source: shards.source,
        source_addresses: shards.source_addresses,
        connections_per_source: shards.connections_per_source,
        expected_s: 0.0,
        is_target: false,
    };
    plan.expected_s = duration::expected_s(&plan);
    Ok(plan)
}

/// Numbers with commas between them.
fn join(numbers: &[usize]) -> String {
    let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
    numbers.join(",")
}

/// The CPUs of servers, of generators and of the backend. It has its own where there are three cores: of
/// the generator's, or what was left to it. Where there are fewer it is beside the generator, so that
/// it takes nothing from the server; where generators are on other machines, half of the server's.
fn with_backend(
    request: &Request,
    host: &Host,
    server: Vec<usize>,
    client: Vec<usize>,
) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
    let others = host.others.as_ref();
    if others.is_some_and(|others| !others.shares_cpus) {
        let divided = host.divided(&server);
        return match divided.filter(|_| request.server_cpus.is_empty()) {
            Some((server, backend)) => (server, client, backend),
            None => {
                let left = host.without(&server);
                (server, client, left)
            }
        };
    }
    if request.client_cpus.is_empty() {
        return match host.divided(&client) {
            Some((backend, client)) => (server, client, backend),
            None => (server, client.clone(), client),
        };
    }
    let left = host.without(&[&server[..], &client].concat());
    let backend = if left.is_empty() {
        client.clone()
    } else {
        left
    };
    (server, client, backend)
}

/// Disjoint sets where there are two CPUs or more, and disjoint cores where there are two of those:
/// the first half serves, the other asks.
fn cpu_sets(request: &Request, host: &Host) -> Result<(Vec<usize>, Vec<usize>), Refusal> {
    let allowed = &host.cpus;
    for (flag, cpus) in [
        ("--server-cpus", &request.server_cpus),
        ("--client-cpus", &request.client_cpus),
    ] {
        if let Some(cpu) = cpus.iter().find(|cpu| !allowed.contains(cpu)) {
            return Err(Refusal::new(format!(
                "{flag} {cpu}: this process may run on CPUs {} only",
                join(allowed)
            )));
        }
    }
    if host
        .others
        .as_ref()
        .is_some_and(|others| !others.shares_cpus)
    {
        // All of this machine serves, and other machines have other CPUs.
        let server_cpus = match request.server_cpus.is_empty() {
            true => allowed.clone(),
            false => request.server_cpus.clone(),
        };
        return Ok((server_cpus, request.client_cpus.clone()));
    }
    Ok(
        match (
            request.server_cpus.is_empty(),
            request.client_cpus.is_empty(),
        ) {
            (false, false) => (request.server_cpus.clone(), request.client_cpus.clone()),
            (false, true) => (
                request.server_cpus.clone(),
                host.without(&request.server_cpus),
            ),
            (true, false) => (
                host.without(&request.client_cpus),
                request.client_cpus.clone(),
            ),
            (true, true) => host.halves(),
        },
    )
}
