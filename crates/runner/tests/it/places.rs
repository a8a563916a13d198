//! Servers that aren't ours and listen elsewhere than at one address of IPv4.

use crate::common::{Fixture, eventually, foreign::is_here, stderr, unspoiled};
use report::{check::Status, model::ModelReport};
use std::{
    net::TcpListener,
    process::{Child, Command},
};

const ECHO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/external/elsewhere.py");

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A short run whose figures stand.
fn measured(args: &[&str]) -> (Fixture, ModelReport) {
    unspoiled(|| {
        let fixture = Fixture::new();
        let shown = stderr(&fixture.run_with(args));
        let report = fixture.report();
        assert_eq!(report.failure, None, "{shown}");
        let mut checks = report.verdict.checks.iter();
        match checks.any(|check| check.status() == Status::Invalid) {
            true => Err(shown),
            false => Ok((fixture, report)),
        }
    })
}

fn external(mode: &str) -> String {
    format!("them=python3 {ECHO} {mode}")
}

fn assert_nothing_of_tcp_is_claimed(report: &ModelReport) {
    for step in report.trials.iter().flat_map(|trial| &trial.steps) {
        assert_eq!(step.connections_open, step.connections);
        assert!(step.server.pss_bytes.is_some_and(|bytes| bytes > 0));
        let machine = &step.machine;
        assert_eq!(
            (machine.listen_overflows, machine.retransmits),
            (None, None)
        );
        assert!(machine.not_measured["listen_overflows"].contains("Unix socket"));
        assert!(step.window.read_lag_us.is_none());
    }
}

#[test]
fn a_server_at_a_unix_socket_is_started_there_and_measured() {
    if !is_here("python3", &["--version"]) {
        return;
    }
    let (fixture, report) = measured(&[
        "--external",
        &external("unix {path}"),
        "--load",
        "idle,open",
        "--rate",
        "500",
    ]);
    assert_nothing_of_tcp_is_claimed(&report);
    let (run, _) = fixture.reports();
    assert_eq!(run.plan.source_addresses, 0);
}

#[test]
fn a_server_that_runs_at_a_unix_socket_is_measured_by_who_listens() {
    if !is_here("python3", &["--version"]) {
        return;
    }
    let directory = Fixture::new();
    let path = directory.out().with_file_name("socket");
    let server = Command::new("python3")
        .args([ECHO, "unix"])
        .arg(&path)
        .spawn();
    let mut server = Running(server.unwrap());
    eventually("it listens", || path.exists());
    let target = format!("unix:{}", path.display());
    let (_, report) = measured(&["--target", &target, "--load", "open", "--rate", "500"]);
    assert_nothing_of_tcp_is_claimed(&report);
    assert!(report.trials[0].steps[0].window.requests > 0);
    let external = report.model.external.unwrap();
    assert_eq!(external.processes, "pid");
    assert_eq!(
        external.target.as_deref(),
        Some("unix:socket"),
        "without directories"
    );
    assert!(server.0.try_wait().unwrap().is_none(), "it is left running");
}

#[test]
fn a_server_that_listens_on_ipv6_only_is_reached_there() {
    if !is_here("python3", &["--version"]) || TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let mode = external("v6 {port}");
    let (_, report) = measured(&["--external", &mode, "--load", "open", "--rate", "500"]);
    assert!(report.trials[0].steps[0].window.requests > 0);
    let source = report.trials[0].source_network.as_deref();
    assert_eq!(source, Some("::1/128"), "the plan took 127.0.0.0/8");

    let fixture = Fixture::new();
    let models = fixture.models(&format!(
        "[models.told]\ncommand = 'python3 {ECHO} v6 {{port}}'\naddress = '[::1]:0'\n"
    ));
    let output = fixture.run_with(&[
        "--models", &models, "--model", "told", "--load", "open", "--rate", "500",
    ]);
    let (run, reports) = fixture.reports();
    assert_eq!(reports[0].failure, None, "{}", stderr(&output));
    assert_eq!(run.plan.source_network, "::1/128");
}

#[test]
fn a_server_that_shares_its_port_is_started_as_often_as_models_are() {
    if !is_here("python3", &["--version"]) {
        return;
    }
    let run = |reuse: &str| {
        let fixture = Fixture::new();
        let models = fixture.models(&format!(
            "[models.many]\ncommand = 'python3 {ECHO} shared {{port}}'\n{reuse}\n"
        ));
        let many = [
            "--models", &models, "--model", "many", "--load", "open", "--rate", "500",
        ];
        let output = fixture.run_with(&[&many[..], &["--server-processes", "2"]].concat());
        (fixture, output)
    };
    let (_, refused) = run("");
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("reuse_port = true"),
        "{}",
        stderr(&refused)
    );
    let (fixture, output) = run("reuse_port = true");
    let report = fixture.report();
    assert_eq!(report.failure, None, "{}", stderr(&output));
    assert_eq!(report.trials[0].steps[0].server.processes, 2);
}
