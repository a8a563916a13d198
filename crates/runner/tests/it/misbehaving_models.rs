//! A model that misbehaves is a row with its reason; figures it spoiled are marked.

use crate::common::{Fixture, LIGHT, runner, stderr};
use report::check::Status;

const FAILED: Option<i32> = Some(3);

/// Runs a fake that can't be measured; returns phase, reason and tail of standard error.
fn failure_of(mode: &str) -> (String, String, String) {
    let fixture = Fixture::new();
    let output = fixture.run(mode, &["--load", "closed"]);
    let shown = stderr(&output);
    assert_eq!(output.status.code(), FAILED, "{shown}");
    let failure = fixture
        .report()
        .failure
        .unwrap_or_else(|| panic!("no failure: {shown}"));
    assert!(
        shown.contains(&failure.reason),
        "the table's notes lack {failure:?}: {shown}"
    );
    fixture.assert_nothing_left();
    (
        failure.phase.word().to_owned(),
        failure.reason,
        failure.stderr_tail,
    )
}

/// Runs a fake that answers, and returns the ids of the checks that failed as invalid.
fn invalid_checks_of(mode: &str) -> Vec<String> {
    let fixture = Fixture::new();
    let output = fixture.run(mode, &["--load", "closed"]);
    assert_eq!(output.status.code(), FAILED, "{}", stderr(&output));
    let report = fixture.report();
    assert_eq!(report.failure, None);
    assert_eq!(report.verdict.status, Status::Invalid);
    let checks = report.verdict.checks.into_iter();
    checks
        .filter(|check| check.status() == Status::Invalid)
        .map(|check| check.id)
        .collect()
}

#[test]
fn one_that_is_never_ready_is_given_up() {
    let (phase, reason, _) = failure_of("never-ready");
    assert_eq!(phase, "start");
    assert!(reason.contains("not ready within"), "{reason}");
}

#[test]
fn one_that_dies_at_the_start_shows_its_last_words() {
    let (phase, reason, tail) = failure_of("dies-at-start");
    assert_eq!(phase, "start");
    assert!(reason.contains("exit status: 7"), "{reason}");
    assert_eq!(tail, "no luck today");
}

#[test]
fn one_that_dies_under_load_shows_its_last_words() {
    let (phase, reason, tail) = failure_of("dies");
    assert_eq!(phase, "run");
    assert!(reason.contains("exit status: 9"), "{reason}");
    assert_eq!(tail, "it was nice while it lasted");
}

#[test]
fn garbage_instead_of_the_ready_line_is_quoted() {
    let (phase, reason, _) = failure_of("garbage");
    assert_eq!(phase, "start");
    assert!(reason.contains("hello, I am a server"), "{reason}");
}

#[test]
fn another_version_of_the_contract_is_refused() {
    let (_, reason, _) = failure_of("contract-9");
    assert!(reason.contains("version 9"), "{reason}");
}

#[test]
fn one_that_ignores_the_end_of_input_is_killed() {
    let (phase, reason, _) = failure_of("ignores-end-of-input");
    assert_eq!(phase, "stop");
    assert!(reason.contains("killed"), "{reason}");
}

#[test]
fn one_without_a_done_line_can_not_be_believed() {
    let (phase, reason, _) = failure_of("no-done-line");
    assert_eq!(phase, "stop");
    assert!(reason.contains("done line"), "{reason}");
}

#[test]
fn an_unmet_need_says_how_to_mend_it() {
    let (phase, reason, _) = failure_of("unmet");
    assert_eq!(phase, "preflight");
    assert_eq!(reason, "a full moon; to mend it: wait two weeks");
}

#[test]
fn the_null_server_waits_for_somebody_to_be_held_against_it() {
    let fixture = Fixture::new();
    let output = fixture.run("unmet", &["--load", "closed", "--workload", "echo"]);
    let shown = stderr(&output);
    assert_eq!(output.status.code(), FAILED, "{shown}");
    assert!(!shown.contains("null server on"), "{shown}");
    assert!(fixture.report().not_measured["ceiling"].contains("no model has a rate"));
}

#[test]
fn an_address_that_is_not_loopback_is_refused() {
    let (phase, reason, _) = failure_of("remote");
    assert_eq!(phase, "start");
    assert!(
        reason.contains("192.0.2.1") && reason.contains("--allow-remote"),
        "{reason}"
    );
}

#[test]
fn a_flood_on_standard_error_does_not_matter() {
    let fixture = Fixture::new();
    fixture.run("floods-stderr", &["--load", "closed"]);
    let report = fixture.report();
    assert_eq!(report.failure, None);
    assert!(
        report
            .summary
            .peak
            .is_some_and(|peak| peak.rate_per_s.median > 0.0)
    );
    fixture.assert_nothing_left();
}

#[test]
fn wrong_bytes_are_caught() {
    assert!(invalid_checks_of("wrong-bytes").contains(&"replies_right".to_owned()));
}

#[test]
fn a_lost_reply_is_caught() {
    let checks = invalid_checks_of("loses-a-reply");
    assert!(
        checks.contains(&"replies_complete".to_owned()),
        "{checks:?}"
    );
}

#[test]
fn a_connection_that_is_dropped_is_caught() {
    let checks = invalid_checks_of("closes-a-connection");
    assert!(
        checks.contains(&"connections_open".to_owned()),
        "{checks:?}"
    );
}

#[test]
fn counts_that_disagree_are_caught() {
    assert_eq!(invalid_checks_of("miscounts"), ["counts_agree"]);
}

#[test]
fn a_relay_that_answers_by_itself_is_caught() {
    let fixture = Fixture::new();
    let output = fixture.run("good", &["--workload", "relay", "--load", "idle"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let report = fixture.report();
    let failed = report.verdict.checks.iter();
    let failed: Vec<&str> = failed.map(|check| check.id.as_str()).collect();
    assert!(failed.contains(&"counts_agree"), "{failed:?}");
    let backend = report.trials[0].backend_counts.unwrap();
    assert_eq!((backend.connections, backend.request_bytes), (0, 0));
}

#[test]
fn a_relay_that_loses_its_backend_says_so_in_the_report() {
    let fixture = Fixture::new();
    let relay = "exec ${fake%model}relay breaks-one $mark \"$@\"";
    let bin = fixture.script("relaying", relay);
    let at_a_rate = ["--workload", "relay", "--load", "open", "--rate", "1000"];
    let output = fixture.run_bin(&bin, &at_a_rate);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let report = fixture.report();
    assert_eq!(report.trials[0].backend_failures, Some(1));
    let mut checks = report.verdict.checks.iter();
    let reached = checks.find(|check| check.id == "backend_reached").unwrap();
    assert!(
        !reached.passed && reached.detail.contains("broke off 1"),
        "{reached:?}"
    );
    let shown = stderr(&output);
    let place = |check: &str| shown.find(&format!("invalid: {check}"));
    assert!(place("backend_reached").is_some(), "{shown}");
    assert_eq!(place("connections_open"), None, "it follows: {shown}");
}

#[test]
fn a_server_behind_a_start_script_is_the_one_that_is_measured() {
    let fixture = Fixture::new();
    let bin = fixture.script("wrapped", "$fake good $mark \"$@\"\nexit $?");
    fixture.run_bin(&bin, &["--load", "closed"]);
    let report = fixture.report();
    assert_eq!(report.failure, None);
    let step = &report.trials[0].steps[0];
    let cpu_s = step.server.cpu_total_s().unwrap();
    assert!(
        cpu_s > 0.0,
        "no CPU time for {} requests",
        step.window.requests
    );
    fixture.assert_nothing_left();
}

#[test]
fn what_a_start_script_leaves_behind_neither_stays_nor_blocks() {
    let fixture = Fixture::new();
    // The process in the background holds standard output and error open.
    let bin = fixture.script(
        "littering",
        "$fake never-ready $mark &\n$fake good $mark \"$@\"\nexit $?",
    );
    let output = fixture.run_bin(&bin, &["--load", "closed"]);
    assert_eq!(fixture.report().failure, None, "{}", stderr(&output));
    fixture.assert_nothing_left();
}

#[test]
fn a_process_that_was_not_started_is_not_measured() {
    let (phase, reason, _) = failure_of("foreign-pid");
    assert_eq!(phase, "start");
    assert!(reason.contains("process 1 "), "{reason}");
}

#[test]
fn a_failing_model_does_not_stop_the_others() {
    let fixture = Fixture::new();
    let (good, bad) = (fixture.fake("good"), fixture.fake("dies-at-start"));
    let output = runner()
        .args([
            "--model",
            "dies-at-start,good",
            "--bin",
            &good,
            "--bin",
            &bad,
        ])
        .args([
            "--load",
            "idle,closed",
            "--trials",
            "2",
            "--duration",
            "0.2",
            "--connections",
            "20",
        ])
        .args(LIGHT)
        .arg("--out")
        .arg(fixture.out())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), FAILED, "{}", stderr(&output));
    let (run, models) = fixture.reports();
    // Something from outside may have had a block made again.
    assert!(run.block_order.len() >= 2);
    assert!(models[0].failure.is_some() && models[0].trials.is_empty());
    assert_eq!(models[1].failure, None);
    let counted = models[1].trials.iter().filter(|trial| !trial.made_again);
    assert_eq!(counted.count(), 4, "two blocks of idle and closed load");
    let invalid = |check: &&report::check::Check| check.status() == Status::Invalid;
    assert_eq!(models[1].verdict.checks.iter().find(invalid), None);
    let memory = models[1].summary.memory.as_ref().unwrap();
    assert_eq!(memory.connections_max, 20);
}

#[test]
fn a_process_that_takes_another_port_than_the_first_is_no_part_of_the_server() {
    let fixture = Fixture::new();
    let output = fixture.run("good", &["--load", "closed", "--server-processes", "2"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let failure = fixture.report().failure.unwrap();
    assert_eq!(failure.phase.word(), "start");
    assert!(failure.reason.contains("was told to share"), "{failure:?}");
    fixture.assert_nothing_left();
}
