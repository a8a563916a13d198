//! What processes and the machine used, read from /proc at the edges of a window.
//!
//! CPU times come in ticks of 10 ms from /proc/<pid>/stat, which counts ended threads too. All
//! sources: proc(5).

use procfs::{Current as _, CurrentSI as _, KernelStats, Meminfo, process::Process};
use report::model::{MachineUse, ProcessUse};
use std::{collections::BTreeMap, fs, time::Instant};

/// Slab caches named in a report; the rest is in the total.
const CACHES_SHOWN: usize = 12;

/// Counters that only grow, at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    at: Instant,
    server: Counters,
    generator: Counters,
    machine: Option<CpuTicks>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    user_ticks: u64,
    system_ticks: u64,
    voluntary: u64,
    involuntary: u64,
}

#[derive(Clone, Copy, Debug)]
struct CpuTicks {
    busy: u64,
    idle: u64,
    softirq: u64,
    steal: u64,
}

/// Events of the network stack since boot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NetEvents {
    listen_overflows: Option<u64>,
    retransmits: Option<u64>,
}

impl Snapshot {
    pub(crate) fn take(server: &[u32], generator: &[u32]) -> Self {
        Self {
            at: Instant::now(),
            server: Counters::of(server),
            generator: Counters::of(generator),
            machine: CpuTicks::read(),
        }
    }
}

/// What was used between two snapshots: by the server, by the generators, by the machine.
pub(crate) fn between(from: &Snapshot, to: &Snapshot) -> (ProcessUse, ProcessUse, MachineUse) {
    let server = from.server.until(&to.server);
    let generator = from.generator.until(&to.generator);
    let mut machine = MachineUse::default();
    if let (Some(a), Some(b)) = (from.machine, to.machine) {
        let busy = b.busy.saturating_sub(a.busy) as f64;
        let steal = b.steal.saturating_sub(a.steal) as f64;
        let all = (busy + steal + b.idle.saturating_sub(a.idle) as f64).max(1.0);
        machine.steal_share = Some(steal / all);
        machine.softirq_share = Some(b.softirq.saturating_sub(a.softirq) as f64 / all);
        let ours_s =
            server.cpu_user_s + server.cpu_system_s + generator.cpu_user_s + generator.cpu_system_s;
        let window_s = (to.at - from.at).as_secs_f64();
        let other_s = busy / procfs::ticks_per_second() as f64 - ours_s;
        machine.other_cpus_used = Some(other_s.max(0.0) / window_s.max(1e-3));
    }
    (server, generator, machine)
}

impl Counters {
    fn of(pids: &[u32]) -> Self {
        let mut sum = Self::default();
        for process in pids.iter().filter_map(|&pid| Process::new(pid as i32).ok()) {
            if let Ok(stat) = process.stat() {
                sum.user_ticks += stat.utime;
                sum.system_ticks += stat.stime;
            }
            // The process' own status speaks of its first thread only.
            let tasks = process.tasks().into_iter().flatten().flatten();
            for status in tasks.filter_map(|task| task.status().ok()) {
                sum.voluntary += status.voluntary_ctxt_switches.unwrap_or(0);
                sum.involuntary += status.nonvoluntary_ctxt_switches.unwrap_or(0);
            }
        }
        sum
    }

    fn until(&self, later: &Self) -> ProcessUse {
        let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
        ProcessUse {
            cpu_user_s: seconds(later.user_ticks.saturating_sub(self.user_ticks)),
            cpu_system_s: seconds(later.system_ticks.saturating_sub(self.system_ticks)),
            voluntary_switches: later.voluntary.saturating_sub(self.voluntary),
            involuntary_switches: later.involuntary.saturating_sub(self.involuntary),
            ..ProcessUse::default()
        }
    }
}

impl CpuTicks {
    fn read() -> Option<Self> {
        let total = KernelStats::current().ok()?.total;
        let irq = total.irq.unwrap_or(0);
        let softirq = total.softirq.unwrap_or(0);
        Some(Self {
            busy: total.user + total.nice + total.system + irq + softirq,
            idle: total.idle + total.iowait.unwrap_or(0),
            softirq,
            steal: total.steal.unwrap_or(0),
        })
    }
}

/// Adds what memory processes hold now.
pub(crate) fn add_memory(used: &mut ProcessUse, pids: &[u32]) {
    used.processes = pids.len() as u32;
    used.pss_bytes = sum_of(pids, |process| {
        let rollup = process.smaps_rollup().ok()?;
        rollup
            .memory_map_rollup
            .iter()
            .find_map(|map| map.extension.map.get("Pss").copied())
    });
    used.peak_resident_bytes = sum_of(pids, |process| Some(process.status().ok()?.vmhwm? << 10));
}

fn sum_of(pids: &[u32], of: impl Fn(&Process) -> Option<u64>) -> Option<u64> {
    pids.iter()
        .map(|&pid| of(&Process::new(pid as i32).ok()?))
        .sum()
}

/// Adds what memory the kernel holds now.
pub(crate) fn add_kernel_memory(machine: &mut MachineUse) {
    if let Ok(memory) = Meminfo::current() {
        machine.slab_bytes = Some(memory.slab);
        machine.page_tables_bytes = memory.page_tables;
        machine.free_bytes = Some(memory.mem_free);
    }
    machine.slab_by_cache_bytes = slab_by_cache();
    if let Ok(sockstat) = fs::read_to_string("/proc/net/sockstat") {
        machine.tcp_sockets = sockstat_value(&sockstat, "inuse");
        machine.tcp_buffers_bytes =
            sockstat_value(&sockstat, "mem").map(|pages| pages * procfs::page_size());
    }
}

/// The greatest caches in /proc/slabinfo, which only root can read.
fn slab_by_cache() -> Option<BTreeMap<String, u64>> {
    let text = fs::read_to_string("/proc/slabinfo").ok()?;
    let mut caches: Vec<(String, u64)> = text.lines().filter_map(slab_line).collect();
    caches.sort_by_key(|&(_, bytes)| std::cmp::Reverse(bytes));
    Some(caches.into_iter().take(CACHES_SHOWN).collect())
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

impl NetEvents {
    pub(crate) fn read() -> Self {
        let netstat = fs::read_to_string("/proc/net/netstat").unwrap_or_default();
        let snmp = fs::read_to_string("/proc/net/snmp").unwrap_or_default();
        Self {
            listen_overflows: paired_value(&netstat, "TcpExt:", "ListenOverflows"),
            retransmits: paired_value(&snmp, "Tcp:", "RetransSegs"),
        }
    }

    /// Adds what has happened since.
    pub(crate) fn add_since(&self, machine: &mut MachineUse) {
        let now = Self::read();
        let since = |a: Option<u64>, b: Option<u64>| Some(b?.saturating_sub(a?));
        machine.listen_overflows = since(self.listen_overflows, now.listen_overflows);
        machine.retransmits = since(self.retransmits, now.retransmits);
    }
}

/// Files such as /proc/net/netstat have a line of names and then a line of values.
fn paired_value(text: &str, prefix: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with(prefix));
    let (names, values) = (lines.next()?, lines.next()?);
    let index = names.split(' ').position(|n| n == name)?;
    values.split(' ').nth(index)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_names() {
        let text = "TcpExt: A ListenOverflows B\nTcpExt: 1 22 3\nIpExt: A\nIpExt: 9\n";
        assert_eq!(paired_value(text, "TcpExt:", "ListenOverflows"), Some(22));
        assert_eq!(paired_value(text, "TcpExt:", "C"), None);
        let sockstat = "sockets: used 9\nTCP: inuse 5 orphan 0 tw 0 alloc 7 mem 3\n";
        assert_eq!(sockstat_value(sockstat, "mem"), Some(3));
        let slab = "TCP 100 120 2432 13 8 : tunables 0 0 0 : slabdata 10 11 0";
        assert_eq!(
            slab_line(slab),
            Some(("TCP".to_owned(), 11 * 8 * procfs::page_size()))
        );
        assert_eq!(slab_line("slabinfo - version: 2.1"), None);
    }

    #[test]
    fn this_process_has_memory_and_cpu_time() {
        let me = [std::process::id()];
        let mut used = ProcessUse::default();
        add_memory(&mut used, &me);
        assert!(
            used.pss_bytes.is_some_and(|bytes| bytes > 1 << 16),
            "{used:?}"
        );
        assert!(used.peak_resident_bytes >= used.pss_bytes);
        let before = Snapshot::take(&me, &[]);
        let began = Instant::now();
        while between(&before, &Snapshot::take(&me, &[])).0.cpu_user_s
            + between(&before, &Snapshot::take(&me, &[])).0.cpu_system_s
            < 0.02
        {
            assert!(began.elapsed().as_secs() < 60, "no CPU time is seen");
        }
    }
}
