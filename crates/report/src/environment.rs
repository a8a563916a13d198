//! What the machine is and how it is set, as far as it bears on the figures.
//!
//! Reports are made to be shared: no environment variables, user names, host names or absolute
//! paths are taken down.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs};

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

/// Settings that decide how many connections there can be and how they come about.
const SYSCTLS: [&str; 8] = [
    "fs/file-max",
    "fs/nr_open",
    "kernel/io_uring_disabled",
    "net/core/somaxconn",
    "net/ipv4/ip_local_port_range",
    "net/ipv4/tcp_max_syn_backlog",
    "net/ipv4/tcp_mem",
    "net/ipv4/tcp_congestion_control",
];

impl Environment {
    /// Reads what the machine tells; what only the build knows is left to the caller.
    pub fn read() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let mut environment = Self {
            kernel: line_of("/proc/sys/kernel/osrelease"),
            cpu: field(&cpuinfo, "model name"),
            cpus: Some(
                cpuinfo
                    .lines()
                    .filter(|line| line.starts_with("processor"))
                    .count() as u32,
            ),
            memory_bytes: field(&meminfo, "MemTotal")
                .and_then(|text| text.trim_end_matches(" kB").parse().ok())
                .map(|kib: u64| kib << 10),
            hypervisor: field(&cpuinfo, "flags")
                .map(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
            clock_source: line_of(
                "/sys/devices/system/clocksource/clocksource0/current_clocksource",
            ),
            governor: line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            turbo: turbo(
                line_of("/sys/devices/system/cpu/intel_pstate/no_turbo").as_deref(),
                line_of("/sys/devices/system/cpu/cpufreq/boost").as_deref(),
            ),
            mitigations: files_in("/sys/devices/system/cpu/vulnerabilities"),
            sysctls: SYSCTLS
                .iter()
                .filter_map(|name| {
                    Some((
                        name.replace('/', "."),
                        line_of(&format!("/proc/sys/{name}"))?,
                    ))
                })
                .collect(),
            ..Self::default()
        };
        environment.explain_missing();
        environment
    }

    fn explain_missing(&mut self) {
        let missing = [
            (
                self.governor.is_none(),
                "governor",
                "no cpufreq here, as in most virtual machines",
            ),
            (
                self.turbo.is_none(),
                "turbo",
                "neither intel_pstate/no_turbo nor cpufreq/boost here, as in most virtual machines",
            ),
            (
                self.clock_source.is_none(),
                "clock_source",
                "not shown in /sys",
            ),
            (self.cpu.is_none(), "cpu", "not named in /proc/cpuinfo"),
            (
                self.hypervisor.is_none(),
                "hypervisor",
                "no flags in /proc/cpuinfo",
            ),
        ];
        for (_, field, reason) in missing.into_iter().filter(|(is_missing, ..)| *is_missing) {
            self.not_measured
                .insert(field.to_owned(), reason.to_owned());
        }
    }
}

/// From what the kernel's two kinds of drivers say; one of them states the opposite.
fn turbo(no_turbo: Option<&str>, boost: Option<&str>) -> Option<bool> {
    match (no_turbo, boost) {
        (Some(off), _) => Some(off == "0"),
        (None, Some(on)) => Some(on == "1"),
        (None, None) => None,
    }
}

/// The value behind `name :` in a file such as /proc/meminfo.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

fn line_of(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn files_in(directory: &str) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return BTreeMap::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let text = fs::read_to_string(entry.path()).ok()?;
            Some((
                entry.file_name().into_string().ok()?,
                text.trim().to_owned(),
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "MemTotal:       1024 kB\nMem:  1 kB\nflags\t\t: fpu hypervisor\n";
        assert_eq!(field(text, "Mem").as_deref(), Some("1 kB"));
        assert_eq!(field(text, "flags").as_deref(), Some("fpu hypervisor"));
        assert_eq!(field(text, "Swap"), None);
    }

    #[test]
    fn turbo_is_told_by_either_driver() {
        assert_eq!(turbo(Some("0"), None), Some(true));
        assert_eq!(turbo(Some("1"), Some("1")), Some(false));
        assert_eq!(turbo(None, Some("1")), Some(true));
        assert_eq!(turbo(None, None), None);
    }

    #[test]
    fn what_is_null_has_a_reason() {
        let environment = Environment::read();
        assert_eq!(
            environment.governor.is_none(),
            environment.not_measured.contains_key("governor")
        );
        assert_eq!(
            environment.turbo.is_none(),
            environment.not_measured.contains_key("turbo")
        );
    }
}
