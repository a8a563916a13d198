//! What this process may use of the machine, and how its CPUs belong together.
//!
//! Sources: sysfs ABI, Documentation/ABI/stable/sysfs-devices-system-cpu and -node.

use pseudofiles::{
    read,
    settings::{numbers, range_length},
};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::{collections::BTreeMap, fs, path::Path};

const CPUS: &str = "/sys/devices/system/cpu";

/// CPUs that this process may use; none if that can't be told.
pub fn allowed_cpus() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else {
        return Vec::new();
    };
    (0..CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect()
}

/// Keeps this thread on one CPU; `None` where that can't be had.
pub(crate) fn stay_on(cpu: usize) -> Option<()> {
    if cpu >= CpuSet::MAX_CPU {
        return None;
    }
    let mut only = CpuSet::new();
    only.set(cpu);
    sched_setaffinity(None, &only).ok()
}

/// Those of these CPUs that are threads of one core, together; cores of one thread aren't there.
pub fn siblings(cpus: &[usize]) -> Vec<Vec<usize>> {
    siblings_under(Path::new(CPUS), cpus)
}

fn siblings_under(root: &Path, cpus: &[usize]) -> Vec<Vec<usize>> {
    let mut cores: Vec<Vec<usize>> = Vec::new();
    for cpu in cpus {
        let topology = root.join(format!("cpu{cpu}/topology"));
        // The second is its name of old.
        let list = ["core_cpus_list", "thread_siblings_list"]
            .iter()
            .find_map(|name| read::text(topology.join(name)).ok());
        let mut core = numbers(&list.unwrap_or_default());
        core.retain(|cpu| cpus.contains(cpu));
        if core.len() > 1 && !cores.contains(&core) {
            cores.push(core);
        }
    }
    cores
}

/// The node of memory that a CPU is nearest to; `None` where that isn't shown.
pub fn numa_node(cpu: usize) -> Option<u32> {
    numa_node_under(Path::new(CPUS), cpu)
}

fn numa_node_under(root: &Path, cpu: usize) -> Option<u32> {
    let entries = fs::read_dir(root.join(format!("cpu{cpu}"))).ok()?;
    let mut names = entries.flatten().map(|entry| entry.file_name());
    names.find_map(|name| name.to_str()?.strip_prefix("node")?.parse().ok())
}

/// Those of these CPUs that are nearest to one node of memory, together, in the order of the nodes;
/// none where that isn't shown.
pub fn nodes(cpus: &[usize]) -> Vec<Vec<usize>> {
    let mut nodes: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for &cpu in cpus {
        if let Some(node) = numa_node(cpu) {
            nodes.entry(node).or_default().push(cpu);
        }
    }
    nodes.into_values().collect()
}

/// Ephemeral ports of one address; `None` where that isn't shown.
pub fn ephemeral_ports() -> Option<u32> {
    range_length(&read::text("/proc/sys/net/ipv4/ip_local_port_range").ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_a_core_and_nodes_are_read() {
        let root = tempfile::tempdir().unwrap();
        for (cpu, siblings, node) in [(0, "0,2", 0), (1, "1,3", 1), (2, "0,2", 0), (3, "1,3", 1)] {
            let own = root.path().join(format!("cpu{cpu}"));
            fs::create_dir_all(own.join("topology")).unwrap();
            fs::create_dir(own.join(format!("node{node}"))).unwrap();
            fs::write(own.join("topology/core_cpus_list"), format!("{siblings}\n")).unwrap();
        }
        let of = |cpus: &[usize]| siblings_under(root.path(), cpus);
        assert_eq!(of(&[0, 1, 2, 3]), [[0, 2], [1, 3]]);
        assert_eq!(of(&[0, 1, 2]), [[0, 2]], "the other thread may not be used");
        assert!(of(&[7]).is_empty());
        assert_eq!(numa_node_under(root.path(), 3), Some(1));
        assert_eq!(numa_node_under(root.path(), 7), None);
    }
}
