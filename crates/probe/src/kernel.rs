//! Memory of the whole machine, and what of it the kernel holds: it keeps no account by process.

use procfs::{Current as _, Meminfo};
use report::{
    explain_missing,
    trial::{MachineMemory, MachineUse},
};
use std::{collections::BTreeMap, fs};

/// Adds what memory the kernel holds now.
pub fn add_kernel_memory(machine: &mut MachineUse) {
    let memory = Meminfo::current().ok();
    let sockstat = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let in_pages = |pages: u64| pages * procfs::page_size();
    machine.slab_bytes = memory.as_ref().map(|m| m.slab);
    machine.page_tables_bytes = memory.as_ref().and_then(|m| m.page_tables);
    machine.free_bytes = memory.map(|m| m.mem_free);
    explain_missing!(
        machine,
        "not shown in /proc/meminfo",
        [slab_bytes, page_tables_bytes, free_bytes]
    );
    machine.tcp_sockets = sockstat_value(&sockstat, "inuse");
    machine.tcp_buffers_bytes = sockstat_value(&sockstat, "mem").map(in_pages);
    explain_missing!(
        machine,
        "not shown in /proc/net/sockstat",
        [tcp_sockets, tcp_buffers_bytes]
    );
    let slabinfo = fs::read_to_string("/proc/slabinfo").ok();
    machine.slab_by_cache_bytes = slabinfo.map(|text| slab_by_cache(&text));
    explain_missing!(
        machine,
        "/proc/slabinfo can't be read: only root may",
        [slab_by_cache_bytes]
    );
}

/// The machine's memory now; `None` where /proc/meminfo can't be read.
pub fn machine_memory() -> Option<MachineMemory> {
    let memory = Meminfo::current().ok()?;
    let page_cache_bytes = memory.buffers + memory.cached;
    let not_used = memory.mem_free + page_cache_bytes + memory.s_reclaimable.unwrap_or(0);
    Some(MachineMemory {
        free_bytes: memory.mem_free,
        page_cache_bytes,
        used_bytes: memory.mem_total.saturating_sub(not_used),
        available_bytes: memory.mem_available,
        slab_bytes: memory.slab,
        page_tables_bytes: memory.page_tables.unwrap_or(0),
        kernel_stacks_bytes: memory.kernel_stack.unwrap_or(0),
        per_cpu_bytes: memory.per_cpu.unwrap_or(0),
    })
}

/// What could be had without swapping: MemAvailable. Before a run it is right; during one it would
/// count socket inodes among what can be had.
pub fn available_bytes() -> Option<u64> {
    Meminfo::current().ok()?.mem_available
}

/// How many processes the kernel has killed for want of memory since boot.
pub fn oom_kills() -> Option<u64> {
    vmstat("oom_kill")
}

/// A counter of /proc/vmstat.
pub(crate) fn vmstat(name: &str) -> Option<u64> {
    u64::try_from(*procfs::vmstat().ok()?.get(name)?).ok()
}

/// TCP sockets that the kernel holds memory for, closed ones whose process still has them open
/// included; `None` where it isn't shown.
pub fn tcp_sockets_held() -> Option<u64> {
    let sockstat = fs::read_to_string("/proc/net/sockstat").ok()?;
    sockstat_value(&sockstat, "alloc")
}

/// All caches of /proc/slabinfo that hold something.
fn slab_by_cache(text: &str) -> BTreeMap<String, u64> {
    text.lines()
        .filter_map(slab_line)
        .filter(|&(_, bytes)| bytes > 0)
        .collect()
}

/// name active_objs num_objs objsize objperslab pagesperslab : tunables a b c : slabdata active_slabs num_slabs shared
fn slab_line(line: &str) -> Option<(String, u64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let pages_per_slab: u64 = words.get(5)?.parse().ok()?;
    let slabs: u64 = words.get(14)?.parse().ok()?;
    Some((
        (*words.first()?).to_owned(),
        slabs * pages_per_slab * procfs::page_size(),
    ))
}

/// A value of the TCP line: `TCP: inuse 5 orphan 0 tw 0 alloc 7 mem 1`.
fn sockstat_value(sockstat: &str, name: &str) -> Option<u64> {
    let line = sockstat.lines().find(|line| line.starts_with("TCP:"))?;
    let mut words = line.split(' ');
    words.find(|word| *word == name)?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_names() {
        let sockstat = "sockets: used 9\nTCP: inuse 5 orphan 0 tw 0 alloc 7 mem 3\n";
        assert_eq!(sockstat_value(sockstat, "mem"), Some(3));
        assert_eq!(sockstat_value(sockstat, "none"), None);
    }

    #[test]
    fn every_cache_that_holds_something_is_named() {
        let text = "slabinfo - version: 2.1\n\
                    # name <active_objs> ...\n\
                    TCP 100 120 2432 13 8 : tunables 0 0 0 : slabdata 10 11 0\n\
                    empty 0 0 2432 13 8 : tunables 0 0 0 : slabdata 0 0 0\n";
        let expected = BTreeMap::from([("TCP".to_owned(), 11 * 8 * procfs::page_size())]);
        assert_eq!(slab_by_cache(text), expected);
    }
}
