//! The instrument's own trial, in its shortened form: every fault is caught, and everything else
//! runs from end to end. What takes how long is judged on a machine that has nothing else to do.

use crate::common::{children_of, eventually, is_alive, runner, stderr};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    fs,
    process::{Output, Stdio},
};

fn rows(output: &Output) -> Vec<Value> {
    let json: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(output)));
    json["rows"].as_array().unwrap().clone()
}

fn outcomes<'a>(rows: &'a [Value], case: &str) -> Vec<&'a str> {
    let of_case = rows.iter().filter(|row| row["case"] == case);
    of_case
        .map(|row| row["outcome"].as_str().unwrap())
        .collect()
}

#[test]
fn the_shortened_form_catches_every_fault_and_judges_no_time() {
    let out = tempfile::tempdir().unwrap();
    let output = runner()
        .args(["calibrate", "--quick", "--json", "--out"])
        .arg(out.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let rows = rows(&output);
    for (case, caught) in [
        ("wrong-byte", 2),
        ("lost-reply", 1),
        ("dropped-connection", 2),
        ("half-served", 2),
    ] {
        let passed = vec!["pass"; caught];
        assert_eq!(outcomes(&rows, case), passed, "{case}: {}", stderr(&output));
    }
    let slow_reader = outcomes(&rows, "slow-reader");
    let [times @ .., rate] = &slow_reader[..] else {
        panic!("no rows: {}", stderr(&output));
    };
    assert_eq!((times, *rate), (&["not_judged"; 4][..], "pass"));
    assert_eq!(outcomes(&rows, "delay"), ["not_judged"; 4]);
    assert_eq!(outcomes(&rows, "mixture"), ["not_judged"; 4]);
    assert_eq!(outcomes(&rows, "stall"), ["not_judged"; 5]);
    assert_eq!(outcomes(&rows, "cap"), ["not_judged", "pass"]);
    for disturbance in [
        "hog-server",
        "slow-down",
        "starve",
        "step",
        "list-descriptors",
    ] {
        assert_eq!(
            outcomes(&rows, disturbance),
            ["not_judged"],
            "{disturbance}"
        );
    }
    // They are reports like any others.
    let report = runner()
        .arg("report")
        .arg(out.path().join("half-served"))
        .output()
        .unwrap();
    assert!(report.status.success(), "{}", stderr(&report));
}

#[test]
fn only_some_cases_and_nothing_is_kept_unless_asked_for() {
    let empty = tempfile::tempdir().unwrap();
    let output = runner()
        .current_dir(empty.path())
        .args(["calibrate", "--quick", "--json"])
        .args(["--only", "dropped-connection,lost-reply"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let rows = rows(&output);
    assert_eq!(outcomes(&rows, "lost-reply"), ["pass"]);
    assert_eq!(outcomes(&rows, "dropped-connection"), ["pass", "pass"]);
    assert_eq!(rows.len(), 3);
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
}

/// What arithmetic knows needs no quiet machine.
#[test]
fn a_disturbed_figure_is_told_with_its_truth_and_its_verdict() {
    let output = runner()
        .args(["calibrate", "--json", "--only", "starve"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcomes(&rows(&output), "starve"), ["pass"]);
    let disturbed = json["disturbed"].as_array().unwrap();
    assert!(!disturbed.is_empty());
    for figure in disturbed {
        assert_eq!(figure["finding"], "told", "{figure}");
        assert_eq!(figure["verdict"]["status"], "invalid", "{figure}");
    }
    let told = format!(
        "of {} figures that were off by more than they said, 0 were called valid",
        disturbed.len()
    );
    assert!(stderr(&output).contains(&told), "{}", stderr(&output));
}

#[test]
fn a_wrong_name_is_told_with_the_right_ones() {
    for args in [["--only", "dealy"], ["--only", "comparisons"]] {
        let output = runner().arg("calibrate").args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    }
    let output = runner().args(["calibrate", "--only", "dealy"]).output();
    let told = stderr(&output.unwrap());
    assert!(
        told.contains("dealy") && told.contains("half-served"),
        "{told}"
    );
}

#[test]
fn ctrl_c_shows_what_is_done_and_ends_everything() {
    let child = runner()
        .args(["calibrate", "--quick", "--json"])
        .args(["--only", "comparisons", "--comparisons", "100"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut children = Vec::new();
    eventually("a trial runs", || {
        // Before, cargo is a child too: alone.
        children = children_of(child.id());
        children.len() == 2
    });
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_eq!(rows(&output), [] as [Value; 0]);
    assert!(!children.iter().any(|&pid| is_alive(pid)));
}

#[test]
fn so_many_pairs_that_no_interval_follows_are_refused() {
    for wrong in [
        &["--pairs", "5"][..],
        &["--pairs", "101"],
        &["--pairs", "20", "--quick"],
    ] {
        let output = runner().arg("calibrate").args(wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains("--pairs"), "{}", stderr(&output));
    }
}
