//! How a server of a plan is started, and the backend of one that relays.

use plan::Plan;
use process::guard::Guard;
use protocol::wire::Wire;
use server::contract::ContractLaunch;
use std::{net::SocketAddr, path::Path};

/// The launch of a program that keeps the contract. Port 0 of a backend stands for that which each
/// trial has.
pub fn launch(plan: &Plan, guard: &Guard, program: &Path) -> ContractLaunch {
    let relay = plan
        .relays()
        .then(|| SocketAddr::from((plan.server_ip(), 0)));
    ContractLaunch {
        processes: plan.server_processes,
        threads: plan.server_threads,
        cpus: plan.server_cpus.clone(),
        wire: plan.wire,
        listen: (plan.server_ip(), 0).into(),
        relay,
        ..ContractLaunch::new(guard, program)
    }
}

/// The launch of the null server as the backend of a plan whose servers relay.
pub fn backend(plan: &Plan, guard: &Guard, null: &Path) -> ContractLaunch {
    let cpus = u32::try_from(plan.backend_cpus.len().max(1)).unwrap_or(1);
    ContractLaunch {
        threads: cpus.div_ceil(plan.server_processes),
        cpus: plan.backend_cpus.clone(),
        // It knows nothing of frames, and counts none.
        wire: Wire::Raw,
        relay: None,
        ..launch(plan, guard, null)
    }
}
