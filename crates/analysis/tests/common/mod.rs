//! Reports with nothing wrong, for tests to spoil.

#![allow(dead_code, reason = "each test program uses a part of this")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use analysis::summary::conclude;
use hdrhistogram::Histogram;
use report::{
    check::{Status, Verdict},
    environment::Environment,
    model::{MODEL_SCHEMA, Model, ModelReport, Percentiles, Summary},
    run::{Plan, RunReport},
    trial::{
        Arrivals, Counts, Load, MachineMemory, MachineUse, ProcessUse, ScheduledWindow, Step,
        SyscallWindow, Trial, Window,
    },
};
use stats::{encode, percentiles};
use std::collections::BTreeMap;

pub(crate) const CLOSED: Load = Load::Closed { outstanding: 1 };
pub(crate) const IDLE: Load = Load::Idle {
    interval_us: 1_000_000,
};

/// A window of one second in which each of the connections was served `times` times, each reply
/// after the time that a closed load gives it.
pub(crate) fn step(connections: u32, times: u32) -> Step {
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
            cpu_user_s: Some(0.1),
            cpu_system_s: Some(0.4),
            pss_bytes: Some(1_000_000 + 100 * u64::from(connections)),
            voluntary_switches: Some(requests / 4),
            involuntary_switches: Some(requests / 4),
            syscalls: Some(2_000),
            page_tables_bytes: Some(0),
            ..ProcessUse::default()
        },
        generator: ProcessUse {
            processes: 1,
            cpu_user_s: Some(0.0),
            cpu_system_s: Some(0.5),
            pss_bytes: Some(2_000_000 + 100 * u64::from(connections)),
            page_tables_bytes: Some(0),
            ..ProcessUse::default()
        },
        message_interval_us: None,
        server_threads: Some(1),
        server_cpus_max: None,
        memory: Some(memory(connections)),
        runner_cpu_s: None,
        backend_cpu_s: None,
        machine: MachineUse {
            steal_share: Some(0.0),
            other_cpus_used: Some(0.05),
            programs_cpus_used: Some(0.0),
            server_cpus_s: Some(0.6),
            server_cpus_idle_share: Some(0.0),
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
        hosts: Vec::new(),
        syscall_window: Some(SyscallWindow {
            length_us: 300_000,
            requests: 1_000,
        }),
    }
}

pub(crate) fn trial(block: u32, load: Load, steps: Vec<Step>) -> Trial {
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
        held: Vec::new(),
        generator_counts: Some(counts),
        server_counts: Some(counts),
        backend_counts: None,
        visits: None,
        backend_failures: None,
        server_threads_counts: Vec::new(),
        server_empty_bytes: None,
        generator_empty_bytes: None,
        memory_before: Some(memory(0)),
        teardown_us: None,
        schedule_seed: None,
        source_network: None,
        made_again: false,
        hosts: Vec::new(),
        not_measured: BTreeMap::new(),
    }
}

pub(crate) const OPEN: Load = Load::Open {
    arrivals: Arrivals::Poisson,
    deadline_us: 1_000_000,
};

/// A window of one second at a rate of 10,000/s, all answered within 2 ms.
pub(crate) fn open_step() -> Step {
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
        longest_stall_us: Some(300),
        ..ScheduledWindow::default()
    });
    step
}

/// Three blocks of a ladder and a closed load, with nothing wrong.
pub(crate) fn sound() -> ModelReport {
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
        profile: None,
        sustained_rate_per_s: None,
        summary: Summary::default(),
        all_blocks: BTreeMap::new(),
        not_measured: BTreeMap::new(),
        trials: trials.collect(),
    }
}

pub(crate) fn run_report() -> RunReport {
    let plan = Plan {
        blocks: 6,
        ..Plan::default()
    };
    RunReport {
        interrupted: false,
        ..RunReport::new("test", String::new(), plan, Environment::default())
    }
}

/// What becomes of a report when all trials of a load are spoiled.
pub(crate) fn spoiled(load: Load, spoil: impl Fn(&mut Trial)) -> ModelReport {
    let mut report = sound();
    let trials = report.trials.iter_mut();
    trials.filter(|trial| trial.load == load).for_each(spoil);
    conclude(&mut report).unwrap();
    report
}

/// The checks that failed, each once.
pub(crate) fn failed_checks(report: &ModelReport) -> Vec<String> {
    let failed = report.verdict.checks.iter().filter(|check| !check.passed);
    let mut ids: Vec<String> = failed.map(|check| check.id.clone()).collect();
    ids.dedup();
    ids
}

/// The figures that don't stand, by the end of their path, as `suspect: rate_per_s, p99`.
pub(crate) fn figures(report: &ModelReport, place: &str, status: Status) -> Vec<String> {
    let figures = report.verdict.figures.iter();
    let wanted = figures.filter(|(id, of)| id.starts_with(place) && of.status == status);
    wanted
        .map(|(id, _)| id.rsplit('.').next().unwrap().to_owned())
        .collect()
}

pub(crate) fn one(id: &str) -> Vec<String> {
    vec![id.to_owned()]
}

/// The machine with so many idle connections: what the kernel and the two processes hold.
pub(crate) fn memory(connections: u32) -> MachineMemory {
    let connections = u64::from(connections);
    let (slab_bytes, user_bytes) = (50_000_000 + 8_000 * connections, 200 * connections);
    MachineMemory {
        free_bytes: 20_000_000_000 - slab_bytes - user_bytes,
        page_cache_bytes: 1_000_000_000,
        used_bytes: 2_000_000_000 + 5_000 * connections,
        slab_bytes,
        ..MachineMemory::default()
    }
}
