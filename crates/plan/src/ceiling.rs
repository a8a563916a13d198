//! Which trials of the null server a run's rates are held against.

use crate::plan::Plan;
use protocol::client::Workload;
use report::{run::PlannedLoad, trial::Load};

/// With more connections a trial takes minutes, and the null server is measured on one engine only.
const CONNECTIONS_MANY: u32 = 100_000;

/// What the null server can be built on. The first works everywhere.
pub const NULL_ENGINES: [&str; 2] = ["epoll", "io-uring"];

/// The load that a run's ceiling belongs to.
pub fn closed_load(plan: &Plan) -> Option<&PlannedLoad> {
    let is_closed = |load: &&PlannedLoad| matches!(load.load, Load::Closed { .. });
    plan.loads.iter().find(is_closed)
}

/// The load of the null server, and the engines it is measured on; `None` where a run's ceiling is
/// another one.
pub fn null_trials(plan: &Plan) -> Option<(&PlannedLoad, &'static [&'static str])> {
    // The null server sends back what comes, which answers nobody who asks in another way.
    let is_echo = matches!(plan.workload, Workload::Echo | Workload::Relay);
    let is_answered = is_echo && plan.wire.is_of_contract();
    let load = closed_load(plan).filter(|_| is_answered)?;
    // It relays on the first alone.
    let engines = match plan.relays() || load.connections_max() > CONNECTIONS_MANY {
        true => &NULL_ENGINES[..1],
        false => &NULL_ENGINES[..],
    };
    Some((load, engines))
}

/// How many trials of the null server a run makes, at most: on all engines in the first block; in each
/// that follows on those that are the fastest at some count of connections.
pub fn null_trials_count(plan: &Plan) -> u32 {
    null_trials(plan).map_or(0, |(load, engines)| {
        let engines = engines.len() as u32;
        let fastest = engines.min(load.connections.len() as u32).max(1);
        engines + (plan.blocks - 1) * fastest
    })
}
