//! What the machine is and how it is set, as far as it bears on the figures.
//!
//! Reports are made to be shared: no environment variables, user names, host names or absolute
//! paths are taken down.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The machine and the build.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Release of the kernel.
    pub kernel: Option<String>,
    /// Name of the CPU.
    pub cpu: Option<String>,
    /// CPUs online.
    pub cpus: Option<u32>,
    /// Memory in all.
    pub memory_bytes: Option<u64>,
    /// The CPU says that it is a guest's.
    pub hypervisor: Option<bool>,
    /// What the kernel reads the time from.
    pub clock_source: Option<String>,
    /// Frequency governor of the first CPU.
    pub governor: Option<String>,
    /// Whether the CPU may run faster than its nominal frequency while it is cool.
    #[serde(default)]
    pub turbo: Option<bool>,
    /// CPUs that the runner may use, and so its servers and generators.
    #[serde(default)]
    pub cpus_allowed: Vec<CpuPlace>,
    /// The kernel's driver of idle states; null, like the next two, where the host decides.
    #[serde(default)]
    pub idle_driver: Option<String>,
    /// What chooses the state that an idle CPU rests in.
    #[serde(default)]
    pub idle_governor: Option<String>,
    /// States that the first CPU may rest in, by name, with the time that waking takes.
    #[serde(default)]
    pub idle_states_latency_us: Option<BTreeMap<String, u64>>,
    /// The kernel accounts interrupts and softirqs apart: their time is in no process' CPU time.
    #[serde(default)]
    pub irq_time_accounting: Option<bool>,
    /// The largest packet of loopback.
    #[serde(default)]
    pub loopback_mtu_bytes: Option<u32>,
    /// Rules of the firewall in the runner's network namespace.
    #[serde(default)]
    pub netfilter_rules: Option<u32>,
    /// Connections that the kernel tracks; null where that isn't loaded.
    #[serde(default)]
    pub conntrack_connections: Option<u64>,
    /// What filters the runner's system calls, and those of its children: `none`, `strict` or
    /// `filter`.
    #[serde(default)]
    pub seccomp: Option<String>,
    /// Security modules of the kernel.
    #[serde(default)]
    pub security_modules: Option<Vec<String>>,
    /// The kernel's audit is on.
    #[serde(default)]
    pub audit: Option<bool>,
    /// What the runner's cgroups leave it of memory, of several limits the one that leaves least.
    #[serde(default)]
    pub cgroup_memory_max_bytes: Option<u64>,
    /// Likewise of processes and threads.
    #[serde(default)]
    pub cgroup_tasks_max: Option<u64>,
    /// Likewise of CPU time: the quota as a number of CPUs.
    #[serde(default)]
    pub cgroup_cpus_max: Option<f64>,
    /// Mitigations of CPU bugs, by bug.
    pub mitigations: BTreeMap<String, String>,
    /// Settings under /proc/sys that bear on connections.
    pub sysctls: BTreeMap<String, String>,
    /// The hard limit of open files per process.
    pub open_files_max: Option<u64>,
    /// The compiler.
    pub rustc: Option<String>,
    /// Flags that cargo gives the compiler, without directories.
    #[serde(default)]
    pub rustflags: Option<Vec<String>>,
    /// Build profile of the generator and of all servers that weren't given as programs.
    pub profile: String,
    /// Settings of that profile that have been given a value, in the manifest, in cargo's
    /// configuration or for this build alone, by name: what cargo takes in the end.
    #[serde(default)]
    pub profile_settings: BTreeMap<String, String>,
    /// Build profiles of servers that were given as programs, by name; `unknown` for a program that
    /// isn't where cargo put it.
    #[serde(default)]
    pub given_profiles: BTreeMap<String, String>,
    /// Revision of the sources.
    pub git_revision: Option<String>,
    /// The sources differ from that revision.
    pub git_dirty: Option<bool>,
    /// Reasons for what is null here, by field.
    pub not_measured: BTreeMap<String, String>,
}

/// Where a CPU is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CpuPlace {
    /// Its number.
    pub cpu: usize,
    /// Those of the allowed CPUs that are threads of its core, itself included.
    pub core_cpus: Vec<usize>,
    /// The node of memory that it is nearest to; null where that isn't shown.
    pub numa_node: Option<u32>,
}
