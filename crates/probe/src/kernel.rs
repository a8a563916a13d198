//! Memory of the whole machine, and what of it the kernel holds: it keeps no account by process.

use procfs::{Current as _, Meminfo};
use pseudofiles::{counters, read};
use report::{
    explain_missing,
    trial::{MachineMemory, MachineUse},
};

/// Adds what memory the kernel holds now.
pub fn add_kernel_memory(machine: &mut MachineUse) {
    let memory = Meminfo::current().ok();
    let sockstat = read::text("/proc/net/sockstat").unwrap_or_default();
    let in_pages = |pages: u64| pages * procfs::page_size();
    machine.slab_bytes = memory.as_ref().map(|m| m.slab);
    machine.page_tables_bytes = memory.as_ref().and_then(|m| m.page_tables);
    machine.free_bytes = memory.map(|m| m.mem_free);
    explain_missing!(
        machine,
        "not shown in /proc/meminfo",
        [slab_bytes, page_tables_bytes, free_bytes]
    );
    machine.tcp_sockets = counters::sockstat_tcp(&sockstat, "inuse");
    machine.tcp_buffers_bytes = counters::sockstat_tcp(&sockstat, "mem").map(in_pages);
    explain_missing!(
        machine,
        "not shown in /proc/net/sockstat",
        [tcp_sockets, tcp_buffers_bytes]
    );
    let slabinfo = read::text("/proc/slabinfo").ok();
    machine.slab_by_cache_bytes =
        slabinfo.map(|text| counters::slab_by_cache(&text, procfs::page_size()));
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
    let sockstat = read::text("/proc/net/sockstat").ok()?;
    counters::sockstat_tcp(&sockstat, "alloc")
}

/// The same of Unix sockets. Since Linux 5.15 those of streams have a line of their own.
pub fn unix_sockets_held() -> Option<u64> {
    let protocols = read::text("/proc/net/protocols").ok()?;
    let all = protocols.lines();
    all.filter(|line| line.starts_with("UNIX"))
        .map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok())
        .sum()
}
