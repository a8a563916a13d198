//! Each check passes on a sound report and fails on one with its own fault; the summary is what
//! the trials say.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use hdrhistogram::Histogram;
use report::{
    check::{Status, Verdict},
    environment::Environment,
    model::{Failure, MODEL_SCHEMA, Model, ModelReport, Percentiles, Spread, Summary},
    run::{AaControl, Plan, RUN_SCHEMA, RunReport},
    stats::{encode, percentiles},
    summary::{conclude, conclude_run},
    trial::{
        Arrivals, Counts, Load, MachineUse, ProcessUse, ScheduledWindow, Step, SyscallWindow,
        Trial, Window,
    },
};
use std::collections::BTreeMap;

const CLOSED: Load = Load::Closed { outstanding: 1 };
const IDLE: Load = Load::Idle {
    interval_us: 1_000_000,
};

/// A window of one second in which each of the connections was served `times` times, each reply
/// after the time that a closed load gives it.
fn step(connections: u32, times: u32) -> Step {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 300_000_000_000, 3).unwrap();
    let requests = u64::from(connections) * u64::from(times);
    histogram
        .record_n(1_000_000_000 / u64::from(times), requests)
        .unwrap();
    Step {
        connections,
        connections_open: connections,
        rate_per_s: None,
        steady: Some(true),
        connect_elapsed_us: 1_000,
        connect_time_us: Percentiles::default(),
        warm_up_us: 0,
        window_asked_us: 1_000_000,
        window: Window {
            length_us: 1_000_000,
            requests,
            served_least: times,
            served_most: times,
            service_time_us: percentiles(&histogram),
            service_time_count: requests,
            service_time_histogram: encode(&histogram).unwrap(),
            ..Window::default()
        },
        server: ProcessUse {
            processes: 1,
            cpu_user_s: 0.1,
            cpu_system_s: 0.4,
            pss_bytes: Some(1_000_000 + 100 * u64::from(connections)),
            voluntary_switches: requests / 4,
            involuntary_switches: requests / 4,
            syscalls: Some(2_000),
            ..ProcessUse::default()
        },
        generator: ProcessUse {
            processes: 1,
            cpu_system_s: 0.5,
            ..ProcessUse::default()
        },
        server_threads: 1,
        generator_threads: 1,
        machine: MachineUse {
            steal_share: Some(0.0),
            other_cpus_used: Some(0.05),
            slab_bytes: Some(50_000_000 + 8_000 * u64::from(connections)),
            slab_by_cache_bytes: Some(BTreeMap::from([
                ("TCP".to_owned(), 5_000 * u64::from(connections)),
                ("constant".to_owned(), 9_000_000),
                (format!("only at {connections}"), 9_000_000),
            ])),
            listen_overflows: Some(0),
            swap_in_pages: Some(0),
            swap_out_pages: Some(0),
            throttled_us: Some(0),
            pressure_memory_share: Some(0.0),
            // As it is where a model waits in io_uring.
            pressure_io_share: Some(0.9),
            ..MachineUse::default()
        },
        syscall_window: Some(SyscallWindow {
            length_us: 300_000,
            requests: 1_000,
        }),
    }
}

fn trial(block: u32, load: Load, steps: Vec<Step>) -> Trial {
    let counts = Counts {
        connections: 100,
        requests: Some(5_000),
        responses: Some(5_000),
        request_bytes: 90_000,
        response_bytes: 90_000,
    };
    Trial {
        block,
        load,
        steps,
        generator_counts: counts,
        server_counts: counts,
        server_empty_bytes: None,
        schedule_seed: None,
    }
}

const OPEN: Load = Load::Open {
    arrivals: Arrivals::Poisson,
    deadline_us: 1_000_000,
};

/// A window of one second at a rate of 10,000/s, all answered within 2 ms.
fn open_step() -> Step {
    let mut step = step(100, 100);
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 300_000_000_000, 3).unwrap();
    histogram.record_n(2_000_000, 10_000).unwrap();
    let mut lag = histogram.clone();
    lag.reset();
    lag.record_n(5_000, 10_000).unwrap();
    step.rate_per_s = Some(10_000.0);
    step.window.polls = Some(1_000_000);
    step.window.polls_empty = Some(900_000);
    step.window.scheduled = Some(ScheduledWindow {
        offered: 10_000,
        response_time_us: percentiles(&histogram),
        response_time_histogram: encode(&histogram).unwrap(),
        lag_us: percentiles(&lag),
        lag_histogram: encode(&lag).unwrap(),
        longest_stall_us: 300,
        ..ScheduledWindow::default()
    });
    step
}

/// Three blocks of a ladder and a closed load, with nothing wrong.
fn sound() -> ModelReport {
    let ladder = || {
        [1_000, 2_000, 3_000]
            .map(|connections| step(connections, 1))
            .to_vec()
    };
    let trials = (1..=3).flat_map(|block| {
        [
            trial(block, IDLE, ladder()),
            trial(block, CLOSED, vec![step(100, 500 + 10 * block)]),
            trial(block, OPEN, vec![open_step()]),
        ]
    });
    ModelReport {
        schema: MODEL_SCHEMA.to_owned(),
        run: "test".to_owned(),
        interrupted: false,
        model: Model::default(),
        verdict: Verdict::default(),
        failure: None,
        ceiling: None,
        summary: Summary::default(),
        not_measured: BTreeMap::new(),
        trials: trials.collect(),
    }
}

fn run_report() -> RunReport {
    RunReport {
        schema: RUN_SCHEMA.to_owned(),
        run: "test".to_owned(),
        started_at: String::new(),
        interrupted: false,
        plan: Plan {
            models: Vec::new(),
            blocks: 6,
            seed: 1,
            wire: "framed".to_owned(),
            workload: "echo".to_owned(),
            payload_bytes: 64,
            loads: Vec::new(),
            server_threads: 1,
            server_cpus: Vec::new(),
            client_processes: 1,
            client_threads: 1,
            client_cpus: Vec::new(),
            connections_per_source: 10_000,
            expected_s: 1.0,
        },
        block_order: Vec::new(),
        models: Vec::new(),
        comparisons: Vec::new(),
        not_compared: Vec::new(),
        aa_control: None,
        noise_bands: BTreeMap::new(),
        verdict: Verdict::default(),
        environment: Environment::default(),
    }
}

/// The verdict, and the ids of the checks that failed, when the closed trial of block 2 is
/// spoiled.
fn spoiled(spoil: impl FnOnce(&mut Trial)) -> (Status, Vec<String>) {
    let mut report = sound();
    spoil(&mut report.trials[4]);
    failed_checks(report)
}

/// Likewise for the open trial of block 2.
fn spoiled_open(spoil: fn(&mut Step, &mut ScheduledWindow)) -> (Status, Vec<String>) {
    let mut report = sound();
    let step = &mut report.trials[5].steps[0];
    let mut window = step.window.scheduled.take().unwrap();
    spoil(step, &mut window);
    step.window.scheduled = Some(window);
    failed_checks(report)
}

fn failed_checks(mut report: ModelReport) -> (Status, Vec<String>) {
    conclude(&mut report).unwrap();
    let failed = report.verdict.checks.iter().filter(|check| !check.passed);
    (
        report.verdict.status,
        failed.map(|check| check.id.clone()).collect(),
    )
}

fn one(id: &str) -> Vec<String> {
    vec![id.to_owned()]
}

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
            (step.server.cpu_user_s, step.server.cpu_system_s) = (0.0, 0.0);
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
            step.generator.cpu_user_s = 0.45
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
        let result = spoiled(|trial| fault(&mut trial.server_counts));
        assert_eq!(result, (Status::Invalid, one("counts_agree")));
    }
    // A wire without frames: the server can't count requests, and needn't.
    let raw = spoiled(|trial| {
        trial.server_counts.requests = None;
        trial.server_counts.responses = None;
    });
    assert_eq!(raw, (Status::Valid, vec![]));
}

#[test]
fn a_busy_generator_is_no_limit_while_the_server_is_busier() {
    let result = spoiled(|trial| {
        trial.steps[0].generator.cpu_user_s = 0.45;
        trial.steps[0].server.cpu_user_s = 0.58;
    });
    assert_eq!(result, (Status::Valid, vec![]));
}

#[test]
fn a_generator_that_is_the_limit_makes_the_rate_a_floor() {
    let mut report = sound();
    report.trials[7].steps[0].generator.cpu_user_s = 0.45;
    conclude(&mut report).unwrap();
    assert!(report.summary.peak.as_ref().unwrap().generator_bound);
    assert!(report::table::table(&[report]).contains(">= "));
}

#[test]
fn two_trials_are_few_and_a_failure_is_invalid() {
    let mut few = sound();
    few.trials.truncate(6);
    assert_eq!(failed_checks(few), (Status::Suspect, one("trials_enough")));
    let mut failed = sound();
    failed.failure = Some(Failure {
        phase: "run".to_owned(),
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
        conclude_run(&mut run, &[&model, &control], true);
        assert!(run.noise_bands["peak.rate_per_s"] >= 0.01);
        run.verdict
    };
    assert_eq!(verdict_of(500).status, Status::Valid);
    let verdict = verdict_of(600);
    assert_eq!(verdict.status, Status::Suspect);
    assert_eq!(verdict.worst().unwrap().id, "aa_control");
}

#[test]
fn memory_that_does_not_grow_evenly_is_suspect() {
    let mut report = sound();
    report.trials[0].steps[2].server.pss_bytes = Some(1_900_000);
    let (status, failed) = failed_checks(report);
    assert_eq!((status, failed), (Status::Suspect, one("memory_fit")));
}

#[test]
fn a_short_ladder_is_suspect() {
    let mut report = sound();
    for trial in report.trials.iter_mut().filter(|trial| trial.load == IDLE) {
        trial.steps = [100, 200, 300]
            .map(|connections| step(connections, 1))
            .to_vec();
    }
    let (status, failed) = failed_checks(report);
    assert_eq!((status, failed), (Status::Suspect, one("memory_ladder")));
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
    assert_eq!(memory.user_base_bytes.map(f64::round), Some(1_000_000.0));
    assert_eq!(memory.connections_max, 3_000);
    let peak = report.summary.peak.unwrap();
    let rate = peak.rate_per_s;
    assert_eq!(
        (rate.low, rate.median, rate.high),
        (51_000.0, 52_000.0, 53_000.0)
    );
    assert!((peak.server_cpu_us_per_request.median - 0.5e6 / 52_000.0).abs() < 1e-6);
    assert!((peak.service_time_us.p50 - 1e6 / 520.0).abs() < 5.0);
    let open = report.summary.open.unwrap();
    assert_eq!(open.offered_rate_per_s, 10_000.0);
    assert_eq!(
        (open.achieved_rate_per_s, open.achieved_share),
        (10_000.0, 1.0)
    );
    assert!((open.response_time_us.p99_9 - 2_000.0).abs() < 5.0);
    assert!((open.lag_us.unwrap().p50 - 5.0).abs() < 0.1);
    let reasons: Vec<&String> = report.not_measured.keys().collect();
    let unmeasured = [
        "ceiling",
        "summary.capacity",
        "summary.churn",
        "summary.peak.rate_per_s_interval",
    ];
    assert_eq!(reasons, unmeasured);
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
    assert!((peak.server_cpu_us_per_request.median - 0.25e6 / 52_000.0).abs() < 1e-6);
    assert_eq!(peak.server_cpus_used, 0.25);
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
    assert!(report.not_measured.contains_key("summary.memory.user_*"));
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
