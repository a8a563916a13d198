//! Reports that somebody made to do harm, opened by everything that opens reports: an error in one
//! line, or an output that does nothing but be read.

use crate::common::{Fixture, runner, stderr, stdout};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Output,
};

const SAVED_RUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/saved-run");

/// A copy of a run, to be spoiled.
struct Copy {
    fixture: Fixture,
    run: PathBuf,
}

impl Copy {
    fn new() -> Self {
        let fixture = Fixture::new();
        let run = fixture.dir.path().join("run");
        fs::create_dir(&run).unwrap();
        for entry in fs::read_dir(SAVED_RUN).unwrap().flatten() {
            fs::copy(entry.path(), run.join(entry.file_name())).unwrap();
        }
        Self { fixture, run }
    }

    fn change(&self, file: &str, change: impl FnOnce(&mut Value)) {
        let path = self.run.join(file);
        let mut report = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        change(&mut report);
        fs::write(path, report.to_string()).unwrap();
    }

    fn asked(&self, args: &[&str]) -> Output {
        let run = self.run.display().to_string();
        runner().args(args).arg(run).output().unwrap()
    }

    /// All that opens a run refuses this one, in one line that says this.
    fn is_refused(&self, says: &str) {
        for args in [
            &["report"][..],
            &["compare"],
            &["export", "--format", "hgrm", "--out", "out"],
        ] {
            let output = self.asked(args);
            let said = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
            assert!(said.contains(says), "{args:?}: {said}");
            assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
            assert!(!said.contains('\u{1b}'), "{args:?}: {said:?}");
        }
    }
}

#[test]
fn a_model_that_is_called_like_a_path_a_formula_or_a_command_is_refused() {
    for name in ["../../evil", "a\u{1b}[2J"] {
        let copy = Copy::new();
        copy.change("epoll.json", |report| report["model"]["name"] = json!(name));
        copy.is_refused("has a model or a run that is called");
        let copy = Copy::new();
        copy.change("run.json", |run| run["models"][0]["name"] = json!(name));
        copy.is_refused("has a model or a run that is called");
    }
}

/// Rows of spreadsheets begin with it.
#[test]
fn a_run_that_is_called_like_a_formula_is_refused() {
    for file in ["run.json", "epoll.json"] {
        let copy = Copy::new();
        copy.change(file, |report| report["run"] = json!("=HYPERLINK(\"x\")"));
        copy.is_refused("has a model or a run that is called");
    }
}

#[test]
fn a_run_sends_nobody_elsewhere_for_its_reports() {
    let copy = Copy::new();
    let elsewhere = copy.fixture.dir.path().join("first.json");
    copy.change("run.json", |run| {
        let first = run["models"][0]["report"].as_str().unwrap();
        fs::rename(copy.run.join(first), &elsewhere).unwrap();
    });
    for path in ["../first.json", &elsewhere.display().to_string()] {
        copy.change("run.json", |run| run["models"][0]["report"] = json!(path));
        copy.is_refused("run/first.json");
    }
    copy.change("run.json", |run| run["models"][0]["report"] = json!(".."));
    copy.is_refused("names no report");
    // Neither is a device read without end.
    symlink("/dev/zero", copy.run.join("first.json")).unwrap();
    copy.change("run.json", |run| {
        run["models"][0]["report"] = json!("first.json")
    });
    copy.is_refused("it is no file");
}

#[test]
fn a_run_of_the_same_report_many_times_and_one_of_too_many_are_refused() {
    let copy = Copy::new();
    let repeat = |run: &mut Value, times: usize| {
        let first = run["models"][0].clone();
        run["models"] = vec![first; times].into();
    };
    copy.change("run.json", |run| repeat(run, 2));
    copy.is_refused("twice");
    copy.change("run.json", |run| repeat(run, 100_000));
    copy.is_refused("names 100000 models");
}

#[test]
fn deep_nesting_and_numbers_that_are_none_are_refused() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let with = |field: &str, value: &str| {
        let copy = Copy::new();
        let path = copy.run.join("run.json");
        let text = fs::read_to_string(&path).unwrap();
        let field = format!("\"{field}\": {value}, \"expected_s\":");
        fs::write(&path, text.replacen("\"expected_s\":", &field, 1)).unwrap();
        copy
    };
    with("patience_s", &deep).is_refused("invalid type");
    with("patience_s", "1e999").is_refused("number out of range");
    // What isn't ours isn't looked into.
    let output = with("news", &deep).asked(&["report"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn what_a_report_says_is_shown_and_not_done() {
    let copy = Copy::new();
    let evil =
        "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{1b}]0;title\u{7}\u{9b}2J";
    copy.change("epoll.json", |report| {
        report["model"]["title"] = json!(evil);
        report["failure"] = json!({"phase": "start", "reason": evil, "stderr_tail": evil});
        for check in report["verdict"]["checks"].as_array_mut().unwrap() {
            check["detail"] = json!(evil);
            check["advice"] = json!(evil);
        }
    });
    copy.change("run.json", |run| {
        run["plan"]["workload"] = json!(evil);
        run["plan"]["scenario"] = json!(evil);
        run["environment"]["kernel"] = json!(evil);
        run["environment"]["cpu_model"] = json!(evil);
        run["models"][0]["failure"] = json!(evil);
    });
    for args in [
        &["report", "--explain"][..],
        &["report", "--format", "html"],
        &["report", "--format", "markdown"],
        &["compare"],
        &["export", "--format", "markdown"],
        &["export", "--format", "openmetrics"],
    ] {
        let output = copy.asked(args);
        let shown = stdout(&output) + &stderr(&output);
        assert!(
            output.status.code().is_some_and(|code| code != 1),
            "{args:?}: {shown}"
        );
        assert!(!shown.is_empty());
        let is_command = |c: char| c.is_control() && c != '\n' && c != '\t';
        assert!(!shown.contains(is_command), "{args:?}: {shown:?}");
        let is_for_browsers = args.ends_with(&["html"]) || args.ends_with(&["markdown"]);
        if is_for_browsers {
            let shown = shown.to_lowercase();
            assert!(
                !shown.contains("<script>alert") && !shown.contains("<img"),
                "{args:?}"
            );
        }
    }
}

#[test]
fn nothing_is_written_beside_what_was_asked_for() {
    let copy = Copy::new();
    let out = copy.fixture.dir.path().join("out");
    let before = files(copy.fixture.dir.path());
    for format in ["hgrm", "svg"] {
        let output = copy.asked(&[
            "export",
            "--format",
            format,
            "--out",
            &out.display().to_string(),
        ]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    for args in [&["report", "--format", "html"][..], &["compare"]] {
        copy.asked(args);
    }
    fs::remove_dir_all(&out).unwrap();
    assert_eq!(files(copy.fixture.dir.path()), before);
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        match entry.path().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    found
}
