//! What surrounds server and generator, where that bears on figures: how their CPUs belong together
//! and rest, what looks at each packet and each system call. Each check is a function from what was
//! read to a finding.

use crate::{
    finding::{Finding, item},
    look::Machine,
};
use plan::host::Host;
use report::environment::{CpuPlace, Environment};
use std::collections::{BTreeMap, BTreeSet};

/// Waking from a state that takes longer shows in times at a low rate.
const WAKING_SLOW_US: u64 = 20;

/// Security modules that look at every socket.
const LOOK_AT_SOCKETS: [&str; 4] = ["apparmor", "selinux", "smack", "tomoyo"];

/// Loopback's own; a smaller one cuts large messages.
const LOOPBACK_MTU_BYTES: u32 = 65_536;

pub(super) fn findings(machine: &Machine) -> Vec<Finding> {
    let environment = &machine.environment;
    let Environment { not_measured, .. } = environment;
    vec![
        cores(&environment.cpus_allowed),
        idle_states(environment.idle_states_latency_us.as_ref()),
        softirqs(environment.irq_time_accounting),
        firewall(environment.netfilter_rules, not_measured),
        mtu(environment.loopback_mtu_bytes),
        filter(environment.seccomp.as_deref()),
        security_modules(environment.security_modules.as_deref()),
        audit(environment.audit, not_measured),
    ]
}

/// Where plans put server and generator.
fn cores(places: &[CpuPlace]) -> Finding {
    const ITEM: &str = "cores";
    let mut of_nodes: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for place in places {
        if let Some(node) = place.numa_node {
            of_nodes.entry(node).or_default().push(place.cpu);
        }
    }
    let host = Host {
        cpus: places.iter().map(|place| place.cpu).collect(),
        nodes: of_nodes.into_values().collect(),
        siblings: places.iter().map(|place| place.core_cpus.clone()).collect(),
        ..Host::default()
    };
    let (server, generator) = host.halves();
    let cores: BTreeSet<&[usize]> = places.iter().map(|place| &*place.core_cpus).collect();
    let found = format!("{} CPUs on {} cores", places.len(), cores.len());
    if host.shared_core(&server, &generator).is_some() {
        return item(ITEM, found).problem(
            "server and generator run on two threads of one core and take from each other: rates and \
             times say little about either",
        );
    }
    let nodes = |cpus: &[usize]| -> BTreeSet<u32> {
        let own = places.iter().filter(|place| cpus.contains(&place.cpu));
        own.filter_map(|place| place.numa_node).collect()
    };
    let (of_server, of_generator) = (nodes(&server), nodes(&generator));
    if of_server == of_generator || of_server.is_empty() || of_generator.is_empty() {
        return item(ITEM, found)
            .ok("server and generator have cores of their own, near each other");
    }
    item(ITEM, format!("{found}, several NUMA nodes")).note(
        "server and generator are on different nodes of memory, so that every byte crosses: \
         --server-cpus and --client-cpus choose others",
    )
}

fn idle_states(latencies_us: Option<&BTreeMap<String, u64>>) -> Finding {
    const ITEM: &str = "idle states";
    let Some(latencies_us) = latencies_us else {
        return item(ITEM, "not shown").note("as in many virtual machines: the host decides");
    };
    let Some((name, us)) = latencies_us.iter().max_by_key(|(_, us)| **us) else {
        return item(ITEM, "none").ok("a CPU that is idle wakes at once");
    };
    let found = item(ITEM, format!("{name}, {us} us to wake"));
    if *us > WAKING_SLOW_US {
        let means = "at rates that leave the CPU idle, waking is part of the times";
        found
            .note(means)
            .mend(format!("cpupower idle-set -D {WAKING_SLOW_US}"))
    } else {
        found.ok("a CPU that is idle wakes fast")
    }
}

fn softirqs(accounted: Option<bool>) -> Finding {
    const ITEM: &str = "softirq time";
    match accounted {
        Some(false) => item(ITEM, "with the process").ok(
            "what the kernel does for a packet counts as CPU time of who sends it, on loopback",
        ),
        Some(true) => item(ITEM, "accounted apart").note(
            "what the kernel does for packets is in no process' CPU time: compare the CPU time of the \
             server's CPUs",
        ),
        None => item(ITEM, "not known").note(
            "neither the kernel's configuration nor a try tells whether it is in the CPU time of \
             processes",
        ),
    }
}

fn firewall(rules: Option<u32>, reasons: &BTreeMap<String, String>) -> Finding {
    const ITEM: &str = "firewall";
    match rules {
        Some(0) => item(ITEM, "no rules").ok("packets meet none"),
        Some(rules) => item(ITEM, format!("{rules} rules")).note(
            "packets on loopback walk through those that aren't kept to other interfaces: rates hold \
             their cost",
        ),
        None => item(ITEM, "not known").note(reason(reasons, "netfilter_rules")),
    }
}

fn mtu(bytes: Option<u32>) -> Finding {
    const ITEM: &str = "MTU of loopback";
    match bytes {
        Some(bytes) if bytes < LOOPBACK_MTU_BYTES => item(ITEM, bytes.to_string())
            .note("messages beyond it are cut into several packets, as they aren't elsewhere")
            .mend(format!("ip link set lo mtu {LOOPBACK_MTU_BYTES}")),
        Some(bytes) => item(ITEM, bytes.to_string()).ok("as usual"),
        None => item(ITEM, "not shown").note("/sys/class/net/lo can't be read"),
    }
}

fn filter(mode: Option<&str>) -> Finding {
    const ITEM: &str = "seccomp";
    match mode {
        Some("none") => item(ITEM, "none").ok("nothing filters system calls"),
        Some(mode) => item(ITEM, mode).note(
            "a filter, mostly the container's, looks at each system call: models that make many pay \
             more for it, and some calls may be refused",
        ),
        None => item(ITEM, "not shown").note("a filter may look at each system call"),
    }
}

fn security_modules(modules: Option<&[String]>) -> Finding {
    const ITEM: &str = "security modules";
    let Some(modules) = modules else {
        return item(ITEM, "not shown").note("no securityfs is mounted, as in most containers");
    };
    let looking: Vec<&str> = modules.iter().map(String::as_str).collect();
    let looking: Vec<&str> = looking
        .into_iter()
        .filter(|module| LOOK_AT_SOCKETS.contains(module))
        .collect();
    if looking.is_empty() {
        return item(ITEM, "none for sockets").ok("nothing looks at sockets");
    }
    item(ITEM, looking.join(", ")).note(
        "looks at every connection, and has memory for each socket: compare figures with those of \
         machines that have the same",
    )
}

fn audit(enabled: Option<bool>, reasons: &BTreeMap<String, String>) -> Finding {
    const ITEM: &str = "audit";
    match enabled {
        Some(false) => item(ITEM, "off").ok("nothing notes system calls"),
        Some(true) => item(ITEM, "on")
            .note("with rules for it, the kernel notes system calls: rates hold the cost")
            .mend("auditctl -e 0"),
        None => item(ITEM, "not known").note(reason(reasons, "audit")),
    }
}

fn reason(reasons: &BTreeMap<String, String>, field: &str) -> String {
    reasons.get(field).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn places(places: &[(&[usize], u32)]) -> Vec<CpuPlace> {
        let numbered = places.iter().enumerate();
        let place = |(cpu, (core, node)): (usize, &(&[usize], u32))| CpuPlace {
            cpu,
            core_cpus: core.to_vec(),
            numa_node: Some(*node),
        };
        numbered.map(place).collect()
    }

    #[test]
    fn one_core_for_both_is_a_problem_and_two_nodes_are_a_note() {
        let shared = cores(&places(&[(&[0, 1], 0), (&[0, 1], 0)]));
        assert_eq!(shared.level, Level::Problem);
        let threads = cores(&places(&[
            (&[0, 2], 0),
            (&[1, 3], 0),
            (&[0, 2], 0),
            (&[1, 3], 0),
        ]));
        assert_eq!(
            (threads.level, &*threads.found),
            (Level::Ok, "4 CPUs on 2 cores")
        );
        let far = cores(&places(&[(&[0], 0), (&[1], 1)]));
        assert_eq!(far.level, Level::Note);
        assert_eq!(cores(&places(&[(&[0], 0), (&[1], 0)])).level, Level::Ok);
    }

    #[test]
    fn a_deep_sleep_is_a_note() {
        let of = |states: &[(&str, u64)]| {
            let states = states.iter().map(|&(name, us)| (name.to_owned(), us));
            idle_states(Some(&states.collect())).level
        };
        assert_eq!(of(&[("POLL", 0), ("C6", 170)]), Level::Note);
        assert_eq!(of(&[("POLL", 0), ("C1", 2)]), Level::Ok);
        assert_eq!(idle_states(None).level, Level::Note);
    }

    #[test]
    fn what_looks_at_packets_and_calls_is_a_note() {
        let none = BTreeMap::new();
        let fine = [
            softirqs(Some(false)),
            firewall(Some(0), &none),
            mtu(Some(65_536)),
            filter(Some("none")),
            security_modules(Some(&["landlock".to_owned(), "yama".to_owned()])),
            audit(Some(false), &none),
        ];
        for finding in fine {
            assert_eq!(finding.level, Level::Ok, "{finding:?}");
        }
        let spoiling = [
            softirqs(Some(true)),
            firewall(Some(3), &none),
            mtu(Some(1_500)),
            filter(Some("filter")),
            security_modules(Some(&["apparmor".to_owned()])),
            audit(Some(true), &none),
        ];
        for finding in spoiling {
            assert_eq!(finding.level, Level::Note, "{finding:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_said_to_be_fine() {
        let reasons = BTreeMap::from([("audit".to_owned(), "only root may ask".to_owned())]);
        let unknown = [
            softirqs(None),
            firewall(None, &reasons),
            mtu(None),
            filter(None),
            security_modules(None),
            audit(None, &reasons),
        ];
        for finding in unknown {
            assert_eq!(finding.level, Level::Note, "{finding:?}");
        }
        assert_eq!(audit(None, &reasons).means, "only root may ask");
    }
}
