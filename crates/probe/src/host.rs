//! What this process may use of the machine.

use rustix::thread::{CpuSet, sched_getaffinity};

/// CPUs that this process may use; none if that can't be told.
pub fn allowed_cpus() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else {
        return Vec::new();
    };
    (0..CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect()
}
