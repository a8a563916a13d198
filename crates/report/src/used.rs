//! What processes and the machine used over a window.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What processes used over a window. Sums over all processes of that role; null where it isn't
/// known which they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessUse {
    /// How many.
    pub processes: u32,
    /// CPU time in user mode, in ticks of 10 ms, which the kernel tells from system time by
    /// sampling.
    pub cpu_user_s: Option<f64>,
    /// CPU time in the kernel, likewise. A loopback `send` runs the receiver's TCP input too.
    pub cpu_system_s: Option<f64>,
    /// CPU time of both kinds, to the nanosecond; null also when processes came or went.
    #[serde(default)]
    pub cpu_s: Option<f64>,
    /// Context switches to wait for something.
    pub voluntary_switches: Option<u64>,
    /// Context switches because another had to run.
    pub involuntary_switches: Option<u64>,
    /// Proportional set size at the window's end.
    pub pss_bytes: Option<u64>,
    /// What of theirs lies in swap at the window's end, and so isn't in `pss_bytes`. Null in reports from
    /// before this was read.
    #[serde(default)]
    pub swapped_bytes: Option<u64>,
    /// The most resident memory so far.
    pub peak_resident_bytes: Option<u64>,
    /// Page tables at the window's end: memory of the kernel, on behalf of these processes.
    #[serde(default)]
    pub page_tables_bytes: Option<u64>,
    /// Open descriptors at the window's end.
    #[serde(default)]
    pub descriptors: Option<u64>,
    /// System calls in the step's `syscall_window`.
    #[serde(default)]
    pub syscalls: Option<u64>,
    /// Reasons for what is null here, by field.
    #[serde(default)]
    pub not_measured: BTreeMap<String, String>,
}

impl ProcessUse {
    /// CPU time, user and system, from the finer clock where there is one.
    pub fn cpu_total_s(&self) -> Option<f64> {
        self.cpu_s
            .or_else(|| Some(self.cpu_user_s? + self.cpu_system_s?))
    }
}

/// What a cache line takes from the server's CPU to the generator's and back, in nanoseconds: the least of
/// many round trips.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CpusApart {
    /// Before the load.
    pub before_ns: f64,
    /// After its window.
    pub after_ns: f64,
    /// The lower quartile over all windows of the run that it was measured for.
    pub usual_ns: Option<f64>,
}

/// What the machine as a whole did over a window, or held at its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MachineUse {
    /// Share of all CPU time that the hypervisor gave to others, 0 to 1.
    pub steal_share: Option<f64>,
    /// The same of the CPUs that are the server's alone, or of the generator's: of those that lost more. Where
    /// one of them has none, all CPUs stand for its own. Null in reports from before this was taken.
    #[serde(default)]
    pub ours_steal_share: Option<f64>,
    /// The time behind that, in seconds: nothing is judged on a few of the kernel's ticks. Null likewise.
    #[serde(default)]
    pub ours_steal_s: Option<f64>,
    /// Share of all CPU time in software interrupts.
    pub softirq_share: Option<f64>,
    /// CPU time beyond that of server, generator and runner, in CPUs: other programs, and what the
    /// kernel does outside of processes. (Older reports: the runner's, too.)
    pub other_cpus_used: Option<f64>,
    /// CPU time of other programs, in CPUs, seen from before the window to after its result; at most
    /// what the CPUs weren't idle for. (Older reports: also what children of theirs had used before.)
    #[serde(default)]
    pub programs_cpus_used: Option<f64>,
    /// The same as a share of the CPU time of the CPUs that are the server's alone, or of the generator's: of
    /// those that lost more. A program counts where it was seen before the window or after. Where one of both
    /// has no CPUs of its own, all programs count, as a share of one CPU. Null in reports from before this was
    /// taken.
    #[serde(default)]
    pub programs_ours_share: Option<f64>,
    /// The time behind that, in seconds. Null likewise.
    #[serde(default)]
    pub programs_ours_s: Option<f64>,
    /// CPU time of the five of them that used most, by name, in seconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub programs_s: BTreeMap<String, f64>,
    /// CPU time of all that ran on the server's CPUs in the window, in seconds: the server, the
    /// kernel's work for it outside of its processes, no other program. Null where the server has no
    /// CPUs of its own.
    #[serde(default)]
    pub server_cpus_s: Option<f64>,
    /// Share of the window in which the server's CPUs were idle, 0 to 1. Null likewise.
    #[serde(default)]
    pub server_cpus_idle_share: Option<f64>,
    /// CPU time of the kernel's threads on the server's CPUs, by name, in seconds: part of
    /// `server_cpus_s`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kernel_threads_s: BTreeMap<String, f64>,
    /// How far the first CPU of the server and the first of the generator were apart. Null in reports from
    /// before this was taken, and where one of them has no CPUs of its own on this machine.
    #[serde(default)]
    pub cpus_apart: Option<CpusApart>,
    /// Slab at the end: kernel objects such as sockets.
    pub slab_bytes: Option<u64>,
    /// Slab by cache at the end: every cache that holds something. (Older reports: the twelve
    /// greatest.) The kernel may keep objects in another cache of equal object size.
    pub slab_by_cache_bytes: Option<BTreeMap<String, u64>>,
    /// Page tables at the end.
    pub page_tables_bytes: Option<u64>,
    /// Memory in TCP buffers at the end.
    pub tcp_buffers_bytes: Option<u64>,
    /// TCP sockets in use at the end.
    pub tcp_sockets: Option<u64>,
    /// Free memory at the end.
    pub free_bytes: Option<u64>,
    /// Connections that an accept queue had no room for, in the network namespace of the server, in the
    /// window and the ramp before it.
    pub listen_overflows: Option<u64>,
    /// TCP segments sent again, likewise.
    pub retransmits: Option<u64>,
    /// Connections, of any program, that the kernel broke off because its memory for TCP (`tcp_mem`) was
    /// used up, likewise. Null in reports from before this was read.
    #[serde(default)]
    pub tcp_memory_aborts: Option<u64>,
    /// Share of the window in which some task waited for a CPU, 0 to 1 (PSI, `some`). Server and
    /// generator count among them.
    #[serde(default)]
    pub pressure_cpu_share: Option<f64>,
    /// Share of the window in which some task waited for memory, 0 to 1.
    #[serde(default)]
    pub pressure_memory_share: Option<f64>,
    /// Share of the window in which some task waited for a disk, 0 to 1.
    #[serde(default)]
    pub pressure_io_share: Option<f64>,
    /// Pages read from swap.
    #[serde(default)]
    pub swap_in_pages: Option<u64>,
    /// Pages written to swap.
    #[serde(default)]
    pub swap_out_pages: Option<u64>,
    /// For how long CPU quotas kept the cgroups of runner and server, or those above them, from running,
    /// added up over CPUs: on several of them they stood for no longer than this.
    #[serde(default)]
    pub throttled_us: Option<u64>,
    /// Reasons for what is null here, by field.
    #[serde(default)]
    pub not_measured: BTreeMap<String, String>,
}
