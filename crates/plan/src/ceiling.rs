//! Which trials of the null server a run's rates are held against.

use crate::plan::Plan;
use protocol::client::Workload;
use report::{run::PlannedLoad, trial::Load};

/// The best of so many counts; with many connections a trial takes minutes.
const NULL_TRIALS: u32 = 2;
const CONNECTIONS_MANY: u32 = 100_000;

/// What the null server can be built on. The first works everywhere.
pub const NULL_ENGINES: [&str; 2] = ["epoll", "io-uring"];

/// Trials of the null server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NullTrials<'a> {
    /// Under this load.
    pub load: &'a PlannedLoad,
    /// On each of these engines.
    pub engines: &'static [&'static str],
    /// So many.
    pub of_each: u32,
}

/// The load that a run's ceiling belongs to.
pub fn closed_load(plan: &Plan) -> Option<&PlannedLoad> {
    let is_closed = |load: &&PlannedLoad| matches!(load.load, Load::Closed { .. });
    plan.loads.iter().find(is_closed)
}

/// The trials that a run's null server is measured with; `None` where the ceiling is another one.
pub fn null_trials(plan: &Plan) -> Option<NullTrials<'_>> {
    let load = closed_load(plan).filter(|_| plan.workload == Workload::Echo)?;
    let (engines, of_each) = if load.connections_max() > CONNECTIONS_MANY {
        (&NULL_ENGINES[..1], 1)
    } else {
        (&NULL_ENGINES[..], NULL_TRIALS)
    };
    Some(NullTrials {
        load,
        engines,
        of_each,
    })
}
