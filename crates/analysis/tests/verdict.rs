//! Each check passes on a sound report, and touches its own figures on one with its own fault.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use analysis::summary::conclude;
use common::*;
use hdrhistogram::Histogram;
use report::{
    check::{Effect, Status},
    model::{Failure, ModelReport, Phase},
    trial::{Counts, Load, ProcessUse, ScheduledWindow, Series, Step, Window},
};
use stats::encode;

const RATE: &str = "rate_per_s";
const CPU: [&str; 2] = ["server_cpu_us_per_request", "server_cpus_us_per_request"];
const TIMES: [&str; 4] = ["p50", "p90", "p99", "p99_9"];

/// The closed windows with one fault in each.
fn closed(spoil: impl Fn(&mut Step)) -> ModelReport {
    spoiled(CLOSED, |trial| spoil(&mut trial.steps[0]))
}

/// The open ones.
fn open(spoil: impl Fn(&mut Step, &mut ScheduledWindow)) -> ModelReport {
    spoiled(OPEN, |trial| {
        let step = &mut trial.steps[0];
        let mut window = step.window.scheduled.take().unwrap();
        spoil(step, &mut window);
        step.window.scheduled = Some(window);
    })
}

#[test]
fn a_sound_report_is_valid() {
    let mut report = sound();
    conclude(&mut report).unwrap();
    assert_eq!(report.verdict.status, Status::Valid);
    assert_eq!(failed_checks(&report), Vec::<String>::new());
    let figures = &report.verdict.figures;
    assert!(figures.values().all(|of| of.bound.is_none()), "{figures:?}");
    assert!(figures["peak.rate_per_s"].is_headline);
    assert!(!figures["peak.service_time_us.p99"].is_headline);
}

#[test]
fn what_did_not_happen_spoils_all_that_was_claimed() {
    type Spoil = fn(&mut Step);
    let faults: [(&str, Spoil); 5] = [
        ("connections_open", |step| step.connections_open = 99),
        ("connections_open", |step| step.window.connections_lost = 1),
        ("replies_right", |step| step.window.replies_wrong = 1),
        ("replies_complete", |step| step.window.replies_missing = 1),
        ("window_length", |step| step.window.length_us -= 1),
    ];
    for (id, spoil) in faults {
        let report = closed(spoil);
        assert_eq!(failed_checks(&report), one(id));
        assert_eq!(report.verdict.status, Status::Invalid);
        let invalid = figures(&report, "peak", Status::Invalid);
        assert_eq!(invalid, [&[RATE][..], &CPU, &TIMES].concat(), "{id}");
        assert_eq!(
            figures(&report, "open", Status::Invalid),
            Vec::<String>::new()
        );
    }
}

/// The server never saw those connections, so nothing is said against it.
#[test]
fn a_generator_that_runs_out_of_ports_is_not_a_server_that_loses_requests() {
    let with = |missing: u64| {
        spoiled(OPEN, |trial| {
            let Load::Open {
                arrivals,
                deadline_us,
            } = trial.load
            else {
                unreachable!("only open loads are spoiled");
            };
            trial.load = Load::Churn {
                arrivals,
                deadline_us,
            };
            let window = &mut trial.steps[0].window;
            window.replies_missing = missing;
            let kind = "connect: EADDRNOTAVAIL: Cannot assign requested address";
            window.errors.insert(kind.to_owned(), 3);
        })
    };
    let report = with(3);
    assert_eq!(failed_checks(&report), one("generator_ports"));
    let p50 = &report.verdict.figures["churn.response_time_us.p50"];
    assert_eq!(p50.status, Status::Invalid);
    let said = p50.because.as_ref().unwrap();
    assert!(said.contains("ran out of ports: 3 connections"), "{said}");
    // One more than that is a reply that is missing.
    let both = ["generator_ports", "replies_complete"].map(str::to_owned);
    let mut failed = failed_checks(&with(4));
    failed.sort_unstable();
    failed.dedup();
    assert_eq!(failed, both);
}

#[test]
fn what_was_wrong_once_is_wrong() {
    let mut report = sound();
    report.trials[4].steps[0].window.replies_wrong = 1;
    conclude(&mut report).unwrap();
    assert_eq!(report.verdict.status, Status::Invalid);
}

#[test]
fn a_fault_leaves_the_figures_alone_that_it_does_not_touch() {
    type Spoil = fn(&mut Step);
    let faults: [(&str, Status, Spoil, &[&str]); 8] = [
        (
            "every_connection_served",
            Status::Invalid,
            |step| step.window.never_served = 1,
            &[RATE, "p50", "p90", "p99", "p99_9"],
        ),
        (
            "littles_law",
            Status::Invalid,
            |step| step.window.service_time_us.mean *= 1.02,
            &[RATE, "p50", "p90", "p99", "p99_9"],
        ),
        (
            "cpu_measured",
            Status::Invalid,
            |step| (step.server.cpu_user_s, step.server.cpu_system_s) = (Some(0.0), Some(0.0)),
            &CPU,
        ),
        // Three ticks of a second.
        (
            "steal",
            Status::Suspect,
            |step| step.machine.steal_share = Some(0.03),
            &[RATE, CPU[0], CPU[1], "p90", "p99", "p99_9"],
        ),
        (
            "other_load",
            Status::Suspect,
            |step| step.machine.programs_cpus_used = Some(0.3),
            &[RATE, CPU[0], CPU[1], "p50", "p90", "p99", "p99_9"],
        ),
        (
            "throttled",
            Status::Suspect,
            |step| step.machine.throttled_us = Some(5_000),
            &["p99", "p99_9"],
        ),
        (
            "swap",
            Status::Suspect,
            |step| step.machine.swap_in_pages = Some(1),
            &["p99", "p99_9"],
        ),
        (
            "pressure",
            Status::Suspect,
            |step| {
                step.machine.pressure_memory_share = Some(0.001);
            },
            &["p99_9"],
        ),
    ];
    for (id, status, spoil, touched) in faults {
        let report = closed(spoil);
        assert_eq!(failed_checks(&report), one(id));
        assert_eq!(figures(&report, "peak", status), touched, "{id}");
        assert_eq!(
            figures(&report, "memory", status),
            Vec::<String>::new(),
            "{id}"
        );
    }
}

#[test]
fn a_percent_of_steal_ruins_the_tail_and_nothing_else() {
    let report = closed(|step| {
        *step = common::step(100, 5_000);
        step.machine.steal_share = Some(0.01);
        step.window.length_us = 10_000_000;
        step.window.service_time_us.mean *= 10.0;
    });
    assert_eq!(figures(&report, "peak", Status::Suspect), ["p99", "p99_9"]);
    assert_eq!(report.verdict.status, Status::Valid);
}

#[test]
fn one_disturbed_trial_of_three_does_not_touch_the_median() {
    let mut report = sound();
    report.trials[4].steps[0].machine.steal_share = Some(0.3);
    conclude(&mut report).unwrap();
    assert_eq!(failed_checks(&report), one("steal"));
    assert_eq!(report.verdict.status, Status::Valid);
}

#[test]
fn every_fault_of_a_schedule_is_caught_by_its_own_check() {
    type Spoil = fn(&mut Step, &mut ScheduledWindow);
    let faults: [(&str, Status, Spoil, &[&str]); 5] = [
        (
            "sustained",
            Status::Invalid,
            |step, _| step.window.requests = 9_300,
            &TIMES,
        ),
        (
            "sustained",
            Status::Invalid,
            |_, window| {
                window.outstanding_at_open = Some(10);
                window.outstanding_at_close = Some(2_000);
            },
            &TIMES,
        ),
        (
            "lag",
            Status::Suspect,
            |_, window| window.lag_histogram = times_of(500_000),
            &TIMES,
        ),
        (
            "generator_stall",
            Status::Suspect,
            |_, window| window.longest_stall_us = Some(30_000),
            &["p90", "p99", "p99_9"],
        ),
        (
            "rising",
            Status::Suspect,
            |step, _| {
                step.window.series = Some(Series {
                    interval_us: 50_000,
                    requests: vec![500; 60],
                    p99_us: (0..60).map(|i| 1_000.0 + 100.0 * f64::from(i)).collect(),
                    ..Series::default()
                });
            },
            &["p90", "p99", "p99_9"],
        ),
    ];
    for (id, status, spoil, touched) in faults {
        let report = open(|step, window| {
            // The response times begin before the request is sent.
            step.window.service_time_histogram = times_of(1_000);
            spoil(step, window);
        });
        assert_eq!(failed_checks(&report), one(id));
        assert_eq!(figures(&report, "open", status), touched, "{id}");
    }
}

fn times_of(nanoseconds: u64) -> String {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 300_000_000_000, 3).unwrap();
    histogram.record_n(nanoseconds, 10_000).unwrap();
    encode(&histogram).unwrap()
}

#[test]
fn a_lag_of_a_few_percent_leaves_a_bound() {
    let report = open(|step, window| {
        step.window.service_time_histogram = times_of(1_000);
        window.lag_histogram = times_of(100_000);
    });
    let p90 = &report.verdict.figures["open.100_connections.10000_per_s.response_time_us.p90"];
    assert_eq!(p90.status, Status::Valid);
    let Some(Effect::Bounds { slack_share, .. }) = p90.bound else {
        panic!("{p90:?}");
    };
    assert!((slack_share.unwrap() - 0.05).abs() < 0.002, "{p90:?}");
}

#[test]
fn with_few_requests_not_every_connection_has_its_turn() {
    let report = open(|step, window| {
        (window.offered, step.window.requests) = (150, 150);
        step.window.never_served = 10;
    });
    assert_eq!(report.verdict.status, Status::Valid);
}

#[test]
fn half_of_the_connections_idle_breaks_littles_law() {
    // The same rate, made by half of the connections: each request takes half the time.
    let report = closed(|step| {
        let half = common::step(50, 1040);
        step.window = Window {
            never_served: 50,
            ..half.window
        };
    });
    assert_eq!(report.verdict.status, Status::Invalid);
    let failed = failed_checks(&report);
    assert!(failed.contains(&"every_connection_served".to_owned()));
    assert!(failed.contains(&"littles_law".to_owned()));
}

/// All connections waited for 30 ms, mostly before the window opened.
#[test]
fn a_pause_at_the_windows_edge_does_not_break_littles_law() {
    let with_pause = |pause_ns: u64| {
        closed(|step| {
            let mut histogram = Histogram::<u64>::new_with_bounds(1, 300_000_000_000, 3).unwrap();
            histogram.record_n(1_923_000, 51_900).unwrap();
            histogram.record_n(pause_ns, 100).unwrap();
            step.window.service_time_histogram = encode(&histogram).unwrap();
            // What 51,900 requests of 1,923 us leave, and the pause itself.
            step.window.service_time_us.mean = (100.0 + pause_ns as f64 / 1e7) / 0.052;
            step.window.requests = 52_000;
            step.window.service_time_count = 52_000;
        })
    };
    let status = |report: &ModelReport| report.verdict.figures["peak.rate_per_s"].status;
    assert_eq!(status(&with_pause(30_000_000)), Status::Valid);
}

#[test]
fn each_count_that_differs_is_caught() {
    let faults: [fn(&mut Counts); 5] = [
        |counts| counts.connections += 1,
        |counts| counts.requests = Some(4_999),
        |counts| counts.responses = Some(5_001),
        |counts| counts.request_bytes -= 1,
        |counts| counts.response_bytes += 1,
    ];
    for fault in faults {
        let report = spoiled(CLOSED, |trial| fault(trial.server_counts.as_mut().unwrap()));
        assert_eq!(report.verdict.status, Status::Invalid);
        assert_eq!(failed_checks(&report), one("counts_agree"));
    }
    // A wire without frames: the server can't count requests, and needn't.
    let raw = spoiled(CLOSED, |trial| {
        let counts = trial.server_counts.as_mut().unwrap();
        counts.requests = None;
        counts.responses = None;
    });
    assert_eq!(raw.verdict.status, Status::Valid);
}

/// Whoever answers by itself is faster than a relay, and its backend hears nothing.
#[test]
fn what_a_relays_backend_counts_has_to_agree_whatever_the_server_says() {
    let of_backend = |server: Option<Counts>, bytes| {
        spoiled(CLOSED, |trial| {
            let counts = Counts {
                requests: None,
                responses: None,
                request_bytes: bytes,
                ..trial.generator_counts.unwrap()
            };
            trial.backend_counts = Some(counts);
            trial.server_counts = trial.generator_counts.filter(|_| server.is_some());
        })
    };
    for server in [None, Some(Counts::default())] {
        assert_eq!(of_backend(server, 90_000).verdict.status, Status::Valid);
        let report = of_backend(server, 0);
        assert_eq!(report.verdict.status, Status::Invalid);
        assert_eq!(failed_checks(&report), one("counts_agree"));
    }
}

#[test]
fn a_relay_that_failed_to_reach_its_backend_is_caught() {
    let with = |failures| spoiled(CLOSED, |trial| trial.backend_failures = failures);
    for fine in [None, Some(0)] {
        assert_eq!(with(fine).verdict.status, Status::Valid);
    }
    let report = with(Some(3));
    assert_eq!(report.verdict.status, Status::Invalid);
    assert_eq!(failed_checks(&report), one("backend_reached"));
}

/// The clients of such connections lose theirs, which follows from it.
#[test]
fn a_lost_backend_stands_before_the_connections_that_are_lost_with_it() {
    for load in [CLOSED, IDLE] {
        let report = spoiled(load, |trial| {
            trial.backend_failures = Some(3);
            for step in &mut trial.steps {
                step.window.connections_lost = 3;
                step.connections_open = step.connections - 3;
            }
        });
        let doubtful = report.verdict.figures.iter();
        let doubtful = doubtful.filter(|(_, of)| of.status > Status::NotMeasured);
        let causes: Vec<_> = doubtful
            .map(|(id, of)| (id.as_str(), of.check.as_deref().unwrap_or_default()))
            .collect();
        let is_first = |(_, check): &(&str, &str)| *check == "backend_reached";
        assert!(
            !causes.is_empty() && causes.iter().all(is_first),
            "{causes:?}"
        );
        let mut failed = failed_checks(&report);
        failed.dedup();
        assert_eq!(failed[..2], ["backend_reached", "connections_open"]);
    }
}

#[test]
fn a_rate_that_is_not_the_servers_limit_is_a_floor() {
    let bound = |report: &ModelReport| {
        let rate = &report.verdict.figures["peak.rate_per_s"];
        assert_eq!(rate.status, Status::Valid, "{rate:?}");
        assert_eq!(report.verdict.status, Status::Valid);
        rate.bound
    };
    let idle = closed(|step| step.machine.server_cpus_idle_share = Some(0.2));
    assert!(bound(&idle).is_some());
    assert!(idle.summary.peak.unwrap().generator_bound);
    let unread = closed(|step| step.window.unread_share = Some(0.6));
    assert!(bound(&unread).is_some());
    let read = closed(|step| step.window.unread_share = Some(0.02));
    assert_eq!(bound(&read), None);
    let with = |unread: f64, idle: f64| {
        bound(&closed(|step| {
            step.window.unread_share = Some(unread);
            step.machine.server_cpus_idle_share = Some(idle);
        }))
    };
    // One loop of four CPUs, or one that blocks: it has all the requests, and idle CPUs.
    assert_eq!(with(0.001, 0.75), None);
    let Some(Effect::Bounds { slack_share, .. }) = with(0.05, 0.75) else {
        panic!("a twentieth of the requests waits for the generator");
    };
    assert!((slack_share.unwrap() - 0.05 / 0.95).abs() < 1e-9);
    // Nobody can say that a server was busy of which nothing is known.
    let unknown = closed(|step| {
        step.server = ProcessUse::default();
        step.machine.server_cpus_idle_share = None;
        (step.server_threads, step.server_cpus_max) = (None, None);
    });
    assert!(bound(&unknown).is_some());
}

/// Replies that took 2 ms lay unread for a part of it.
#[test]
fn times_less_the_generators_lag_stand_until_it_is_most_of_them() {
    let histogram = |us: u64| {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        histogram.record_n(us * 1_000, 10_000).unwrap();
        Some(encode(&histogram).unwrap())
    };
    let lain = |us: u64| {
        open(|step, window| {
            window.prompt_response_time_histogram = histogram(2_000);
            step.window.read_lag_histogram = histogram(us);
            step.window.sampled_time_histogram = histogram(2_000);
            step.window.sampled_prompt_time_histogram = histogram(2_000 - us);
        })
    };
    let of = |report: &ModelReport, name: &str| {
        let id = format!("open.100_connections.10000_per_s.{name}.p90");
        let figure = &report.verdict.figures[&id];
        (figure.status, figure.is_headline)
    };
    let third = lain(600);
    assert_eq!(of(&third, "response_time_us"), (Status::Suspect, false));
    assert_eq!(of(&third, "prompt_response_time_us"), (Status::Valid, true));
    assert_eq!(third.verdict.status, Status::Valid);
    let times = third.summary.open.unwrap().prompt_response_time_us.unwrap();
    assert!((times.p90.unwrap() - 1_400.0).abs() < 2.0, "{times:?}");
    let most = lain(1_300);
    assert_eq!(
        of(&most, "prompt_response_time_us"),
        (Status::Suspect, true)
    );
    assert_eq!(most.verdict.status, Status::Suspect);
}

#[test]
fn precision_makes_no_figure_suspect() {
    let mut few = sound();
    few.trials.truncate(3);
    conclude(&mut few).unwrap();
    assert_eq!(few.verdict.status, Status::Valid);
    let mut wide = sound();
    wide.trials = (1..)
        .zip([400, 600, 390, 610, 380, 620])
        .map(|(block, times)| trial(block, CLOSED, vec![step(100, times)]))
        .collect();
    conclude(&mut wide).unwrap();
    assert_eq!(wide.verdict.status, Status::Valid);
}

#[test]
fn a_model_that_failed_is_invalid_and_what_it_measured_stands() {
    let mut failed = sound();
    failed.failure = Some(Failure {
        phase: Phase::Run,
        reason: "it died".to_owned(),
        stderr_tail: String::new(),
        way_out: None,
    });
    conclude(&mut failed).unwrap();
    assert_eq!(failed.verdict.status, Status::Invalid);
    assert_eq!(failed_checks(&failed), one("model_ran"));
    let memory = &failed.verdict.figures["memory.user_bytes_per_connection"];
    assert_eq!(memory.status, Status::Valid);
}

#[test]
fn a_model_without_a_trial_is_not_measured() {
    let mut report = sound();
    report.trials.clear();
    report.interrupted = true;
    conclude(&mut report).unwrap();
    assert_eq!(report.verdict.status, Status::NotMeasured);
}

#[test]
fn what_an_unknown_server_used_is_null_and_passes_no_check() {
    let unknown = |step: &mut Step| {
        step.server = ProcessUse::default();
        (step.server_threads, step.server_cpus_max) = (None, None);
    };
    let mut report = sound();
    for trial in &mut report.trials {
        trial.server_counts = None;
        trial.steps.iter_mut().for_each(unknown);
    }
    conclude(&mut report).unwrap();
    let ids: Vec<&str> = report
        .verdict
        .checks
        .iter()
        .map(|check| &*check.id)
        .collect();
    assert!(!ids.contains(&"cpu_measured") && !ids.contains(&"counts_agree"));
    let peak = report.summary.peak.as_ref().unwrap();
    assert_eq!(peak.server_cpu_us_per_request, None);
    assert_eq!(peak.server_cpus_used, None);
    assert!(
        report
            .not_measured
            .contains_key("summary.peak.server_cpu_us_per_request")
    );
    let cpu = &report.verdict.figures["peak.server_cpu_us_per_request"];
    assert_eq!(cpu.status, Status::NotMeasured);
    assert!(cpu.because.is_some());
}
