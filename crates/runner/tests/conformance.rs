//! Every model of the workspace passes the conformance suite, and wrong servers don't.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

#[path = "it/common/mod.rs"]
mod common;

use common::{Fixture, runner, stderr, stdout};

#[test]
fn every_model_conforms() {
    let output = runner().args(["check", "--model", "all"]).output().unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        stdout(&output),
        stderr(&output)
    );
    assert!(stdout(&output).contains(" passed, 0 failed"));
}

/// Cases that a fake model fails on the framed wire.
fn failed_cases(mode: &str) -> Vec<String> {
    let fixture = Fixture::new();
    let bin = fixture.fake(mode);
    let output = runner()
        .args(["check", "--wire", "framed", "--model", mode, "--bin", &bin])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    fixture.assert_nothing_left();
    let said = stdout(&output);
    let failed = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("FAIL "));
    failed
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn altered_bytes_fail_where_many_replies_are_compared() {
    let failed = failed_cases("wrong-bytes");
    assert!(failed.contains(&"pipelined".to_owned()), "{failed:?}");
}

#[test]
fn one_case_is_asked_alone() {
    let fixture = Fixture::new();
    let bin = fixture.fake("wrong-bytes");
    let args = ["check", "--only", "counters", "--model", "wrong-bytes"];
    let output = runner().args(args).args(["--bin", &bin]).output().unwrap();
    let said = stdout(&output);
    assert!(
        !said.contains("pipelined") && said.contains("counters"),
        "{said}"
    );
    fixture.assert_nothing_left();
}

#[test]
fn wrong_counts_fail_the_counters() {
    assert!(failed_cases("miscounts").contains(&"counters".to_owned()));
}

#[test]
fn a_held_file_that_ends_a_server_fails_its_case() {
    let failed = failed_cases("dies-when-held");
    assert!(failed.contains(&"held-file".to_owned()), "{failed:?}");
}
