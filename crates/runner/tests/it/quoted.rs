//! `scripts/figures` holds what texts quote to the reports that they name.

use crate::common::{stderr, stdout};
use serde_json::json;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

const RUNNER: &str = env!("CARGO_BIN_EXE_runner");
const REPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/saved-run");

fn figures(args: &[&str], text: &Path) -> Output {
    Command::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../scripts/figures"
    ))
    .args(args)
    .arg(text)
    .env("RUNNER", RUNNER)
    .output()
    .unwrap()
}

/// A link to a figure of a saved run, with these words in it.
fn quote(words: &str, figure: &str) -> String {
    format!("[{words}]({REPORTS}/{figure})")
}

#[test]
fn a_number_that_no_report_has_is_told_and_mended() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.md");
    let memory = "epoll.json#memory.user_bytes_per_connection";
    let ratio = "run.json#epoll/tokio:memory.user_bytes_per_connection";
    let quotes = format!("{} or {}.", quote("7 B", memory), quote("0.5", ratio));
    fs::write(&text, &quotes).unwrap();

    let checked = figures(&["--check"], &text);
    assert_eq!(checked.status.code(), Some(1), "{}", stdout(&checked));
    assert!(
        stderr(&checked).contains("41 B, the text says 7 B"),
        "{}",
        stderr(&checked)
    );
    assert_eq!(fs::read_to_string(&text).unwrap(), quotes);

    assert!(figures(&[], &text).status.success());
    let mended = fs::read_to_string(&text).unwrap();
    assert!(mended.contains("41 B]"), "{mended}");
    assert!(mended.contains("[0.0"), "{mended}");
    assert!(figures(&["--check"], &text).status.success());
}

#[test]
fn a_figure_that_is_not_there_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.md");
    for figure in [
        "epoll.json#closed.7_connections.rate_per_s",
        "epoll.json#memory.nothing",
        "run.json#epoll/nobody:memory.user_bytes_per_connection",
        "nobody.json#memory.user_bytes_per_connection",
    ] {
        fs::write(&text, quote("1", figure)).unwrap();
        let checked = figures(&["--check"], &text);
        assert_eq!(checked.status.code(), Some(1), "{figure}");
        let name = figure.split_once('#').unwrap().1;
        assert!(stderr(&checked).contains(name), "{}", stderr(&checked));
    }
}

#[test]
fn a_figure_has_its_verdicts_mark() {
    let dir = tempfile::tempdir().unwrap();
    let [text, report] = ["text.md", "epoll.json"].map(|name| dir.path().join(name));
    let bounds =
        |direction| json!({"status": "valid", "bound": {"kind": "bounds", "direction": direction}});
    for (verdict, quoted) in [
        (json!({"status": "valid"}), "[12,000/s]"),
        (bounds("low"), "[>= 12,000/s]"),
        (bounds("high"), "[<= 12,000/s]"),
        (json!({"status": "suspect"}), "[? 12,000/s]"),
        (json!({"status": "invalid"}), "[x 12,000/s]"),
    ] {
        let saved = json!({
            "summary": {"peak": {"rate_per_s": {"median": 12_000.0}}},
            "verdict": {"status": "valid", "figures": {"peak.rate_per_s": verdict}},
        });
        fs::write(&report, saved.to_string()).unwrap();
        fs::write(&text, "[1](epoll.json#peak.rate_per_s)").unwrap();
        let filled_in = figures(&[], &text);
        assert!(filled_in.status.success(), "{}", stderr(&filled_in));
        let said = fs::read_to_string(&text).unwrap();
        assert!(said.starts_with(quoted), "{said}, {quoted}");
    }
}
