//! Ctrl-C and worse: finished trials are saved, and no process is left behind.

use crate::common::{Fixture, LIGHT, children_of, eventually, is_alive, stderr, unspoiled};
use report::check::{Status, Verdict};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

/// A long run of a good model, as soon as its second trial is on its way.
fn long_run(fixture: &Fixture) -> Child {
    // Behind nohup these tests would hand on that SIGHUP is ignored.
    let child = Command::new("env")
        .arg("--default-signal=HUP")
        .arg(env!("CARGO_BIN_EXE_runner"))
        .args([
            "--model",
            "good",
            "--bin",
            &fixture.fake("good"),
            "--load",
            "closed",
        ])
        .args(["--trials", "100", "--duration", "0.5", "--connections", "5"])
        .args(LIGHT)
        .arg("--out")
        .arg(fixture.out())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the first trial is saved", || {
        let runs = std::fs::read_dir(fixture.out())
            .into_iter()
            .flatten()
            .flatten();
        let mut reports = runs.map(|run| run.path().join("good.trials.json.gz"));
        reports.any(|path| {
            let text = store::read::text_of(&path).unwrap_or_default();
            text.contains("\"service_time_histogram\"")
        })
    });
    eventually("the next trial runs", || children_of(child.id()).len() == 2);
    child
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id() as i32).unwrap();
    kill_process(pid, signal).unwrap();
}

#[test]
fn ctrl_c_saves_what_is_finished_and_ends_everything() {
    ends_in_order(&[Signal::INT]);
}

#[test]
fn signals_that_come_together_are_one_wish() {
    ends_in_order(&[Signal::INT, Signal::TERM, Signal::INT]);
}

#[test]
fn a_terminal_that_is_closed_ends_a_run_in_order() {
    ends_in_order(&[Signal::HUP]);
}

/// Sends these to a run: what is finished is saved and shown, and is as valid as it was.
fn ends_in_order(signals: &[Signal]) {
    unspoiled(|| {
        let verdict = verdict_after(signals);
        match verdict.status {
            Status::Invalid => Err(format!("{:?}", verdict.worst())),
            _ => Ok(()),
        }
    });
}

fn verdict_after(signals: &[Signal]) -> Verdict {
    let fixture = Fixture::new();
    let child = long_run(&fixture);
    for &one in signals {
        signal(&child, one);
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("interrupted"),
        "{}",
        stderr(&output)
    );
    assert!(
        stderr(&output).contains("peak rate"),
        "the table: {}",
        stderr(&output)
    );
    let (run, mut models) = fixture.reports();
    assert!(run.interrupted && models[0].interrupted);
    assert!(!models[0].trials.is_empty());
    assert_eq!(
        models[0].failure, None,
        "an interrupt is not the model's fault"
    );
    assert!(models[0].summary.peak.is_some());
    let page = fixture.page();
    assert!(page.contains("interrupted") && page.contains("Peak rate"));
    fixture.assert_nothing_left();
    models.remove(0).verdict
}

#[test]
fn a_killed_runner_leaves_no_process_and_readable_reports() {
    let fixture = Fixture::new();
    let mut child = long_run(&fixture);
    let children = children_of(child.id());
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    eventually("servers and generators end", || {
        !children.iter().any(|&pid| is_alive(pid))
    });
    fixture.assert_nothing_left();
    let (run, models) = fixture.reports();
    assert!(
        run.interrupted && models[0].interrupted,
        "nobody came to say that it was complete"
    );
    assert!(!models[0].trials.is_empty());
}

/// Whoever ends an hour early keeps what was seen until then.
#[test]
fn ctrl_c_keeps_the_rounds_in_which_connections_were_held() {
    let fixture = Fixture::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_runner"))
        .args(["--model", "good", "--bin", &fixture.fake("good")])
        .args(["--load", "idle", "--connections", "10", "--hold", "100"])
        .args(LIGHT)
        .arg("--out")
        .arg(fixture.out())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    let is_second = |line: &str| line.contains("of 100 s, round 2");
    assert!(told.any(|line| is_second(&line.unwrap())));
    signal(&child, Signal::INT);
    let rest: Vec<String> = told.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    let report = fixture.report();
    assert!(report.interrupted && report.failure.is_none(), "{rest:?}");
    let trial = &report.trials[0];
    assert!(trial.steps.len() >= 2 && trial.held.len() >= 2);
    assert_eq!((trial.generator_counts, trial.server_counts), (None, None));
    assert!(trial.not_measured["generator_counts"].contains("interrupted"));
    assert!(report.summary.memory.is_some() && report.summary.held.is_some());
    fixture.assert_nothing_left();
}
