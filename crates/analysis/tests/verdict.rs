//! Each check passes on a sound report and fails on one with its own fault.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use analysis::{conclude_run, summary::conclude};
use common::*;
use report::{
    check::Status,
    model::{Failure, Phase},
    run::{AaControl, PlannedLoad},
    trial::{Counts, ProcessUse, ScheduledWindow, Step, Window},
};

#[test]
fn a_sound_report_is_valid() {
    assert_eq!(failed_checks(sound()), (Status::Valid, vec![]));
}

#[test]
fn every_fault_of_a_step_is_caught_by_its_own_check() {
    type Spoil = fn(&mut Step);
    let faults: [(&str, Status, Spoil); 15] = [
        ("connections_open", Status::Invalid, |step| {
            step.connections_open = 99
        }),
        ("connections_open", Status::Invalid, |step| {
            step.window.connections_lost = 1
        }),
        ("replies_right", Status::Invalid, |step| {
            step.window.replies_wrong = 1
        }),
        ("replies_complete", Status::Invalid, |step| {
            step.window.replies_missing = 1
        }),
        ("window_length", Status::Invalid, |step| {
            step.window.length_us -= 1
        }),
        ("every_connection_served", Status::Invalid, |step| {
            step.window.never_served = 1
        }),
        ("cpu_measured", Status::Invalid, |step| {
            (step.server.cpu_user_s, step.server.cpu_system_s) = (Some(0.0), Some(0.0));
        }),
        ("littles_law", Status::Invalid, |step| {
            step.window.service_time_us.mean *= 1.11
        }),
        ("accept_queue", Status::Suspect, |step| {
            step.machine.listen_overflows = Some(1)
        }),
        ("steal", Status::Suspect, |step| {
            step.machine.steal_share = Some(0.02)
        }),
        ("other_load", Status::Suspect, |step| {
            step.machine.other_cpus_used = Some(0.5)
        }),
        ("generator_bound", Status::Suspect, |step| {
            step.generator.cpu_user_s = Some(0.45)
        }),
        ("swap", Status::Suspect, |step| {
            step.machine.swap_in_pages = Some(1)
        }),
        ("throttled", Status::Suspect, |step| {
            step.machine.throttled_us = Some(1)
        }),
        ("pressure", Status::Suspect, |step| {
            step.machine.pressure_memory_share = Some(0.02)
        }),
    ];
    for (id, status, spoil) in faults {
        assert_eq!(
            spoiled(|trial| spoil(&mut trial.steps[0])),
            (status, one(id))
        );
    }
}

#[test]
fn every_fault_of_an_open_load_is_caught_by_its_own_check() {
    type Spoil = fn(&mut Step, &mut ScheduledWindow);
    let faults: [(&str, Status, Spoil); 7] = [
        ("rate_achieved", Status::Invalid, |step, _| {
            step.window.requests = 8_900
        }),
        ("rate_achieved", Status::Suspect, |step, _| {
            step.window.requests = 9_800
        }),
        ("lag", Status::Suspect, |_, window| {
            window.lag_us.p99 = 250.0
        }),
        ("generator_stall", Status::Suspect, |_, window| {
            window.longest_stall_us = 100_001
        }),
        ("generator_bound", Status::Suspect, |step, _| {
            step.window.polls_empty = Some(90_000)
        }),
        ("steady_state", Status::Suspect, |step, _| {
            step.steady = Some(false)
        }),
        ("every_connection_served", Status::Invalid, |step, _| {
            step.window.never_served = 1
        }),
    ];
    for (id, status, spoil) in faults {
        assert_eq!(spoiled_open(spoil), (status, one(id)));
    }
}

#[test]
fn with_few_requests_not_every_connection_has_its_turn() {
    let result = spoiled_open(|step, window| {
        (window.offered, step.window.requests) = (150, 150);
        step.window.never_served = 10;
    });
    assert_eq!(result, (Status::Valid, vec![]));
}

#[test]
fn half_of_the_connections_idle_breaks_littles_law() {
    // The same rate, made by half of the connections: each request takes half the time.
    let (status, failed) = spoiled(|trial| {
        let half = step(50, 1040);
        let step = &mut trial.steps[0];
        step.window = Window {
            never_served: 50,
            ..half.window
        };
    });
    assert_eq!(status, Status::Invalid);
    assert_eq!(failed, ["every_connection_served", "littles_law"]);
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
        let result = spoiled(|trial| fault(trial.server_counts.as_mut().unwrap()));
        assert_eq!(result, (Status::Invalid, one("counts_agree")));
    }
    // A wire without frames: the server can't count requests, and needn't.
    let raw = spoiled(|trial| {
        let counts = trial.server_counts.as_mut().unwrap();
        counts.requests = None;
        counts.responses = None;
    });
    assert_eq!(raw, (Status::Valid, vec![]));
}

#[test]
fn a_busy_generator_is_no_limit_while_the_server_is_busier() {
    let result = spoiled(|trial| {
        trial.steps[0].generator.cpu_user_s = Some(0.45);
        trial.steps[0].server.cpu_user_s = Some(0.58);
    });
    assert_eq!(result, (Status::Valid, vec![]));
}

#[test]
fn a_generator_of_which_nothing_is_known_may_be_the_limit() {
    let result = spoiled(|trial| {
        let generator = &mut trial.steps[0].generator;
        (generator.cpu_user_s, generator.cpu_s) = (None, None);
    });
    assert_eq!(result, (Status::Suspect, one("generator_bound")));
}

#[test]
fn a_generator_that_is_the_limit_makes_the_rate_a_floor() {
    let mut report = sound();
    report.trials[7].steps[0].generator.cpu_user_s = Some(0.45);
    conclude(&mut report).unwrap();
    assert!(report.summary.peak.as_ref().unwrap().generator_bound);
}

#[test]
fn two_trials_are_few_and_a_failure_is_invalid() {
    let mut few = sound();
    few.trials.truncate(6);
    assert_eq!(failed_checks(few), (Status::Suspect, one("trials_enough")));
    let mut failed = sound();
    failed.failure = Some(Failure {
        phase: Phase::Run,
        reason: "it died".to_owned(),
        stderr_tail: String::new(),
    });
    assert_eq!(failed_checks(failed), (Status::Invalid, one("model_ran")));
}

#[test]
fn a_rate_that_varies_widely_is_suspect() {
    let six = |times: [u32; 6]| {
        let mut report = sound();
        let trials = (1..).zip(times);
        report.trials = trials
            .map(|(block, times)| trial(block, CLOSED, vec![step(100, times)]))
            .collect();
        failed_checks(report)
    };
    assert_eq!(six([500, 505, 495, 502, 498, 500]), (Status::Valid, vec![]));
    assert_eq!(
        six([400, 600, 390, 610, 380, 620]),
        (Status::Suspect, one("interval_width"))
    );
}

#[test]
fn a_control_that_differs_from_itself_makes_the_run_suspect() {
    let named = |name: &str, factor: u32| {
        let mut report = sound();
        report.model.name = name.to_owned();
        report.trials = (1..=6)
            .map(|block| trial(block, CLOSED, vec![step(100, factor + block)]))
            .collect();
        conclude(&mut report).unwrap();
        report
    };
    let verdict_of = |control_times: u32| {
        let (model, control) = (named("a", 500), named("a-aa", control_times));
        let mut run = run_report();
        run.aa_control = Some(AaControl {
            model: "a".to_owned(),
            control: "a-aa".to_owned(),
        });
        run.plan.loads = vec![PlannedLoad {
            load: CLOSED,
            connections: vec![100],
            rates_per_s: Vec::new(),
            rate_share_of_peak: None,
            warm_up_us: 0,
            warm_up_max_us: None,
            window_us: 1_000_000,
        }];
        conclude_run(&mut run, &[&model, &control], true);
        let rate = run.rankings.iter().find(|r| r.id.ends_with("rate_per_s"));
        let rate = rate.unwrap();
        assert!(rate.primary && rate.contestants.len() == 2, "{rate:?}");
        assert_eq!(rate.suspect.is_some(), control_times != 500);
        run.verdict
    };
    assert_eq!(verdict_of(500).status, Status::Valid);
    let verdict = verdict_of(600);
    assert_eq!(verdict.status, Status::Suspect);
    assert_eq!(verdict.worst().unwrap().id, "aa_control");
}

#[test]
fn a_server_that_tells_no_counts_is_not_said_to_agree() {
    let mut report = sound();
    for trial in &mut report.trials {
        trial.server_counts = None;
    }
    conclude(&mut report).unwrap();
    assert_eq!(report.verdict.status, Status::Valid);
    let ids = report.verdict.checks.iter().map(|check| &*check.id);
    assert!(!ids.collect::<Vec<_>>().contains(&"counts_agree"));
}

#[test]
fn what_an_unknown_server_used_is_null_and_passes_no_check() {
    let unknown = |step: &mut Step| {
        step.server = ProcessUse::default();
        (step.server_threads, step.server_cpus_max) = (None, None);
    };
    let mut report = sound();
    for trial in &mut report.trials {
        trial.steps.iter_mut().for_each(unknown);
    }
    conclude(&mut report).unwrap();
    let ids = report.verdict.checks.iter().map(|check| &*check.id);
    assert!(!ids.collect::<Vec<_>>().contains(&"cpu_measured"));
    let peak = report.summary.peak.as_ref().unwrap();
    assert_eq!(peak.server_cpu_us_per_request, None);
    assert_eq!(peak.server_cpus_used, None);
    assert!(report.not_measured.contains_key("summary.peak.server_cpu*"));
    // Nobody can say that the server was busier than a generator at its limit.
    let limited = spoiled(|trial| {
        unknown(&mut trial.steps[0]);
        trial.steps[0].generator.cpu_user_s = Some(0.45);
    });
    assert_eq!(limited, (Status::Suspect, one("generator_bound")));
}
