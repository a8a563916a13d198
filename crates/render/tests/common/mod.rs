//! Reports whose truth is known, for what is told of two or more of them.

#![allow(dead_code, reason = "each test program uses a part of this")]

use analysis::summary::conclude;
use compare::{Options, Refusal, compare};
use hdrhistogram::Histogram;
use report::check::Verdict;
use report::comparison::{ComparedFigure, ComparisonReport};
use report::environment::Environment;
use report::model::{MODEL_SCHEMA, Model, ModelReport, Percentiles, Summary};
use report::run::{Plan, PlannedLoad, RunReport};
use report::trial::{Counts, Load, MachineUse, ProcessUse, Step, Trial, Window};
use stats::{encode, percentiles};
use std::collections::BTreeMap;

pub(crate) const CLOSED: Load = Load::Closed { outstanding: 1 };
pub(crate) const IDLE: Load = Load::Idle {
    interval_us: 1_000_000,
};

/// How the models of two reports differ in truth.
#[derive(Clone, Copy)]
pub(crate) struct Truth {
    /// Requests per second and connection.
    pub(crate) rate: f64,
    /// Server CPU time in a window of a second.
    pub(crate) cpu_s: f64,
    /// PSS per connection.
    pub(crate) user_bytes: f64,
}

pub(crate) const BASE: Truth = Truth {
    rate: 500.0,
    cpu_s: 0.5,
    user_bytes: 1_000.0,
};

/// A window of a second, a little different in every block.
pub(crate) fn step(connections: u32, truth: Truth, block: u32) -> Step {
    let noise = 1.0 + 0.002 * f64::from(block * 7 % 5);
    let times = (truth.rate * noise) as u32;
    let requests = u64::from(connections) * u64::from(times);
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 300_000_000_000, 3).unwrap();
    let service_time_ns = 1_000_000_000 / u64::from(times);
    histogram.record_n(service_time_ns, requests).unwrap();
    let user_bytes = truth.user_bytes * noise * f64::from(connections);
    Step {
        connections,
        connections_open: connections,
        rate_per_s: None,
        steady: None,
        syscall_window: None,
        hosts: Vec::new(),
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
            cpu_user_s: Some(0.0),
            cpu_system_s: Some(truth.cpu_s),
            pss_bytes: Some(1_000_000 + user_bytes as u64),
            ..ProcessUse::default()
        },
        generator: ProcessUse {
            processes: 1,
            cpu_user_s: Some(0.0),
            cpu_system_s: Some(0.4),
            ..ProcessUse::default()
        },
        message_interval_us: None,
        server_threads: Some(1),
        server_cpus_max: None,
        memory: None,
        runner_cpu_s: None,
        backend_cpu_s: None,
        machine: MachineUse {
            slab_bytes: Some(50_000_000 + 8_000 * u64::from(connections)),
            listen_overflows: Some(0),
            // The rate is the server's own limit.
            server_cpus_idle_share: Some(0.0),
            ..MachineUse::default()
        },
    }
}

pub(crate) fn model_report(run: &str, name: &str, blocks: u32, truth: Truth) -> ModelReport {
    let trial = |block, load, steps| Trial {
        server_empty_bytes: None,
        generator_empty_bytes: None,
        memory_before: None,
        teardown_us: None,
        schedule_seed: None,
        source_network: None,
        made_again: false,
        hosts: Vec::new(),
        not_measured: BTreeMap::new(),
        block,
        load,
        steps,
        held: Vec::new(),
        generator_counts: None,
        server_counts: Some(Counts::default()),
        backend_counts: None,
        visits: None,
        backend_failures: None,
        server_threads_counts: Vec::new(),
    };
    let trials = (1..=blocks).flat_map(|block| {
        let ladder = [1_000, 2_000, 3_000].map(|n| step(n, Truth { rate: 1.0, ..truth }, block));
        [
            trial(block, IDLE, ladder.to_vec()),
            trial(block, CLOSED, vec![step(100, truth, block)]),
        ]
    });
    let mut report = ModelReport {
        schema: MODEL_SCHEMA.to_owned(),
        run: run.to_owned(),
        interrupted: false,
        model: Model {
            name: name.to_owned(),
            binary_sha256: Some(format!("of {run} {name}")),
            ..Model::default()
        },
        verdict: Verdict::default(),
        failure: None,
        ceiling: None,
        profile: None,
        sustained_rate_per_s: None,
        summary: Summary::default(),
        all_blocks: BTreeMap::new(),
        not_measured: BTreeMap::new(),
        trials: trials.collect(),
    };
    conclude(&mut report).unwrap();
    report
}

pub(crate) fn plan() -> Plan {
    let load = |load, connections: &[u32]| PlannedLoad {
        rates_per_s: Vec::new(),
        rate_share_of_peak: None,
        warm_up_max_us: None,
        load,
        connections: connections.to_vec(),
        warm_up_us: 0,
        window_us: 1_000_000,
        hold: None,
    };
    Plan {
        models: vec!["a".to_owned(), "b".to_owned()],
        blocks: 6,
        payload_bytes: 64,
        loads: vec![load(IDLE, &[1_000, 2_000, 3_000]), load(CLOSED, &[100])],
        ..Plan::default()
    }
}

pub(crate) fn run(name: &str) -> RunReport {
    RunReport::new(name, name.to_owned(), plan(), Environment::default())
}

/// The comparison of two reports, each of the run that it names.
pub(crate) fn same_work(
    baseline: &ModelReport,
    candidate: &ModelReport,
) -> Result<ComparisonReport, Refusal> {
    with_options(baseline, candidate, &gate(0.05))
}

pub(crate) fn with_options(
    baseline: &ModelReport,
    candidate: &ModelReport,
    options: &Options,
) -> Result<ComparisonReport, Refusal> {
    let (first, second) = (run(&baseline.run), run(&candidate.run));
    compare((&first, baseline), (&second, candidate), options)
}

/// Changes for the worse by more than this are a regression.
pub(crate) fn gate(threshold: f64) -> Options {
    Options {
        threshold: Some(threshold),
        ..Options::default()
    }
}

/// The comparison of two models of one run.
pub(crate) fn compared(blocks: u32, candidate: Truth) -> ComparisonReport {
    let baseline = model_report("r1", "a", blocks, BASE);
    same_work(&baseline, &model_report("r1", "b", blocks, candidate)).unwrap()
}

pub(crate) fn figure<'a>(report: &'a ComparisonReport, id: &str) -> &'a ComparedFigure {
    report.figures.iter().find(|f| f.id == id).unwrap()
}

pub(crate) const RATE: &str = "closed.100_connections.rate_per_s";
pub(crate) const CPU: &str = "closed.100_connections.server_cpu_us_per_request";
pub(crate) const MEMORY: &str = "memory.user_bytes_per_connection";

pub(crate) const SLOWER: Truth = Truth {
    rate: 400.0,
    ..BASE
};

/// The server's CPUs were idle for so much of each window.
pub(crate) fn idle(mut report: ModelReport, share: f64) -> ModelReport {
    for trial in report.trials.iter_mut().filter(|t| t.load == CLOSED) {
        trial.steps[0].machine.server_cpus_idle_share = Some(share);
    }
    conclude(&mut report).unwrap();
    report
}
