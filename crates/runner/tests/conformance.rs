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

/// A fake model fails a case on the framed wire, and the check with it.
fn assert_fails(mode: &str, case: &str) {
    let fixture = Fixture::new();
    let bin = fixture.fake(mode);
    let output = runner()
        .args(["check", "--wire", "framed", "--model", mode, "--bin", &bin])
        .args(["--only", case])
        .output()
        .unwrap();
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(&format!("FAIL {case}")), "{said}");
    fixture.assert_nothing_left();
}

#[test]
fn altered_bytes_fail_where_many_replies_are_compared() {
    assert_fails("wrong-bytes", "pipelined");
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
    assert_fails("miscounts", "counters");
}

#[test]
fn a_held_file_that_ends_a_server_fails_its_case() {
    assert_fails("dies-when-held", "held-file");
}
