//! Memory of the whole machine, and what of it the kernel holds: it keeps no account by process.

use pseudofiles::{counters, read};
use report::{
    explain_missing,
    trial::{MachineMemory, MachineUse},
};

/// Adds what memory the kernel holds now.
pub fn add_kernel_memory(machine: &mut MachineUse) {
    let memory = meminfo();
    let of_memory = |name| counters::memory_bytes(memory.as_ref()?, name);
    let sockstat = read::text("/proc/net/sockstat").unwrap_or_default();
    let in_pages = |pages: u64| pages * procfs::page_size();
    machine.slab_bytes = of_memory("Slab");
    machine.page_tables_bytes = of_memory("PageTables");
    machine.free_bytes = of_memory("MemFree");
    explain_missing!(
        machine,
        "not shown in /proc/meminfo",
        [slab_bytes, page_tables_bytes, free_bytes]
    );
    // Those of IPv6 are counted apart, where there is IPv6.
    let of_ipv6 = read::text("/proc/net/sockstat6").unwrap_or_default();
    let in_use = |text: &str| counters::sockstat_tcp(text, "inuse");
    machine.tcp_sockets = in_use(&sockstat).map(|count| count + in_use(&of_ipv6).unwrap_or(0));
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
    let memory = meminfo()?;
    let of = |name: &str| counters::memory_bytes(&memory, name);
    let sum = |names: &[&str]| {
        let all = names.iter().filter_map(|name| of(name));
        all.fold(0, u64::saturating_add)
    };
    let not_used = sum(&["MemFree", "Buffers", "Cached", "SReclaimable"]);
    Some(MachineMemory {
        free_bytes: of("MemFree")?,
        page_cache_bytes: sum(&["Buffers", "Cached"]),
        used_bytes: of("MemTotal")?.saturating_sub(not_used),
        available_bytes: of("MemAvailable"),
        slab_bytes: of("Slab")?,
        page_tables_bytes: sum(&["PageTables"]),
        kernel_stacks_bytes: sum(&["KernelStack"]),
        per_cpu_bytes: sum(&["Percpu"]),
    })
}

fn meminfo() -> Option<String> {
    read::text("/proc/meminfo").ok()
}

/// What could be had without swapping: MemAvailable. Before a run it is right; during one it would
/// count socket inodes among what can be had.
pub fn available_bytes() -> Option<u64> {
    counters::memory_bytes(&meminfo()?, "MemAvailable")
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
