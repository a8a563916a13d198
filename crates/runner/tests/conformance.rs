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

/// A fake relay's check on one case: its exit code, and what it said.
fn check_relay(mode: &str, case: &str) -> (Option<i32>, String) {
    let fixture = Fixture::new();
    let bin = fixture.script(
        mode,
        &format!("exec ${{fake%_model}}_relay {mode} $mark \"$@\""),
    );
    let output = runner()
        .args(["check", "--wire", "raw", "--model", mode, "--bin", &bin])
        .args(["--only", case])
        .output()
        .unwrap();
    fixture.assert_nothing_left();
    (output.status.code(), stdout(&output))
}

#[test]
fn each_way_to_relay_wrongly_fails_its_case() {
    for (mode, case) in [
        ("alters", "relay-intact"),
        ("closes-both", "relay-half-close"),
        ("keeps-refused", "relay-refused"),
        ("keeps-broken", "relay-backend-dies"),
        ("counts-no-failure", "relay-backend-dies"),
        ("hoards", "relay-slow-client"),
        ("hoards", "relay-slow-backend"),
        ("drops-at-stop", "relay-stop"),
    ] {
        let (code, said) = check_relay(mode, case);
        assert_eq!(code, Some(3), "{mode}: {said}");
        assert!(said.contains(&format!("FAIL {case}")), "{mode}: {said}");
        let (code, said) = check_relay("good", case);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("1 passed, 0 failed, 0 skipped"), "{said}");
    }
}
