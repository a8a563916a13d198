//! How a server of a plan is started.

use plan::Plan;
use process::guard::Guard;
use server::contract::ContractLaunch;
use std::path::Path;

/// The launch of a program that keeps the contract.
pub fn launch(plan: &Plan, guard: &Guard, program: &Path) -> ContractLaunch {
    ContractLaunch {
        processes: plan.server_processes,
        threads: plan.server_threads,
        cpus: plan.server_cpus.clone(),
        wire: plan.wire,
        listen: (plan.server_ip(), 0).into(),
        ..ContractLaunch::new(guard, program)
    }
}
