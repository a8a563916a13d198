//! What an idle connection costs in memory.

use crate::{
    ladder::{cache_bytes, kernel_bytes, marginal, observers_bytes, over_all, user_bytes},
    owners::{by_owner, machine_use},
};
use report::{
    model::Memory,
    trial::{Load, Trial},
};
use stats::{median, range};
use std::collections::{BTreeMap, BTreeSet};

/// Slab caches that grow by less than this per connection have nothing to do with connections.
const CACHE_SHOWN_BYTES: f64 = 1.0;

/// Of the trials that have an idle load; `None` where there is none.
pub fn memory(trials: &[Trial]) -> Option<Memory> {
    let ladders: Vec<&Trial> = trials
        .iter()
        .filter(|trial| matches!(trial.load, Load::Idle { .. }))
        .collect();
    let connections_max = ladders
        .iter()
        .flat_map(|trial| &trial.steps)
        .map(|step| step.connections_open)
        .max()?;
    let of_each = |of: &dyn Fn(&Trial) -> Option<f64>| -> Vec<f64> {
        ladders.iter().filter_map(|trial| of(trial)).collect()
    };
    let user = of_each(&|trial| over_all(trial, trial.server_empty_bytes, user_bytes));
    let kernel = of_each(&|trial| over_all(trial, None, kernel_bytes));
    let observers = of_each(&|trial| over_all(trial, None, observers_bytes));
    let empty = of_each(&|trial| Some(trial.server_empty_bytes? as f64));
    let caches = by_cache(&ladders);
    let by_owner = by_owner(&ladders, &caches, median(&user));
    Some(Memory {
        user_bytes_per_connection: median(&user),
        user_bytes_per_connection_range: range(&user),
        user_marginal_bytes_per_connection: median(&of_each(&|t| marginal(t, user_bytes))),
        user_empty_bytes: median(&empty),
        kernel_bytes_per_connection: median(&kernel),
        kernel_bytes_per_connection_range: range(&kernel),
        kernel_marginal_bytes_per_connection: median(&of_each(&|t| marginal(t, kernel_bytes))),
        kernel_observers_bytes_per_connection: range(&observers).map(|range| range.high),
        kernel_by_cache_bytes_per_connection: caches,
        connections_max,
        by_owner,
        machine: machine_use(&ladders),
    })
}

/// Each slab cache that grows with connections.
fn by_cache(ladders: &[&Trial]) -> BTreeMap<String, f64> {
    let steps = ladders.iter().flat_map(|trial| &trial.steps);
    let names: BTreeSet<&String> = steps
        .filter_map(|step| step.machine.slab_by_cache_bytes.as_ref())
        .flat_map(BTreeMap::keys)
        .collect();
    // A cache that wasn't seen at every step has no growth.
    let growth = |name: &String| {
        let of_trials = ladders
            .iter()
            .filter_map(|trial| over_all(trial, None, |step| cache_bytes(step, name)));
        median(&of_trials.collect::<Vec<_>>())
    };
    names
        .into_iter()
        .filter_map(|name| Some((name.clone(), growth(name)?)))
        .filter(|&(_, bytes)| bytes > CACHE_SHOWN_BYTES)
        .collect()
}

/// Why no slab cache has a slope, as the steps have it.
pub fn caches_missing(trials: &[Trial]) -> String {
    trials
        .iter()
        .flat_map(|trial| &trial.steps)
        .find_map(|step| {
            step.machine
                .not_measured
                .get("slab_by_cache_bytes")
                .cloned()
        })
        .unwrap_or_else(|| "fewer than two counts of connections, or no cache grows".to_owned())
}
