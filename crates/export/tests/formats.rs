//! What other tools read, of a run that was saved.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use export::{
    bencher::bencher, csv::csv, github::github, histograms, lean::lean, openmetrics::openmetrics,
};
use hdrhistogram::{
    Histogram,
    serialization::{
        Deserializer,
        interval_log::{IntervalLogIterator, LogEntry},
    },
};
use report::{
    check::{Direction, Effect, FigureVerdict, Status},
    comparison::Better,
    model::ModelReport,
    trial::HeldRound,
};
use serde_json::Value;
use stats::median;
use std::{collections::BTreeMap, path::Path};

const SAVED_RUN: &str = "../runner/tests/saved-run";

/// With the figures that are drawn from its trials today: it is from an earlier version.
fn saved() -> Vec<ModelReport> {
    let (_, mut reports) = store::read::run(Path::new(SAVED_RUN)).unwrap();
    for report in &mut reports {
        analysis::summary::conclude(report).unwrap();
    }
    reports
}

/// The middle value of each figure that the table has of a model, by load and name.
fn from_csv(text: &str, model: &str) -> BTreeMap<(String, String), f64> {
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (of_model, load, figure, value) = (
        column("model"),
        column("load"),
        column("figure"),
        column("value"),
    );
    let mut values: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    for record in reader.records().map(Result::unwrap) {
        if &record[of_model] == model {
            let key = (record[load].to_owned(), record[figure].to_owned());
            values
                .entry(key)
                .or_default()
                .push(record[value].parse().unwrap());
        }
    }
    let middle = |values: Vec<f64>| median(&values).unwrap();
    values
        .into_iter()
        .map(|(key, of)| (key, middle(of)))
        .collect()
}

#[test]
fn the_table_has_a_row_for_each_block_and_their_median_is_the_published_figure() {
    let reports = saved();
    let text = csv(&reports).unwrap();
    assert!(text.starts_with("run,model,block,load,connections,offered_rate_per_s,figure,unit"));
    for report in &reports {
        let found = from_csv(&text, &report.model.name);
        let at = |load: &str, figure: &str| found[&(load.to_owned(), figure.to_owned())];
        let peak = report.summary.peak.as_ref().unwrap();
        assert_eq!(at("closed", "rate_per_s"), peak.rate_per_s.median);
        let p50_us = peak.service_time_us.p50.unwrap();
        assert_eq!(at("closed", "service_time_us.p50"), p50_us);
        let memory = report.summary.memory.as_ref().unwrap();
        let user_bytes = memory.user_bytes_per_connection.unwrap();
        assert!((at("idle", "user_bytes_per_connection") - user_bytes).abs() < 1e-6);
        assert!(at("open", "response_time_us.p99") > at("open", "response_time_us.p50"));
    }
}

/// A report of which one figure is invalid.
fn with_an_invalid_rate() -> ModelReport {
    let mut report = saved().swap_remove(0);
    let connections = report.summary.peak.as_ref().unwrap().connections;
    let invalid = FigureVerdict {
        status: Status::Invalid,
        ..FigureVerdict::default()
    };
    let id = format!("closed.{connections}_connections.rate_per_s");
    report.verdict.figures.insert(id, invalid);
    report
}

#[test]
fn an_invalid_figure_is_marked_or_left_out() {
    let reports = [with_an_invalid_rate()];
    let table = csv(&reports).unwrap();
    let is_rate = |line: &&str| line.contains(",rate_per_s,");
    assert!(
        table
            .lines()
            .filter(is_rate)
            .all(|line| line.ends_with(",invalid,"))
    );
    let metrics = openmetrics(&reports);
    let is_rate = |line: &&str| line.starts_with("millionfold_rate_per_s{");
    assert!(
        metrics
            .lines()
            .filter(is_rate)
            .all(|line| line.contains("verdict=\"invalid\""))
    );
    assert!(!bencher(&reports).contains("\"rate-per-s\""));
    assert!(!github(&reports, Better::Higher).contains(": rate_per_s"));
}

#[test]
fn a_rate_with_a_wrong_reply_in_its_windows_is_no_rate() {
    let mut report = saved().swap_remove(0);
    let place = report.summary.open.as_ref().unwrap().place();
    let is_there = |report: &ModelReport| {
        let text = github(std::slice::from_ref(report), Better::Higher);
        text.contains(": achieved_rate_per_s (open")
    };
    assert!(is_there(&report));
    let invalid = FigureVerdict {
        status: Status::Invalid,
        ..FigureVerdict::default()
    };
    let id = format!("{place}.response_time_us.p50");
    report.verdict.figures.insert(id, invalid);
    assert!(!is_there(&report));
}

#[test]
fn a_bound_says_which() {
    let mut report = saved().swap_remove(0);
    let place = report.summary.peak.as_ref().unwrap().place();
    let bound = FigureVerdict {
        bound: Some(Effect::Bounds {
            direction: Direction::Low,
            slack_share: Some(0.1),
        }),
        ..FigureVerdict::default()
    };
    let id = format!("{place}.rate_per_s");
    report.verdict.figures.insert(id, bound);
    let reports = [report];
    let has = |text: &str, line: &str, said: &str| {
        let mut lines = text.lines().filter(|one| one.contains(line));
        assert!(lines.any(|one| one.contains(said)), "{said}: {text}");
    };
    has(&csv(&reports).unwrap(), ",rate_per_s,", ",valid,at_least");
    has(
        &openmetrics(&reports),
        "millionfold_rate_per_s{",
        "bound=\"at_least\"",
    );
    assert!(github(&reports, Better::Higher).contains("\"extra\": \"valid at least\""));
}

#[test]
fn a_percentile_that_a_block_can_not_tell_is_left_out() {
    let mut report = saved().swap_remove(0);
    let found = |report: &ModelReport| -> Vec<String> {
        let text = csv(std::slice::from_ref(report)).unwrap();
        let found = from_csv(&text, &report.model.name).into_keys();
        found
            .filter(|(load, _)| load == "open")
            .map(|(_, figure)| figure)
            .collect()
    };
    assert!(found(&report).contains(&"response_time_us.p99".to_owned()));
    let mut trials = report.trials.iter_mut();
    let open = trials.find(|trial| trial.load.word() == "open").unwrap();
    let window = &mut open.steps[0].window;
    window.scheduled.as_mut().unwrap().offered = 50;
    let left = found(&report);
    assert!(
        left.contains(&"response_time_us.p50".to_owned()),
        "{left:?}"
    );
    assert!(
        !left.contains(&"response_time_us.p99".to_owned()),
        "{left:?}"
    );
}

#[test]
fn services_get_figures_with_the_range_of_their_blocks() {
    let reports = saved();
    let benchmarks: Value = serde_json::from_str(&bencher(&reports)).unwrap();
    let first = &reports[0];
    let peak = first.summary.peak.as_ref().unwrap();
    let name = format!(
        "{} (closed, {} connections)",
        first.model.name, peak.connections
    );
    let rate = &benchmarks[&name]["rate-per-s"];
    assert_eq!(rate["value"], peak.rate_per_s.median);
    assert_eq!(rate["lower_value"], peak.rate_per_s.low);
    assert_eq!(rate["upper_value"], peak.rate_per_s.high);

    for (better, unit) in [(Better::Higher, "1/s"), (Better::Lower, "us/request")] {
        let of_action: Vec<Value> = serde_json::from_str(&github(&reports, better)).unwrap();
        assert!(
            of_action.iter().any(|one| one["unit"] == unit),
            "{of_action:?}"
        );
        let is_rate = |one: &Value| one["unit"] == "1/s";
        assert_eq!(of_action.iter().any(is_rate), better == Better::Higher);
        assert!(of_action.iter().all(|one| one["value"].is_number()));
    }
}

#[test]
fn metrics_of_a_kind_stand_together_and_the_text_ends_as_it_must() {
    let text = openmetrics(&saved());
    assert!(text.ends_with("\n# EOF\n"));
    let mut types = Vec::new();
    let mut current = "";
    for line in text.lines() {
        match line.strip_prefix("# TYPE ") {
            Some(of) => {
                current = of.strip_suffix(" gauge").unwrap();
                assert!(!types.contains(&current), "{current} comes twice");
                types.push(current);
            }
            None if line == "# EOF" => {}
            None => {
                let value = line.rsplit_once(' ').unwrap().1;
                assert!(line.starts_with(&format!("{current}{{")), "{line}");
                assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
            }
        }
    }
    assert!(types.contains(&"millionfold_user_bytes_per_connection"));
    assert!(text.contains("quantile=\"0.999\"") && text.contains("quantile=\"0.5\""));
}

#[test]
fn a_name_can_not_leave_its_quotes() {
    let mut report = saved().swap_remove(0);
    report.model.name = "a\"b,c\nd".to_owned();
    let reports = [report];
    assert!(openmetrics(&reports).contains(r#"model="a\"b,c\nd""#));
    let table = csv(&reports).unwrap();
    assert!(!from_csv(&table, "a\"b,c\nd").is_empty());
    assert!(
        histograms::log(&reports)
            .unwrap()
            .contains("Tag=a\"b_c_d.closed")
    );
}

#[test]
fn a_distribution_is_that_of_all_blocks() {
    let reports = saved();
    let texts = histograms::distributions(&reports).unwrap();
    let first = &reports[0];
    let peak = first.summary.peak.as_ref().unwrap();
    let wanted = format!("{}.closed-{}.hgrm", first.model.name, peak.connections);
    let (_, text) = texts.iter().find(|(name, _)| *name == wanted).unwrap();
    let requests: u64 = first
        .trials
        .iter()
        .filter(|trial| trial.load.word() == "closed")
        .map(|trial| trial.steps[0].window.service_time_count)
        .sum();
    let lines: Vec<Vec<f64>> = text
        .lines()
        .skip(2)
        .take_while(|line| !line.starts_with('#'))
        .map(|line| {
            line.split_whitespace()
                .map(|of| of.parse().unwrap())
                .collect()
        })
        .collect();
    assert_eq!(lines.last().unwrap()[2], requests as f64);
    let median_us = lines.iter().find(|line| line[1] >= 0.5).unwrap()[0];
    let p50_us = peak.service_time_us.p50.unwrap();
    assert!(
        (median_us / p50_us - 1.0).abs() < 0.2,
        "{median_us} and {p50_us}"
    );
    assert!(
        text.contains(&format!("Total count    = {requests:12}]")),
        "{text}"
    );
}

#[test]
fn the_log_can_be_read_back() {
    let reports = saved();
    let log = histograms::log(&reports).unwrap();
    let mut requests = BTreeMap::<String, u64>::new();
    for entry in IntervalLogIterator::new(log.as_bytes()).map(Result::unwrap) {
        let LogEntry::Interval(interval) = entry else {
            continue;
        };
        let bytes = {
            use base64::{Engine as _, engine::general_purpose::STANDARD};
            STANDARD.decode(interval.encoded_histogram()).unwrap()
        };
        let histogram: Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .unwrap();
        let tag = interval.tag().unwrap().as_str().to_owned();
        *requests.entry(tag).or_default() += histogram.len();
    }
    let first = &reports[0];
    let open = first.summary.open.as_ref().unwrap();
    let tag = format!(
        "{}.open-{}-{}_per_s",
        first.model.name, open.connections, open.offered_rate_per_s
    );
    let offered: u64 = first
        .trials
        .iter()
        .flat_map(|trial| &trial.steps)
        .filter(|step| step.rate_per_s == Some(open.offered_rate_per_s))
        .filter_map(|step| Some(step.window.scheduled.as_ref()?.offered))
        .sum();
    assert_eq!(requests[&tag], offered, "{requests:?}");
}

#[test]
fn a_lean_report_has_coarse_histograms_in_each_window() {
    let (_, mut reports) = store::read::run(Path::new(SAVED_RUN)).unwrap();
    let mut report = reports.swap_remove(0);
    let trial = &mut report.trials[0];
    let step = trial.steps[0].clone();
    trial.held = vec![HeldRound {
        since_us: 60_000_000,
        replaced: 100,
        step,
    }];
    let lean = lean(report.clone()).unwrap();
    let bytes = |report: &ModelReport| -> Vec<usize> {
        let windows = report.trials.iter().flat_map(|trial| trial.windows());
        windows
            .map(|step| step.window.service_time_histogram.len())
            .collect()
    };
    for (full, lean) in bytes(&report).into_iter().zip(bytes(&lean)) {
        assert!(lean < full, "{lean} of {full} bytes");
    }
}
