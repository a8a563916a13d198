//! What `runner export` and `--gate` make of a saved run.

use crate::common::{Fixture, runner, stderr, stdout};
use std::{fs, process::Output};

const SAVED_RUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/saved-run");

fn run(args: &[&str]) -> Output {
    runner().args(args).output().unwrap()
}

#[test]
fn a_saved_run_is_exported_to_standard_output_or_to_a_file() {
    let fixture = Fixture::new();
    let file = fixture.dir.path().join("run.csv").display().to_string();
    let shown = run(&["export", SAVED_RUN, "--format", "csv"]);
    assert_eq!(shown.status.code(), Some(0), "{}", stderr(&shown));
    assert!(stdout(&shown).contains(",epoll,1,closed,"));
    let written = run(&["export", SAVED_RUN, "--format", "csv", "--out", &file]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    assert_eq!(stdout(&written), "");
    assert_eq!(fs::read_to_string(file).unwrap(), stdout(&shown));
}

#[test]
fn distributions_need_a_directory_and_each_is_a_file_there() {
    let refused = run(&["export", SAVED_RUN, "--format", "hgrm"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("--out DIRECTORY"),
        "{}",
        stderr(&refused)
    );
    let unwritable = ["export", SAVED_RUN, "--format", "hgrm", "--out", "/proc/x"];
    let refused = run(&unwritable);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("can't write /proc/x"),
        "{}",
        stderr(&refused)
    );
    let fixture = Fixture::new();
    let out = fixture.dir.path().join("histograms");
    let made = run(&[
        "export",
        SAVED_RUN,
        "--format",
        "hgrm",
        "--out",
        &out.display().to_string(),
    ]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let said = stdout(&made);
    // Four models, each in closed load and in open load at its rates.
    assert!(said.lines().count() >= 8, "{said}");
    assert!(
        said.lines()
            .all(|file| fs::metadata(file).unwrap().len() > 0),
        "{said}"
    );
}

#[test]
fn a_lean_run_has_the_same_tables_and_less_than_half_of_the_bytes() {
    let fixture = Fixture::new();
    let lean = fixture.dir.path().join("lean").display().to_string();
    let written = run(&["export", SAVED_RUN, "--format", "lean", "--out", &lean]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    assert!(stdout(&written).contains("lean/run.json"));
    let table = |of: &str| stdout(&run(&["report", of, "--format", "markdown"]));
    assert_eq!(table(&lean), table(SAVED_RUN));
    let bytes = |of: &str| {
        let trials = fs::metadata(format!("{of}/epoll.trials.json.gz"));
        trials.unwrap().len()
    };
    assert!(bytes(&lean) < bytes(SAVED_RUN) / 2);
}

#[test]
fn what_is_no_run_is_called_that_once() {
    let fixture = Fixture::new();
    let empty = fixture.dir.path().display().to_string();
    for (path, says) in [
        ("nosuch", "there is no nosuch"),
        (&empty, "is no run"),
        ("Cargo.toml", "is no run"),
    ] {
        let refused = run(&["report", path]);
        assert_eq!(refused.status.code(), Some(2));
        let said = stderr(&refused);
        assert_eq!(said.matches(says).count(), 1, "{said}");
        assert!(said.lines().count() == 1, "{said}");
    }
}

#[test]
fn reports_without_their_trials_say_what_is_missing() {
    let fixture = Fixture::new();
    let copy = fixture.dir.path().join("run");
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(SAVED_RUN).unwrap().flatten() {
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
    let refused = run(&["export", &copy.display().to_string(), "--format", "csv"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains(".trials.json.gz"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn a_gate_is_kept_missed_or_can_not_be_told_and_the_exit_code_says_which() {
    let with = |gates: &[&str]| {
        let gates = gates.iter().flat_map(|gate| ["--gate", gate]);
        let args: Vec<&str> = ["report", SAVED_RUN].into_iter().chain(gates).collect();
        let output = run(&args);
        (output.status.code(), stderr(&output))
    };
    let (code, said) = with(&["user_bytes_per_connection>=0"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("epoll has") && said.contains("kept"),
        "{said}"
    );
    let (code, said) = with(&["user_bytes_per_connection<=100000"]);
    assert_eq!(code, Some(5), "epoll's one verdict is suspect: {said}");
    let (code, said) = with(&["user_bytes_per_connection<=1"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("MISSED"), "{said}");
    let (code, said) = with(&["capacity.rate_per_s>=1"]);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("can't tell: it was not measured"), "{said}");
    let (code, said) = with(&["capacity.rate_per_s>=1", "user_bytes_per_connection<=1"]);
    assert_eq!(code, Some(4), "a missed gate is news: {said}");
    let (code, said) = with(&["p98<=2ms"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("there is no figure"), "{said}");
}
