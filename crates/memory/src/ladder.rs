//! Memory over the ladder of connections of an idle load, one trial at a time.
//!
//! What an observer leaves in the kernel is no connection's: whoever lists /proc/PID/fd or
//! /proc/PID/task meanwhile (lsof, ss -p, a monitor, the runner itself when it counts the switches
//! of each thread) makes the kernel remember an inode, a dentry and a security blob for each entry.
//! That comes and goes in steps of a fifth of the figure, and is subtracted.

use report::trial::{MachineUse, Step, Trial};
use stats::{Line, line};

/// The cache that nothing but observers fill.
const OBSERVED: &str = "proc_inode_cache";

/// Bytes that a slab takes for each object, its share of the rest of the slab included: 23 of 696
/// bytes in four pages, 21 of 192 in one, 128 of 32 in one. Source: /proc/slabinfo of Linux 6.1 and
/// 6.18; struct proc_inode, struct dentry, struct lsm_inode_cache.
const PROC_INODE_BYTES: f64 = 4.0 * 4096.0 / 23.0;
const DENTRY_BYTES: f64 = 4096.0 / 21.0;
const BLOB_BYTES: f64 = 4096.0 / 128.0;

/// PSS of the server; `None` where it can't be read.
pub fn user_bytes(step: &Step) -> Option<f64> {
    Some(step.server.pss_bytes? as f64)
}

/// The kernel's slab without what observers left; `None` where it can't be read. Without the
/// caches, which only root may read, it is as it is.
pub fn kernel_bytes(step: &Step) -> Option<f64> {
    let slab = step.machine.slab_bytes? as f64;
    Some(slab - observers_bytes(step).unwrap_or(0.0))
}

/// What observers left, all in all.
pub fn observers_bytes(step: &Step) -> Option<f64> {
    let inodes = observed_inodes(&step.machine)?;
    Some(inodes * (PROC_INODE_BYTES + DENTRY_BYTES + BLOB_BYTES))
}

/// What one cache holds, observers' share aside; `None` where it wasn't seen.
pub fn cache_bytes(step: &Step, name: &str) -> Option<f64> {
    let caches = step.machine.slab_by_cache_bytes.as_ref()?;
    let bytes = *caches.get(name)? as f64;
    let inodes = observed_inodes(&step.machine).unwrap_or(0.0);
    let of_observers = match name {
        OBSERVED => bytes,
        "dentry" => inodes * DENTRY_BYTES,
        "lsm_inode_cache" => inodes * BLOB_BYTES,
        _ => 0.0,
    };
    Some(bytes - of_observers)
}

fn observed_inodes(machine: &MachineUse) -> Option<f64> {
    let caches = machine.slab_by_cache_bytes.as_ref()?;
    let bytes = caches.get(OBSERVED).copied().unwrap_or(0);
    Some(bytes as f64 / PROC_INODE_BYTES)
}

/// Bytes that a connection costs over all of a trial's ladder: from `empty_bytes` without any, or
/// where that isn't known from the fewest, to the most.
pub fn over_all(
    trial: &Trial,
    empty_bytes: Option<u64>,
    bytes: impl Fn(&Step) -> Option<f64>,
) -> Option<f64> {
    let points = points(trial, &bytes)?;
    let &(n, top) = points.last()?;
    let (n_before, before) = match empty_bytes {
        Some(empty) => (0.0, empty as f64),
        None => *points.first()?,
    };
    (n > n_before).then(|| (top - before) / (n - n_before))
}

/// Bytes that each of the connections cost that came with the last step.
pub fn marginal(trial: &Trial, bytes: impl Fn(&Step) -> Option<f64>) -> Option<f64> {
    let points = points(trial, &bytes)?;
    let [.., (n_before, before), (n, top)] = points[..] else {
        return None;
    };
    (n > n_before).then(|| (top - before) / (n - n_before))
}

/// The line over a trial's ladder; `None` with fewer than two counts of connections.
pub fn memory_line(trial: &Trial, bytes: impl Fn(&Step) -> Option<f64>) -> Option<Line> {
    line(&points(trial, &bytes)?)
}

/// Bytes over connections, from the fewest.
fn points(trial: &Trial, bytes: &impl Fn(&Step) -> Option<f64>) -> Option<Vec<(f64, f64)>> {
    let steps = trial.steps.iter();
    let points = steps.map(|step| Some((f64::from(step.connections_open), bytes(step)?)));
    let mut points: Vec<_> = points.collect::<Option<_>>()?;
    points.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
    Some(points)
}
