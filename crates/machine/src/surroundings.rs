//! What surrounds a run beside the machine itself: how its CPUs rest and belong together, what looks
//! at each packet and each system call, and the limits of this process' groups.
//!
//! Sources: Documentation/admin-guide/pm/cpuidle.rst, Documentation/admin-guide/LSM/index.rst,
//! proc(5), sysfs ABI.

use crate::{audit, host, irq_time, netfilter};
use probe::cgroup;
use procfs::process::Process;
use pseudofiles::read;
use report::{
    environment::{CpuPlace, Environment},
    explain_missing,
};
use std::{collections::BTreeMap, fs, path::Path};

/// Adds all of it, of the CPUs that this process may use.
pub(crate) fn add(environment: &mut Environment) {
    add_cpus(environment, Path::new("/sys/devices/system/cpu"));
    environment.irq_time_accounting = irq_time::is_accounted();
    explain_missing!(
        environment,
        "no configuration of the kernel can be read, and the clocks of this process don't tell it",
        [irq_time_accounting]
    );
    add_network(environment);
    add_watchers(environment);
    add_groups(environment);
}

fn add_cpus(environment: &mut Environment, root: &Path) {
    let cpus = host::allowed_cpus();
    let cores = host::siblings(&cpus);
    let place = |&cpu: &usize| CpuPlace {
        cpu,
        core_cpus: cores
            .iter()
            .find(|core| core.contains(&cpu))
            .cloned()
            .unwrap_or(vec![cpu]),
        numa_node: host::numa_node(cpu),
    };
    environment.cpus_allowed = cpus.iter().map(place).collect();
    let idle = root.join("cpuidle");
    environment.idle_driver = word(&idle.join("current_driver"));
    environment.idle_governor = ["current_governor", "current_governor_ro"]
        .iter()
        .find_map(|name| word(&idle.join(name)));
    environment.idle_states_latency_us = environment
        .idle_driver
        .as_ref()
        .map(|_| idle_states(&root.join("cpu0/cpuidle")));
    explain_missing!(
        environment,
        "no driver of idle states here, as in many virtual machines: the host decides how a CPU rests",
        [idle_driver, idle_governor, idle_states_latency_us]
    );
}

/// What the first CPU may rest in, with the time that it takes to wake.
fn idle_states(directory: &Path) -> BTreeMap<String, u64> {
    let states = fs::read_dir(directory).into_iter().flatten().flatten();
    let state = |path: &Path| {
        let is_disabled = word(&path.join("disable")).is_some_and(|word| word != "0");
        let latency = word(&path.join("latency"))?.parse().ok()?;
        (!is_disabled).then_some((word(&path.join("name"))?, latency))
    };
    states.filter_map(|entry| state(&entry.path())).collect()
}

fn add_network(environment: &mut Environment) {
    let mtu = word(Path::new("/sys/class/net/lo/mtu"));
    environment.loopback_mtu_bytes = mtu.and_then(|word| word.parse().ok());
    explain_missing!(
        environment,
        "not shown in /sys/class/net/lo",
        [loopback_mtu_bytes]
    );
    let rules = netfilter::rules();
    explain(
        environment,
        "netfilter_rules",
        rules.as_ref().err().cloned(),
    );
    environment.netfilter_rules = rules.ok();
    let tracked = word(Path::new("/proc/sys/net/netfilter/nf_conntrack_count"));
    environment.conntrack_connections = tracked.and_then(|word| word.parse().ok());
    explain_missing!(
        environment,
        "connection tracking isn't loaded",
        [conntrack_connections]
    );
}

/// What looks at system calls.
fn add_watchers(environment: &mut Environment) {
    let status = Process::myself().and_then(|process| process.status());
    let mode = status.ok().and_then(|status| status.seccomp);
    environment.seccomp = mode.map(|mode| seccomp_mode(mode).to_owned());
    explain_missing!(environment, "not shown in /proc/self/status", [seccomp]);
    let modules = word(Path::new("/sys/kernel/security/lsm"));
    environment.security_modules = modules.map(|list| list.split(',').map(str::to_owned).collect());
    explain_missing!(
        environment,
        "no securityfs is mounted, as in most containers",
        [security_modules]
    );
    let audit = audit::is_enabled();
    explain(environment, "audit", audit.as_ref().err().cloned());
    environment.audit = audit.ok();
}

fn seccomp_mode(mode: u32) -> &'static str {
    match mode {
        0 => "none",
        1 => "strict",
        2 => "filter",
        _ => "unknown",
    }
}

fn add_groups(environment: &mut Environment) {
    environment.cgroup_memory_max_bytes = cgroup::memory().map(|(_, limit)| limit.max);
    environment.cgroup_tasks_max = cgroup::tasks().map(|limit| limit.max);
    environment.cgroup_cpus_max = cgroup::cpus();
    explain_missing!(
        environment,
        "no group of this process has such a limit, or it isn't shown",
        [cgroup_memory_max_bytes, cgroup_tasks_max, cgroup_cpus_max]
    );
}

fn explain(environment: &mut Environment, field: &str, reason: Option<String>) {
    let reason = reason.map(|reason| (field.to_owned(), reason));
    environment.not_measured.extend(reason);
}

/// What a file holds; `None` if it isn't there or empty.
fn word(path: &Path) -> Option<String> {
    let text = read::text(path).ok()?;
    let word = text.trim();
    (!word.is_empty()).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn how_a_cpu_rests_is_read() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            &[
                ("cpuidle/current_driver", "intel_idle\n"),
                ("cpuidle/current_governor_ro", "menu\n"),
                ("cpu0/cpuidle/state0/name", "POLL\n"),
                ("cpu0/cpuidle/state0/latency", "0\n"),
                ("cpu0/cpuidle/state1/name", "C6\n"),
                ("cpu0/cpuidle/state1/latency", "170\n"),
                ("cpu0/cpuidle/state1/disable", "0\n"),
                ("cpu0/cpuidle/state2/name", "C10\n"),
                ("cpu0/cpuidle/state2/latency", "900\n"),
                ("cpu0/cpuidle/state2/disable", "1\n"),
            ],
        );
        let mut environment = Environment::default();
        add_cpus(&mut environment, root.path());
        assert_eq!(environment.idle_driver.as_deref(), Some("intel_idle"));
        assert_eq!(environment.idle_governor.as_deref(), Some("menu"));
        let states = environment.idle_states_latency_us.unwrap();
        let expected = [("C6".to_owned(), 170), ("POLL".to_owned(), 0)];
        assert_eq!(states, BTreeMap::from(expected));
    }

    #[test]
    fn a_machine_without_idle_states_has_a_reason() {
        let root = tempfile::tempdir().unwrap();
        // As where the driver's file is there, and empty.
        write(root.path(), &[("cpuidle/current_driver", "\n")]);
        let mut environment = Environment::default();
        add_cpus(&mut environment, root.path());
        assert_eq!(environment.idle_driver, None);
        for field in ["idle_driver", "idle_governor", "idle_states_latency_us"] {
            assert!(environment.not_measured.contains_key(field), "{field}");
        }
    }
}
