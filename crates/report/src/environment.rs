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
    /// Mitigations of CPU bugs, by bug.
    pub mitigations: BTreeMap<String, String>,
    /// Settings under /proc/sys that bear on connections.
    pub sysctls: BTreeMap<String, String>,
    /// The hard limit of open files per process.
    pub open_files_max: Option<u64>,
    /// The compiler.
    pub rustc: Option<String>,
    /// Build profile of servers and generator.
    pub profile: String,
    /// Revision of the sources.
    pub git_revision: Option<String>,
    /// The sources differ from that revision.
    pub git_dirty: Option<bool>,
    /// Reasons for what is null here, by field.
    pub not_measured: BTreeMap<String, String>,
}
