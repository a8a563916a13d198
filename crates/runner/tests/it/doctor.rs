//! `runner doctor --connections N` says whether so many connections fit.

use crate::common::{stderr, stdout};
use serde_json::Value;
use std::process::Command;

/// What the doctor says where a process may open so many files.
fn doctor(open_files: u32, connections: &str) -> (Option<i32>, Value) {
    let script = format!(
        "ulimit -n {open_files} && exec {} doctor --json --connections {connections}",
        env!("CARGO_BIN_EXE_runner")
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let said = serde_json::from_str(&stdout(&output));
    (
        output.status.code(),
        said.unwrap_or_else(|error| panic!("{error}: {}", stderr(&output))),
    )
}

#[test]
fn a_limit_of_open_files_that_only_takes_more_processes_is_met() {
    let (code, said) = doctor(1024, "3000");
    assert_eq!(
        (code, &said["fits"]),
        (Some(0), &Value::Bool(true)),
        "{said}"
    );
    // 924 connections in a process, of which the hash leaves 759 on average.
    assert_eq!(said["server_processes"], 4);
    assert_eq!(said["generator_processes"], 4);
}

#[test]
fn what_does_not_fit_is_named_with_what_it_takes() {
    let (code, said) = doctor(1024, "100000000");
    assert_eq!(code, Some(3));
    let findings = said["findings"].as_array().unwrap();
    let short = |item: &str| {
        let finding = findings.iter().find(|finding| finding["item"] == item);
        let finding = finding.unwrap();
        assert_eq!(finding["is_short"], true, "{finding}");
        assert_eq!(finding["level"], "problem", "{finding}");
        finding.clone()
    };
    assert!(short("memory")["needed"].as_str().unwrap().ends_with(" GB"));
    let files = short("fs.file-max");
    assert_eq!(files["needed"], "200100000");
    assert_eq!(files["mend"], "sysctl -w fs.file-max=200100000");
}

#[test]
fn every_limit_on_the_way_is_in_the_table() {
    let output = Command::new(env!("CARGO_BIN_EXE_runner"))
        .args(["doctor", "--connections", "100000000"])
        .output()
        .unwrap();
    let table = stdout(&output);
    for item in [
        "open files",
        "open files, soft",
        "fs.nr_open",
        "fs.file-max",
        "ports",
        "source addresses",
        "somaxconn",
        "tcp_max_syn_backlog",
        "tcp_mem",
        "connection tracking",
        "vm.max_map_count",
        "locked memory",
        "memory",
        "kernel.pid_max",
        "kernel.threads-max",
        "pids of the cgroup",
        "user processes",
    ] {
        let is_item = |line: &str| line.contains(&format!(" {item} "));
        assert!(table.lines().any(is_item), "no {item} in {table}");
    }
    assert!(table.contains("scripts/tune 100000000 does"), "{table}");
    assert!(table.contains("100000000 connections don't fit"), "{table}");
}
