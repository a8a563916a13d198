//! What an idle connection costs in memory.

mod bend;
mod owners;

use crate::{
    ladder::{lines, median_slope},
    stats::{Line, median, range},
};
use bend::greatest_bend;
use owners::machine_use;
use report::{
    model::Memory,
    trial::{Load, Trial},
};
use std::collections::{BTreeMap, BTreeSet};

/// Slab caches that grow by less than this per connection have nothing to do with connections.
const CACHE_SHOWN_BYTES: f64 = 1.0;

pub(super) fn memory(trials: &[Trial]) -> Option<Memory> {
    let ladders: Vec<&Trial> = trials
        .iter()
        .filter(|trial| matches!(trial.load, Load::Idle { .. }))
        .collect();
    let connections_max = ladders
        .iter()
        .flat_map(|trial| &trial.steps)
        .map(|step| step.connections_open)
        .max()?;
    let user = lines(&ladders, |step| step.server.pss_bytes);
    let kernel = lines(&ladders, |step| step.machine.slab_bytes);
    let caches = by_cache(&ladders);
    let by_owner = owners::by_owner(&ladders, &caches);
    let slopes = |lines: &[Line]| lines.iter().map(|line| line.slope).collect::<Vec<_>>();
    let empty = ladders.iter().filter_map(|trial| trial.server_empty_bytes);
    let empty: Vec<f64> = empty.map(|bytes| bytes as f64).collect();
    let starts: Vec<f64> = user.iter().map(|line| line.start).collect();
    Some(Memory {
        user_bytes_per_connection: median(&slopes(&user)),
        user_bytes_per_connection_range: range(&slopes(&user)),
        user_empty_bytes: median(&empty),
        user_base_bytes: median(&starts),
        kernel_bytes_per_connection: median(&slopes(&kernel)),
        kernel_bytes_per_connection_range: range(&slopes(&kernel)),
        kernel_by_cache_bytes_per_connection: caches,
        connections_max,
        user_fit_r2: worst_fit(&user),
        kernel_fit_r2: worst_fit(&kernel),
        bend: greatest_bend(&ladders),
        by_owner,
        machine: machine_use(&ladders),
    })
}

fn worst_fit(lines: &[Line]) -> Option<f64> {
    lines.iter().map(|line| line.r2).min_by(f64::total_cmp)
}

/// Slope of each slab cache that grows with connections.
fn by_cache(ladders: &[&Trial]) -> BTreeMap<String, f64> {
    let steps = ladders.iter().flat_map(|trial| &trial.steps);
    let names: BTreeSet<&String> = steps
        .filter_map(|step| step.machine.slab_by_cache_bytes.as_ref())
        .flat_map(BTreeMap::keys)
        .collect();
    let slope = |name: &String| {
        // A cache that wasn't seen at every step has no line.
        median_slope(ladders, |step| {
            let caches = step.machine.slab_by_cache_bytes.as_ref()?;
            caches.get(name).copied()
        })
    };
    names
        .into_iter()
        .filter_map(|name| Some((name.clone(), slope(name)?)))
        .filter(|&(_, bytes)| bytes > CACHE_SHOWN_BYTES)
        .collect()
}

/// Why no slab cache has a slope, as the steps have it.
pub(super) fn caches_missing(trials: &[Trial]) -> String {
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
