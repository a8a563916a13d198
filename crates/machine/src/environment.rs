//! What the machine is and how it is set, read from /proc and /sys.

use crate::surroundings;
use pseudofiles::{
    counters::memory_bytes,
    read::text,
    settings::{field, words},
};
use report::{environment::Environment, explain_missing};
use std::{collections::BTreeMap, fs};

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

/// Reads what the machine tells; what only the build knows is left to the caller.
pub fn read() -> Environment {
    let cpuinfo = text("/proc/cpuinfo").unwrap_or_default();
    let mut environment = Environment {
        kernel: line_of("/proc/sys/kernel/osrelease"),
        cpu: field(&cpuinfo, "model name"),
        cpus: Some(
            cpuinfo
                .lines()
                .filter(|line| line.starts_with("processor"))
                .count() as u32,
        ),
        memory_bytes: text("/proc/meminfo")
            .ok()
            .and_then(|meminfo| memory_bytes(&meminfo, "MemTotal")),
        hypervisor: field(&cpuinfo, "flags")
            .map(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
        clock_source: line_of("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
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
        ..Environment::default()
    };
    explain_missing!(
        environment,
        "no cpufreq here, as in most virtual machines",
        [governor]
    );
    explain_missing!(
        environment,
        "neither intel_pstate/no_turbo nor cpufreq/boost here, as in most virtual machines",
        [turbo]
    );
    explain_missing!(environment, "not shown in /sys", [clock_source]);
    explain_missing!(environment, "not named in /proc/cpuinfo", [cpu]);
    explain_missing!(environment, "no flags in /proc/cpuinfo", [hypervisor]);
    surroundings::add(&mut environment);
    environment
}

/// From what the kernel's two kinds of drivers say; one of them states the opposite.
fn turbo(no_turbo: Option<&str>, boost: Option<&str>) -> Option<bool> {
    match (no_turbo, boost) {
        (Some(off), _) => Some(off == "0"),
        (None, Some(on)) => Some(on == "1"),
        (None, None) => None,
    }
}

fn line_of(path: &str) -> Option<String> {
    Some(words(&text(path).ok()?))
}

fn files_in(directory: &str) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return BTreeMap::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let says = text(entry.path()).ok()?;
            Some((
                entry.file_name().into_string().ok()?,
                says.trim().to_owned(),
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turbo_is_told_by_either_driver() {
        assert_eq!(turbo(Some("0"), None), Some(true));
        assert_eq!(turbo(Some("1"), Some("1")), Some(false));
        assert_eq!(turbo(None, Some("1")), Some(true));
        assert_eq!(turbo(None, None), None);
    }
}
