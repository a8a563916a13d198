//! The summary is what the trials say, and what is missing has its reason.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use analysis::summary::conclude;
use common::*;
use hdrhistogram::Histogram;
use report::{model::Spread, trial::MachineUse};
use serde_json::Value;
use stats::encode;

#[test]
fn times_of_nothing_are_null_and_not_0() {
    let mut report = sound();
    let empty = Histogram::<u64>::new_with_bounds(1, 300_000_000_000, 3).unwrap();
    for trial in report.trials.iter_mut().filter(|trial| trial.load == OPEN) {
        let window = &mut trial.steps[0].window;
        window.service_time_histogram = encode(&empty).unwrap();
        window.scheduled.as_mut().unwrap().lag_histogram = encode(&empty).unwrap();
    }
    conclude(&mut report).unwrap();
    let open = report.summary.open.unwrap();
    assert_eq!((open.service_time_us, open.lag_us), (None, None));
}

#[test]
fn the_summary_is_what_the_trials_say() {
    let mut report = sound();
    conclude(&mut report).unwrap();
    let memory = report.summary.memory.unwrap();
    assert_eq!(
        memory.user_bytes_per_connection.map(f64::round),
        Some(100.0)
    );
    assert_eq!(
        memory.kernel_bytes_per_connection.map(f64::round),
        Some(8_000.0)
    );
    assert_eq!(memory.connections_max, 3_000);
    let peak = report.summary.peak.unwrap();
    let rate = peak.rate_per_s;
    assert_eq!(
        (rate.low, rate.median, rate.high),
        (51_000.0, 52_000.0, 53_000.0)
    );
    assert!((peak.server_cpu_us_per_request.unwrap().median - 0.5e6 / 52_000.0).abs() < 1e-6);
    assert!((peak.service_time_us.p50.unwrap() - 1e6 / 520.0).abs() < 5.0);
    let open = report.summary.open.unwrap();
    assert_eq!(open.offered_rate_per_s, 10_000.0);
    assert_eq!(
        (open.achieved_rate_per_s, open.achieved_share),
        (10_000.0, Some(1.0))
    );
    assert!((open.response_time_us.p99_9.unwrap() - 2_000.0).abs() < 5.0);
    assert!((open.lag_us.unwrap().p50.unwrap() - 5.0).abs() < 0.1);
    for part in ["ceiling", "profile", "summary.capacity", "summary.churn"] {
        assert!(report.not_measured.contains_key(part), "{part}");
    }
}

#[test]
fn resources_are_told_per_request_and_per_connection() {
    let mut report = sound();
    conclude(&mut report).unwrap();
    let memory = report.summary.memory.unwrap();
    let by_cache = memory.kernel_by_cache_bytes_per_connection;
    let names: Vec<&String> = by_cache.keys().collect();
    assert_eq!(names, ["TCP"]);
    assert_eq!(by_cache["TCP"].round(), 5_000.0);
    let peak = report.summary.peak.unwrap();
    let median = |spread: Option<Spread>| spread.unwrap().median;
    assert_eq!(median(peak.server_syscalls_per_request), 2.0);
    assert_eq!(median(peak.server_switches_per_request), 0.5);
    let user = median(peak.server_cpu_user_us_per_request);
    let system = median(peak.server_cpu_system_us_per_request);
    assert!((user - 0.1e6 / 52_000.0).abs() < 1e-6, "{user}");
    assert!((system - 0.4e6 / 52_000.0).abs() < 1e-6, "{system}");
}

#[test]
fn cpu_time_to_the_nanosecond_is_preferred_to_ticks() {
    let mut report = sound();
    for trial in &mut report.trials {
        trial.steps[0].server.cpu_s = Some(0.25);
    }
    conclude(&mut report).unwrap();
    let peak = report.summary.peak.unwrap();
    assert!((peak.server_cpu_us_per_request.unwrap().median - 0.25e6 / 52_000.0).abs() < 1e-6);
    assert_eq!(peak.server_cpus_used, Some(0.25));
}

#[test]
fn what_is_null_has_its_reason() {
    let mut report = sound();
    report.trials.retain(|trial| trial.load == CLOSED);
    for trial in &mut report.trials {
        trial.load = IDLE;
        trial.steps[0].server.pss_bytes = None;
    }
    conclude(&mut report).unwrap();
    let memory = report.summary.memory.unwrap();
    assert_eq!(memory.user_bytes_per_connection, None);
    assert!(
        report
            .not_measured
            .contains_key("summary.memory.user_bytes_per_connection")
    );
    assert!(report.not_measured.contains_key("summary.peak"));
}

#[test]
fn system_calls_that_were_not_counted_keep_the_steps_reason() {
    let mut report = sound();
    for trial in &mut report.trials {
        for step in &mut trial.steps {
            step.syscall_window = None;
            step.server.syscalls = None;
            let reason = ("syscalls".to_owned(), "no tracefs".to_owned());
            step.server.not_measured.extend([reason]);
        }
    }
    conclude(&mut report).unwrap();
    let peak = report.summary.peak.unwrap();
    assert_eq!(peak.server_syscalls_per_request, None);
    let path = "summary.peak.server_syscalls_per_request";
    assert_eq!(report.not_measured[path], "no tracefs");
}

/// Of a value's nulls, without places in lists.
fn nulls(value: &Value, path: &str) -> Vec<String> {
    match value {
        Value::Null => vec![path.to_owned()],
        Value::Array(all) => all.iter().flat_map(|one| nulls(one, path)).collect(),
        Value::Object(fields) => {
            let of = |(name, field)| nulls(field, &format!("{path}.{name}"));
            fields.iter().flat_map(of).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn no_null_is_without_its_reason() {
    let mut report = sound();
    for step in report.trials.iter_mut().flat_map(|trial| &mut trial.steps) {
        let why = |field: &str| (field.to_owned(), format!("no {field} here"));
        (step.server, step.generator) = Default::default();
        step.server
            .not_measured
            .extend([why("cpu_user_s"), why("syscalls")]);
        step.machine = MachineUse::default();
        step.machine.not_measured.extend([why("server_cpus_s")]);
        step.window.not_measured.extend([why("read_lag_us")]);
    }
    conclude(&mut report).unwrap();
    let summary = serde_json::to_value(&report.summary).unwrap();
    let nulls = nulls(&summary, "summary");
    assert!(nulls.len() > 20, "{nulls:?}");
    for path in nulls {
        assert!(report.not_measured.contains_key(&path), "{path}");
    }
    let of_peak = |field: &str| report.not_measured[&format!("summary.peak.{field}")].as_str();
    assert_eq!(of_peak("server_cpu_us_per_request"), "no cpu_user_s here");
    assert_eq!(
        of_peak("server_cpus_us_per_request"),
        "no server_cpus_s here"
    );
    assert_eq!(of_peak("server_time_us"), "no read_lag_us here");
    let figures = &report.verdict.figures;
    let figure = &figures["closed.100_connections.server_cpus_us_per_request"];
    assert_eq!(figure.because.as_deref(), Some("no server_cpus_s here"));
}
