//! Every load runs from end to end, against a server that does as it should. What its figures
//! are is the machine's business; what they rest on is asserted here.

use crate::common::{Fixture, stderr, stdout, unspoiled};
use report::{check::Status, trial::Load};
use std::fs;

fn invalid(report: &report::model::ModelReport) -> Vec<&str> {
    let checks = report.verdict.checks.iter();
    checks
        .filter(|check| check.status() == Status::Invalid)
        .map(|check| check.id.as_str())
        .collect()
}

#[test]
fn the_default_run_has_memory_a_peak_and_response_times_at_a_share_of_it() {
    let fixture = Fixture::new();
    let output = fixture.run("good", &["--rate", "30%"]);
    let (run, models) = fixture.reports();
    let summary = &models[0].summary;
    assert!(summary.memory.is_some(), "{}", stderr(&output));
    let (peak, open) = (
        summary.peak.as_ref().unwrap(),
        summary.open.as_ref().unwrap(),
    );
    assert!(peak.rate_per_s.median > 0.0);
    let share = open.offered_rate_per_s / models[0].sustained_rate_per_s.unwrap();
    // Rates have three digits.
    assert!((0.29..=0.3).contains(&share), "{share}");
    assert_eq!(
        run.plan.loads.last().unwrap().rates_per_s,
        [open.offered_rate_per_s]
    );
    assert!(
        models[0]
            .trials
            .iter()
            .any(|trial| trial.schedule_seed.is_some())
    );
    let shown = stderr(&output);
    assert!(shown.contains("response time"), "{shown}");
}

#[test]
fn a_share_of_the_peak_can_be_followed_at_every_count_of_connections() {
    let fixture = Fixture::new();
    let file = fixture.dir.path().join("ladder.toml");
    let text = "title = \"ladder\"\n[[closed]]\nconnections = [1, 10, 20]\n\
                [[open]]\nconnections = [1, 10]\nrate = \"30%\"\n";
    fs::write(&file, text).unwrap();
    let output = fixture.run("good", &["--scenario", file.to_str().unwrap()]);
    let (run, models) = fixture.reports();
    let closed = &models[0].summary.closed_ladder;
    assert_eq!(closed.len(), 3, "{}", stderr(&output));
    let (rate, whole) = (
        run.plan.loads[1].rates_per_s[0],
        0.3 * models[0].sustained_rate_per_s.unwrap(),
    );
    // Rates have three digits, or as many as they have before the point.
    assert!(
        (0.99 * whole - 1.0..=whole).contains(&rate),
        "{rate}, {whole}"
    );
}

#[test]
fn open_load_at_a_given_rate_needs_no_peak() {
    let fixture = Fixture::new();
    let output = fixture.run(
        "good",
        &["--load", "open", "--rate", "500", "--arrivals", "uniform"],
    );
    let report = fixture.report();
    let open = report.summary.open.as_ref().unwrap();
    assert_eq!(open.offered_rate_per_s, 500.0, "{}", stderr(&output));
    let window = &report.trials[0].steps[0].window;
    let scheduled = window.scheduled.as_ref().unwrap();
    assert!(
        (149..=151).contains(&scheduled.offered),
        "{}",
        scheduled.offered
    );
    assert_eq!(
        window.series.as_ref().unwrap().requests.len(),
        6,
        "0.3 s by 50 ms"
    );
    assert!(report.not_measured.contains_key("summary.peak"));
}

#[test]
fn a_rate_beyond_the_server_is_invalid() {
    let fixture = Fixture::new();
    let args = ["--load", "open", "--rate", "10000000", "--deadline", "0.2"];
    let output = fixture.run("good", &args);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let report = fixture.report();
    assert!(
        invalid(&report).contains(&"sustained"),
        "{:?}",
        invalid(&report)
    );
}

#[test]
fn a_reply_that_is_lost_in_open_load_is_caught() {
    let fixture = Fixture::new();
    fixture.run(
        "loses-a-reply",
        &["--load", "open", "--rate", "500", "--deadline", "0.2"],
    );
    let report = fixture.report();
    assert!(
        invalid(&report).contains(&"replies_complete"),
        "{:?}",
        invalid(&report)
    );
}

#[test]
fn churn_opens_a_connection_for_each_request() {
    let report = unspoiled(|| {
        let fixture = Fixture::new();
        fixture.run("good", &["--load", "churn", "--rate", "200"]);
        let report = fixture.report();
        match &invalid(&report)[..] {
            [] => Ok(report),
            checks => Err(format!("{checks:?}")),
        }
    });
    let churn = report.summary.churn.as_ref().unwrap();
    assert!(churn.connect_time_us.is_some());
    let counts = report.trials[0].server_counts.unwrap();
    assert_eq!(Some(counts.connections), counts.requests);
}

#[test]
fn the_capacity_is_searched_for_and_the_whole_curve_kept() {
    let fixture = Fixture::new();
    // A target that no rate misses but one that is beyond the server.
    let args = ["--scenario", "capacity", "--slo", "p50<=0.2s"];
    let output = fixture.run("good", &args);
    let report = fixture.report();
    let capacity = report.summary.capacity.as_ref().unwrap();
    let rate = capacity.rate_per_s.as_ref().unwrap().median;
    assert!(capacity.curve.len() > 3, "{}", stderr(&output));
    assert!(capacity.curve.iter().any(|at| at.offered_rate_per_s > rate));
    assert!(matches!(report.trials[0].load, Load::Capacity { .. }));
    assert!(
        stderr(&output).contains("highest rate"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_control_is_the_same_model_under_another_name() {
    let fixture = Fixture::new();
    let output = fixture.run("good", &["--load", "closed", "--aa"]);
    let (run, models) = fixture.reports();
    let control = run.aa_control.as_ref().unwrap();
    assert_eq!(
        (control.model.as_str(), control.control.as_str()),
        ("good", "good-aa")
    );
    let names: Vec<&str> = models
        .iter()
        .map(|report| report.model.name.as_str())
        .collect();
    assert_eq!(names, ["good", "good-aa"]);
    assert_eq!(models[0].model.binary_sha256, models[1].model.binary_sha256);
    let checks: Vec<&str> = run.verdict.checks.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(checks, ["aa_control"], "{}", stderr(&output));
    // It takes part like any other.
    let ranked = run.rankings.iter().map(|ranking| ranking.contestants.len());
    assert!(!run.rankings.is_empty() && ranked.max() == Some(2));
}

#[test]
fn a_scenario_of_ones_own_is_run_over_its_ladders() {
    let fixture = Fixture::new();
    let file = fixture.dir.path().join("mine.toml");
    let text = "title = \"mine\"\n[[closed]]\nconnections = [10, 40]\nwindow_s = 5\n\
                [[open]]\nconnections = [10, 40]\nrate = 300\n";
    fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    // The command line goes before the file: --connections 20, and 0.3 s.
    let output = fixture.run("good", &["--scenario", path]);
    let (run, models) = fixture.reports();
    assert_eq!(run.plan.scenario.as_deref(), Some("mine"));
    let summary = &models[0].summary;
    let closed = summary.closed_ladder.iter().map(|step| step.connections);
    assert_eq!(closed.collect::<Vec<_>>(), [5, 20], "{}", stderr(&output));
    let open = summary.open_ladder.iter().map(|step| step.connections);
    assert_eq!(open.collect::<Vec<_>>(), [5, 20]);
    assert_eq!(models[0].trials[0].steps[0].window_asked_us, 300_000);
    assert!(stderr(&output).contains("Open load over each count of connections"));
}
