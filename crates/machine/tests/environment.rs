//! What can be read of this machine.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use machine::environment;

#[test]
fn all_that_is_null_has_a_reason() {
    let environment = environment::read();
    let json = serde_json::to_value(&environment).unwrap();
    for field in [
        "governor",
        "turbo",
        "loopback_mtu_bytes",
        "netfilter_rules",
        "conntrack_connections",
        "seccomp",
        "security_modules",
        "audit",
        "irq_time_accounting",
        "cgroup_memory_max_bytes",
        "cgroup_tasks_max",
        "cgroup_cpus_max",
    ] {
        let is_explained = environment.not_measured.contains_key(field);
        assert_eq!(json[field].is_null(), is_explained, "{field}");
    }
    assert!(!environment.cpus_allowed.is_empty());
    assert!(
        !json.to_string().contains("\"/"),
        "no absolute path: {json}"
    );
}
