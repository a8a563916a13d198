//! What the table says of figures that aren't quite what they seem.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use render::table::{above_ceiling, markdown, table};
use report::{
    hosts::{HostShare, HostUse},
    model::{Ceiling, ModelReport},
    run::RunReport,
};

#[test]
fn a_rate_of_which_the_generator_was_the_limit_is_a_floor() {
    let text = include_str!("../../store/tests/old-reports/first/epoll.json");
    let mut report: ModelReport = serde_json::from_str(text).unwrap();
    for is_bound in [false, true] {
        report.summary.peak.as_mut().unwrap().generator_bound = is_bound;
        let shown = table(std::slice::from_ref(&report), None);
        let (rows, _legend) = shown.split_once("* of both").unwrap();
        assert_eq!(rows.contains(">= "), is_bound, "{shown}");
    }
}

/// The widest of a table's lines.
fn width(shown: &str) -> usize {
    shown
        .lines()
        .map(|line| line.chars().count())
        .max()
        .unwrap()
}

#[test]
fn on_a_narrow_terminal_the_table_is_folded_and_says_so() {
    let text = include_str!("../../store/tests/old-reports/first/epoll.json");
    let mut report: ModelReport = serde_json::from_str(text).unwrap();
    report.model.name = "epoll-prefork".to_owned();
    let reports = [report];
    let whole = table(&reports, None);
    assert!(
        width(&whole) > 80 && whole.contains("service time"),
        "{whole}"
    );
    assert_eq!(table(&reports, Some(200)), whole);
    let folded = table(&reports, Some(80));
    assert!(width(&folded) <= 80, "{folded}");
    assert!(
        folded.contains("epoll-prefork") && folded.contains("peak rate"),
        "{folded}"
    );
    let verdict = reports[0].verdict.status.word();
    assert!(
        folded.contains(verdict) && folded.contains("folded for this terminal"),
        "{folded}"
    );
}

#[test]
fn what_no_model_has_takes_no_column() {
    let text = include_str!("../../store/tests/old-reports/first/epoll.json");
    let mut report: ModelReport = serde_json::from_str(text).unwrap();
    report.summary.memory = None;
    let without = table(std::slice::from_ref(&report), None);
    assert!(
        !without.contains("memory, B/conn") && without.contains("peak rate"),
        "{without}"
    );
    report.summary.peak = None;
    report.summary.open_ladder.clear();
    report.summary.churn = None;
    let nothing = table(std::slice::from_ref(&report), None);
    assert!(
        nothing.contains("memory, B/conn"),
        "of a model that failed: {nothing}"
    );
}

/// Of an idle ladder too short for a sheet of its own, and of one whose trials did not come along.
#[test]
fn memory_is_told_beside_the_ladders_of_a_scenario() {
    let relay = (
        include_str!("../../../bench-results/reference/relay/run.json"),
        include_str!("../../../bench-results/reference/relay/tokio.json"),
    );
    let soak = (
        include_str!("../../../bench-results/reference/soak-tokio/run.json"),
        include_str!("../../../bench-results/reference/soak-tokio/tokio.json"),
    );
    for ((run, report), memory) in [(relay, "| 1,678<br>"), (soak, " 991 |")] {
        let run: RunReport = serde_json::from_str(run).unwrap();
        let report: ModelReport = serde_json::from_str(report).unwrap();
        let shown = markdown(&run, &[report]);
        assert!(shown.contains(memory), "{shown}");
    }
}

#[test]
fn a_ceiling_that_a_rate_is_far_above_was_none() {
    let text = include_str!("../../store/tests/old-reports/first/epoll.json");
    let mut report: ModelReport = serde_json::from_str(text).unwrap();
    let rate_per_s = report.summary.peak.as_ref().unwrap().rate_per_s.median;
    for (share, is_told) in [(1.05, false), (1.57, true)] {
        report.ceiling = Some(Ceiling {
            rate_per_s: rate_per_s / share,
            what: "a plain loop".to_owned(),
            steps: Vec::new(),
        });
        let told = above_ceiling([&report].into_iter());
        assert_eq!(told.is_some(), is_told, "{told:?}");
        assert!(told.is_none_or(|told| told.contains("epoll (157 %")));
    }
}

#[test]
fn hosts_that_generate_are_shown_with_the_most_of_any_window() {
    let text = include_str!("../../store/tests/old-reports/first/epoll.json");
    let mut report: ModelReport = serde_json::from_str(text).unwrap();
    let title = "Hosts that generate";
    assert!(!table(std::slice::from_ref(&report), None).contains(title));
    let windows = &mut report.trials[0].steps;
    windows.push(windows[0].clone());
    for (step, (cpu_s, steal_share)) in windows.iter_mut().zip([(0.5, 0.03), (0.25, 0.001)]) {
        step.window.length_us = 1_000_000;
        let mut used = HostUse::default();
        used.generator.cpu_s = Some(cpu_s);
        used.machine.steal_share = Some(steal_share);
        step.hosts = vec![HostShare {
            host: "host 1".to_owned(),
            used: Some(used),
            ..HostShare::default()
        }];
    }
    let shown = table(&[report], None);
    let row = shown.lines().find(|line| line.contains("host 1")).unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(
        words,
        ["host", "1", "0.50", "-", "3.0", "%", "-", "-"],
        "{shown}"
    );
}
