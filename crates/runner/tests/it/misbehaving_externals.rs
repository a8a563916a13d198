//! A server that isn't ours and misbehaves is a row with its reason; a description that is wrong is
//! refused before anything starts. Nothing is left running.

use crate::common::{Fixture, eventually, foreign::AT_A_RATE, processes_with, runner, stderr};
use report::{check::Status, model::Failure};
use rustix::process::{Pid, Signal, kill_process};
use std::{net::TcpListener, process::Stdio};

/// Runs the C server in a mode that can't be measured; `None` without a compiler.
fn failure_of(mode: &str) -> Option<Failure> {
    let fixture = Fixture::new();
    let command = fixture.foreign(mode)?;
    // Those that end are waited for no longer than they live.
    let ready_s = if mode == "never" { 0.5 } else { 30.0 };
    let models = fixture.models(&format!(
        "[models.them]\ncommand = '{command}'\nready_s = {ready_s}\n"
    ));
    let them = ["--models", &models, "--model", "them"];
    let output = fixture.run_with(&[&them[..], &AT_A_RATE].concat());
    let shown = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{shown}");
    let failure = fixture
        .report()
        .failure
        .unwrap_or_else(|| panic!("{shown}"));
    assert!(shown.contains(&failure.reason), "{failure:?}: {shown}");
    fixture.assert_nothing_left();
    Some(failure)
}

/// Ids of the checks that failed as invalid.
fn invalid_checks_of(mode: &str) -> Option<Vec<String>> {
    let fixture = Fixture::new();
    let output = fixture.run_foreign(&fixture.foreign(mode)?);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let report = fixture.report();
    assert_eq!(report.failure, None);
    fixture.assert_nothing_left();
    let checks = report.verdict.checks.into_iter();
    let invalid = checks.filter(|check| check.status() == Status::Invalid);
    Some(invalid.map(|check| check.id).collect())
}

#[test]
fn a_missing_toolchain_is_a_row_with_its_way_out_and_the_others_go_on() {
    let fixture = Fixture::new();
    let models = fixture.models(
        "[models.x-missing]\ncommand = './x {addr}'\nbuild = 'no-such-compiler x.c'\n\
         needs = 'a compiler: from nowhere'\n",
    );
    let ours = fixture.fake("good");
    let both = ["--models", &models, "--bin", &ours, "--model", "good,x-*"];
    let output = fixture.run_with(&[&both[..], &AT_A_RATE].concat());
    let shown = stderr(&output);
    let (_, reports) = fixture.reports();
    let [good, missing] = &reports[..] else {
        panic!("{shown}");
    };
    assert_eq!(good.failure, None, "{shown}");
    let failure = missing
        .failure
        .as_ref()
        .unwrap_or_else(|| panic!("{shown}"));
    assert_eq!(failure.phase.word(), "build");
    assert!(failure.reason.contains("no-such-compiler"), "{failure:?}");
    let way_out = failure.way_out.as_deref();
    assert_eq!(way_out, Some("it needs a compiler: from nowhere"));
    assert!(shown.contains("from nowhere"), "{shown}");
}

#[test]
fn a_port_that_never_opens_is_given_up() {
    let Some(failure) = failure_of("never") else {
        return;
    };
    assert_eq!(failure.phase.word(), "start");
    assert!(
        failure.reason.contains("doesn't listen on 127.0.0.1:"),
        "{failure:?}"
    );
    assert_eq!(failure.stderr_tail, "I would rather not");
}

#[test]
fn one_that_ends_before_it_listens_says_how() {
    let Some(failure) = failure_of("ends") else {
        return;
    };
    assert_eq!(failure.phase.word(), "start");
    assert!(
        failure
            .reason
            .contains("before it listened (exit status: 7)"),
        "{failure:?}"
    );
}

#[test]
fn one_that_dies_under_load_shows_its_last_words() {
    let Some(failure) = failure_of("dies") else {
        return;
    };
    assert_eq!(failure.phase.word(), "run");
    assert!(failure.reason.contains("exit status: 9"), "{failure:?}");
    assert_eq!(failure.stderr_tail, "it was nice while it lasted");
}

#[test]
fn wrong_bytes_are_caught() {
    if let Some(checks) = invalid_checks_of("wrong") {
        assert!(checks.contains(&"replies_right".to_owned()), "{checks:?}");
    }
}

#[test]
fn a_connection_that_is_closed_early_is_caught() {
    if let Some(checks) = invalid_checks_of("closes") {
        assert!(
            checks.contains(&"connections_open".to_owned()),
            "{checks:?}"
        );
    }
}

#[test]
fn one_that_ignores_sigterm_is_killed_and_its_figures_stand() {
    let fixture = Fixture::new();
    let Some(command) = fixture.foreign("stubborn") else {
        return;
    };
    let output = fixture.run_foreign(&command);
    let report = fixture.report();
    assert_eq!(report.failure, None, "{}", stderr(&output));
    assert_eq!(report.trials.len(), 1);
    fixture.assert_nothing_left();
}

#[test]
fn what_leaves_its_process_group_is_ended_too() {
    let fixture = Fixture::new();
    let Some(command) = fixture.foreign("litters") else {
        return;
    };
    let output = fixture.run_foreign(&command);
    assert_eq!(fixture.report().failure, None, "{}", stderr(&output));
    // Not eventually: the run was to end it.
    assert!(processes_with(&fixture.mark()).is_empty());
}

#[test]
fn a_runner_that_is_killed_leaves_nothing_of_it_behind() {
    let fixture = Fixture::new();
    let Some(command) = fixture.foreign("litters") else {
        return;
    };
    let mut run = runner()
        .args(["--external", &format!("them={command}"), "--load", "open"])
        // In closed load the null server's turns, as long, might come first.
        .args([
            "--rate",
            "500",
            "--duration",
            "60",
            "--trials",
            "1",
            "--out",
        ])
        .arg(fixture.out())
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // The server and what it has left behind; the runner's and the keeper's own command lines have
    // the mark in them, too.
    eventually("it serves", || processes_with(&fixture.mark()).len() >= 4);
    kill_process(Pid::from_child(&run), Signal::KILL).unwrap();
    run.wait().unwrap();
    fixture.assert_nothing_left();
}

#[test]
fn a_command_that_is_not_there_is_a_row_with_its_reason() {
    for (command, reason) in [
        ("no-such-program-anywhere {port}", "in the PATH"),
        (
            "/nonexistent/secret/server {port}",
            "there is no program server",
        ),
    ] {
        let fixture = Fixture::new();
        let output = fixture.run_foreign(command);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        let failure = fixture.report().failure.unwrap();
        assert_eq!(failure.phase.word(), "preflight");
        assert!(failure.reason.contains(reason), "{failure:?}");
        assert!(!failure.reason.contains("secret"), "{failure:?}");
    }
}

#[test]
fn a_build_command_that_fails_is_a_row_with_its_last_words() {
    let fixture = Fixture::new();
    let models = fixture.models(
        "[models.them]\ncommand = 'sh {port}'\nbuild = \"sh -c 'echo no way >&2; exit 4'\"\n",
    );
    let output = fixture.run_with(&["--models", &models, "--model", "them"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let failure = fixture.report().failure.unwrap();
    assert_eq!(
        (failure.phase.word(), &*failure.stderr_tail),
        ("build", "no way")
    );
}

#[test]
fn a_port_that_is_taken_is_not_measured_for_another() {
    let fixture = Fixture::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let models = fixture.models(&format!(
        "[models.them]\ncommand = 'sleep 60'\nport = {port}\n"
    ));
    let output = fixture.run_with(&["--models", &models, "--model", "them", "--load", "closed"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let reason = fixture.report().failure.unwrap().reason;
    assert!(reason.contains("is taken"), "{reason}");
}

#[test]
fn wrong_use_is_refused_before_anything_starts() {
    let fixture = Fixture::new();
    let far = fixture.models("[models.them]\ncommand = 'x'\naddress = '192.0.2.1:7'\n");
    let cases: [(&[&str], &str); 9] = [
        (
            &["--models", &far, "--model", "them"],
            "mine.toml, line 3: models.them.address",
        ),
        (&["--target", "192.0.2.1:7"], "not on loopback"),
        (
            &["--external", "them=server --fast"],
            "where does it listen",
        ),
        (&["--external", "them"], "NAME=CMD"),
        (&["--external", "../x=server {port}"], "a name has letters"),
        (
            &["--external", "x=a {port}", "--external", "x=b {port}"],
            "two models",
        ),
        (
            &[
                "--external",
                "x=a {port}",
                "--workload",
                "cpu:10",
                "--load",
                "closed",
            ],
            "has echoes only",
        ),
        (
            &["--external", "x=a {port}", "--payload", "4"],
            "8 bytes at least",
        ),
        (
            &["--models", "/nonexistent/m.toml", "--model", "x"],
            "can't read /nonexistent/m.toml",
        ),
    ];
    for (args, reason) in cases {
        let output = fixture.run_with(args);
        let shown = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {shown}");
        assert!(shown.contains(reason), "{args:?}: {shown}");
    }
    assert!(!fixture.out().exists(), "no reports of what never began");
}

#[test]
fn models_of_different_wires_are_not_compared() {
    let fixture = Fixture::new();
    let models = fixture.models(
        "[models.a]\ncommand = 'a {port}'\n[models.b]\ncommand = 'b {port}'\nwire = 'framed'\n",
    );
    let output = fixture.run_with(&["--models", &models, "--model", "a,b"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("b speaks the framed wire"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_target_that_nobody_serves_is_a_row_with_its_reason() {
    let fixture = Fixture::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = free.local_addr().unwrap().to_string();
    drop(free);
    let output = fixture.run_with(&["--target", &target, "--load", "closed"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let reason = fixture.report().failure.unwrap().reason;
    assert!(reason.contains("nothing answers at"), "{reason}");
}
