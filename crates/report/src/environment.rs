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
