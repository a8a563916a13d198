//! Each rule at its threshold and beyond, and how far it says that a figure is off.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use analysis::{
    rules::of_trial,
    step::{
        cpus_used, generator_cpu_us_per_request, per_request, rate_per_s,
        server_cpus_us_per_request,
    },
    summary::conclude,
};
use common::*;
use hdrhistogram::Histogram;
use report::{
    check::{
        Check, Effect,
        FigureKind::{
            self, ConnectTime, Cpu, KernelMemory, P50, P90, P99, P99_9, Rate, UserMemory,
        },
        Status,
    },
    model::ModelReport,
    trial::{Load, Series, Step, ThreadCounts, Trial},
};
use stats::encode;

/// The check of this name, of a trial with this one step.
fn check(load: Load, step: Step, id: &str) -> Check {
    let mut checks = of_trial(&trial(1, load, vec![step]));
    checks.retain(|check| check.id == id);
    checks.remove(0)
}

/// What it touches, and by how many thousandths where that is known.
fn reach(check: &Check) -> Vec<(FigureKind, Option<i64>)> {
    let share = |effect| match effect {
        Effect::Biases { up_to_share, .. } => up_to_share.map(|of| (of * 1e3).round() as i64),
        _ => None,
    };
    let touches = check.touches.iter();
    touches.map(|of| (of.figure, share(of.effect))).collect()
}

fn of(load: Load, step: Step, id: &str) -> Vec<(FigureKind, Option<i64>)> {
    reach(&check(load, step, id))
}

const WINDOW: [(FigureKind, Option<i64>); 7] = [
    (Rate, None),
    (Cpu, None),
    (P50, None),
    (P90, None),
    (P99, None),
    (P99_9, None),
    (ConnectTime, None),
];

fn histogram(values_us: &[(u64, u64)]) -> String {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 300_000_000_000, 3).unwrap();
    for &(us, times) in values_us {
        histogram.record_n(us * 1_000, times).unwrap();
    }
    encode(&histogram).unwrap()
}

#[test]
fn memory_stands_while_a_thousandth_of_the_connections_is_missing() {
    let lost = |connections_lost| {
        let mut step = step(1_000, 1);
        step.window.connections_lost = connections_lost;
        of(IDLE, step, "connections_open")
    };
    assert_eq!(lost(1), WINDOW);
    let memory = [(UserMemory, Some(2)), (KernelMemory, Some(2))];
    assert_eq!(lost(2), [&WINDOW[..], &memory].concat());

    let unserved = |never_served| {
        let mut step = step(1_000, 1);
        step.window.never_served = never_served;
        of(IDLE, step, "every_connection_served")
    };
    let times = [&WINDOW[..1], &WINDOW[2..6]].concat();
    assert_eq!(unserved(1), times);
    assert_eq!(unserved(2), [&times[..], &memory[..1]].concat());
}

#[test]
fn who_had_no_turn_was_not_left_out() {
    let unserved = |load, interval: Option<u64>, offered| {
        let mut step = open_step();
        (step.window.never_served, step.message_interval_us) = (1, interval);
        step.window.scheduled.as_mut().unwrap().offered = offered;
        check(load, step, "every_connection_served").passed
    };
    assert!(!unserved(IDLE, None, 0));
    assert!(!unserved(IDLE, Some(1_000_000), 0));
    assert!(unserved(IDLE, Some(1_000_001), 0));
    assert!(!unserved(OPEN, None, 200));
    assert!(unserved(OPEN, None, 199));
}

#[test]
fn who_was_never_asked_is_not_the_servers_fault() {
    let said = |never_asked| {
        let mut step = step(1_000, 1);
        (step.window.never_served, step.window.never_asked) = (10, never_asked);
        check(IDLE, step, "every_connection_served")
    };
    let late = said(Some(9));
    assert!(
        late.detail
            .starts_with("10 connections never served (9 of them were not asked"),
        "{late:?}"
    );
    assert!(late.advice.starts_with("the generator"), "{late:?}");
    for of_server in [None, Some(0), Some(5)] {
        let said = said(of_server);
        assert!(said.advice.starts_with("the rate"), "{said:?}");
        assert_eq!(said.touches, late.touches);
    }
}

#[test]
fn what_the_kernel_broke_off_is_not_the_servers_fault() {
    let advice = |tcp_memory_aborts| {
        let mut step = step(1_000, 1);
        step.window.connections_lost = 1;
        step.machine.tcp_memory_aborts = tcp_memory_aborts;
        check(CLOSED, step, "connections_open").advice
    };
    assert!(advice(Some(1)).contains("net.ipv4.tcp_mem"));
    for none in [None, Some(0)] {
        assert!(advice(none).starts_with("see the errors"));
    }
}

#[test]
fn a_backend_may_have_been_visited_by_whoever_looked_for_the_server() {
    let agree = |told: bool, visits: Option<u32>, more: u64| {
        let mut trial = trial(1, CLOSED, vec![step(100, 500)]);
        let mut heard = trial.generator_counts.unwrap();
        heard.connections += more;
        (trial.backend_counts, trial.visits) = (Some(heard), visits);
        trial.server_counts = trial.generator_counts.filter(|_| told);
        let checks = of_trial(&trial);
        checks
            .iter()
            .find(|check| check.id == "counts_agree")
            .unwrap()
            .passed
    };
    // Older reports: once. Each process of one that shares its port is visited.
    for (visits, most) in [(None, 1), (Some(0), 0), (Some(1), 1), (Some(2), 2)] {
        for more in 0..4 {
            assert_eq!(agree(false, visits, more), more <= most, "{visits:?}");
            assert_eq!(agree(true, visits, more), more == 0, "{visits:?}");
        }
    }
}

#[test]
fn what_went_wrong_is_told_with_its_errors() {
    let mut wrong = step(100, 500);
    wrong.window.replies_wrong = 1;
    wrong.window.errors.insert("reset".to_owned(), 3);
    let said = check(CLOSED, wrong, "replies_right").detail;
    assert!(said.ends_with(", reset: 3"), "{said}");
}

#[test]
fn a_server_that_speaks_another_wire_is_told_how_to_be_asked() {
    let advice = |error: &str| {
        let mut lost = step(100, 500);
        lost.window.connections_lost = 1;
        lost.window.errors.insert(error.to_owned(), 1);
        check(CLOSED, lost, "connections_open").advice
    };
    for error in ["wrong reply", "no answer to 3 new connections for 10 s"] {
        assert!(advice(error).contains("--http"), "{}", advice(error));
    }
    assert!(!advice("reset").contains("--http"));
}

#[test]
fn a_window_of_a_few_rounds_is_off_by_one_of_them() {
    let served = |times| of(CLOSED, step(100, times), "served_often_enough");
    assert_eq!(served(3), []);
    let off = [Rate, P50, P90, P99, P99_9].map(|figure| (figure, Some(500)));
    assert_eq!(served(2), off);
}

#[test]
fn counts_are_judged_from_their_thresholds_on() {
    let clipped = |times| {
        let mut step = step(100, 10);
        step.window.times_clipped = Some(times);
        of(CLOSED, step, "times_clipped").len()
    };
    assert_eq!([0, 500, 501].map(clipped), [0, 3, 4]);
    let idle = |requests| {
        let mut step = step(100, 10);
        (step.server.cpu_user_s, step.server.cpu_system_s) = (Some(0.0), Some(0.0));
        step.window.requests = requests;
        check(CLOSED, step, "cpu_measured").passed
    };
    assert_eq!([10_000, 19_999, 20_000].map(idle), [true, true, false]);
}

fn in_series(requests: Vec<u64>, p99_us: Vec<f64>) -> Step {
    let mut step = open_step();
    step.warm_up_us = 1_500_000;
    step.window.series = Some(Series {
        interval_us: 50_000,
        requests,
        p99_us,
        ..Series::default()
    });
    step
}

#[test]
fn the_longest_pause_is_told_and_of_equals_the_first() {
    let paused = |at: &[usize]| {
        let mut requests = vec![5_000; 40];
        at.iter().for_each(|&index| requests[index] = 500);
        let check = check(CLOSED, in_series(requests, Vec::new()), "pause");
        check.detail
    };
    assert_eq!(paused(&[]), "something was answered in every interval");
    for at in [&[2, 3, 4, 20][..], &[2, 3, 4, 20, 21, 22]] {
        let said = paused(at);
        assert!(said.contains("for 0.15 s, from 0.10 s"), "{said}");
    }
    let steady = check(
        CLOSED,
        in_series(vec![5_000; 40], Vec::new()),
        "steady_state",
    );
    assert!(
        steady.detail.starts_with("steady after 1.5 s"),
        "{steady:?}"
    );
}

#[test]
fn times_rise_that_have_grown_by_half_from_third_to_third() {
    let rising = |thirds: [f64; 3], each: usize| {
        let times = thirds.into_iter().flat_map(|us| vec![us; each]).collect();
        !of(OPEN, in_series(vec![500; 3 * each], times), "rising").is_empty()
    };
    assert!(rising([1_000.0, 1_200.0, 1_600.0], 20));
    for level in [
        [1_000.0, 1_200.0, 1_500.0],
        [1_000.0, 1_200.0, 1_400.0],
        [1_000.0, 1_000.0, 1_600.0],
        [1_000.0, 1_600.0, 1_600.0],
        [1_000.0, 900.0, 1_600.0],
        [1_000.0, 1_800.0, 1_600.0],
        [1_600.0, 1_200.0, 1_000.0],
    ] {
        assert!(!rising(level, 20), "{level:?}");
    }
    assert!(!rising([1_000.0, 1_200.0, 1_600.0], 4), "it may be chance");
}

#[test]
fn what_could_not_even_wait_is_outstanding_all_the_more() {
    let sustained = |open, close, unqueued| {
        let mut step = open_step();
        let window = step.window.scheduled.as_mut().unwrap();
        (window.outstanding_at_open, window.outstanding_at_close) = (Some(open), Some(close));
        window.requests_unqueued = unqueued;
        check(OPEN, step, "sustained").passed
    };
    assert!(sustained(5_000, 5_000, None));
    assert!(sustained(10, 10, Some(390)));
    assert!(!sustained(10, 10, Some(5_000)));
}

#[test]
fn lag_is_told_in_microseconds_and_as_a_share() {
    let sent = check(OPEN, open_step(), "lag");
    assert!((sent.measured.unwrap() - 0.0025).abs() < 1e-5, "{sent:?}");
    let mut lain = step(100, 500);
    lain.window.read_lag_histogram = Some(histogram(&[(500, 1_000)]));
    let read = check(CLOSED, lain, "read_lag");
    assert!(read.detail.contains("read late by 500 us"), "{read:?}");
    let heard = |late_us| {
        let mut step = step(100, 500);
        step.window.heard_late_us = Some(late_us);
        of(CLOSED, step, "heard_late")
    };
    let all = [
        (P90, None),
        (P99, None),
        (P99_9, None),
        (Rate, Some(31)),
        (Cpu, Some(30)),
    ];
    assert_eq!(heard(30_000), all);
    assert_eq!(heard(0), []);
}

/// Half of the requests waited for their connection, which is no lag: so one in a hundred of the others
/// is one in two hundred of all, and p99 stands.
#[test]
fn an_older_report_has_a_bound_by_the_share_that_had_a_lag() {
    let mut step = open_step();
    step.window.service_time_histogram = histogram(&[(1, 10_000)]);
    let window = step.window.scheduled.as_mut().unwrap();
    window.response_time_histogram = histogram(&[(2_000, 9_830), (100_000, 170)]);
    window.lag_histogram = histogram(&[(1, 4_960), (100_000, 40)]);
    let touched = of(OPEN, step, "lag");
    assert_eq!(touched, []);
}

#[test]
fn a_servers_own_clock_says_how_idle_it_was_where_its_cpus_have_none() {
    let mut step = step(100, 500);
    step.machine.server_cpus_idle_share = None;
    (step.server_cpus_max, step.server_threads) = (None, Some(2));
    (step.window.length_us, step.server.cpu_s) = (2_000_000, Some(3.0));
    let check = check(CLOSED, step, "generator_bound");
    assert_eq!(check.detail, "the server's CPUs were idle for 25 %");
    let Effect::Bounds { slack_share, .. } = check.touches[0].effect else {
        panic!("{check:?}");
    };
    assert!((slack_share.unwrap() - 1.0 / 3.0).abs() < 1e-9);
}

#[test]
fn littles_law_counts_batches_and_forgives_a_pause_that_all_waited_for() {
    let law = |outstanding, spoil: &dyn Fn(&mut Step)| {
        let mut step = step(100, 520);
        spoil(&mut step);
        check(Load::Closed { outstanding }, step, "littles_law")
    };
    assert!(law(1, &|_| ()).passed);
    assert!(!law(4, &|_| ()).passed);
    assert!(law(4, &|step| step.window.service_time_us.mean *= 4.0).passed);
    assert!(law(4, &|step| step.window.requests *= 3).passed, "batches");
    // Of 100 connections fewer than half, and more.
    let allowed = |paused: u64| {
        let times = histogram(&[(1_923, 52_000 - paused), (30_000, paused)]);
        let law = law(1, &|step| {
            step.window.service_time_histogram.clone_from(&times)
        });
        (law.threshold.unwrap() * 1e3).round()
    };
    assert_eq!((allowed(40), allowed(60)), (10.0, 30.0));
}

/// Each of 100 connections is served four or five times in the window, and what is counted depends on where
/// the window begins.
#[test]
fn a_rate_of_a_few_rounds_is_known_as_well_as_littles_law_tells() {
    let touched = |series: [u64; 10]| {
        let mut step = step(100, 4);
        step.window.service_time_us.mean *= 1.05;
        let requests = step.window.requests;
        step.window.series = Some(Series {
            interval_us: 100_000,
            requests: series.map(|tenths| requests * tenths / 10).to_vec(),
            ..Series::default()
        });
        of(CLOSED, step, "littles_law")
    };
    let of_rate = touched([5, 0, 0, 0, 0, 5, 0, 0, 0, 0]);
    assert_eq!(of_rate, [(Rate, Some(53))]);
    assert_eq!(touched([1; 10]), [], "others were on their way for longer");
}

#[test]
fn what_shares_the_machine_with_an_idle_load_touches_its_memory_alone() {
    let stolen = |load| {
        let mut step = step(1_000, 1);
        step.machine.steal_share = Some(0.5);
        of(load, step, "steal")
    };
    assert_eq!(stolen(IDLE), []);
    assert!(!stolen(CLOSED).is_empty());
}

#[test]
fn figures_of_a_window_are_over_its_length_and_its_requests() {
    let mut step = step(100, 10);
    step.window.length_us = 2_000_000;
    step.machine.server_cpus_s = Some(0.5);
    (step.generator.cpu_user_s, step.generator.cpu_system_s) = (Some(0.25), Some(0.5));
    assert_eq!(rate_per_s(&step), 500.0);
    assert_eq!(server_cpus_us_per_request(&step), Some(500.0));
    assert_eq!(generator_cpu_us_per_request(&step), Some(750.0));
    assert_eq!(cpus_used(&step, &step.generator), Some(0.375));
    assert_eq!(per_request(1.0, 0), None);
}

fn idle(report: &mut ModelReport) -> impl Iterator<Item = &mut Trial> {
    report.trials.iter_mut().filter(|trial| trial.load == IDLE)
}

#[test]
fn a_ladder_of_one_count_has_no_cost_per_connection() {
    let mut report = sound();
    for trial in idle(&mut report) {
        trial.steps = vec![step(1_000, 1), step(1_000, 1)];
        trial.steps[1].server.pss_bytes = Some(5_000_000);
        for step in &mut trial.steps {
            step.machine.slab_by_cache_bytes = None;
            let reason = ("slab_by_cache_bytes".to_owned(), "not root".to_owned());
            step.machine.not_measured.extend([reason]);
        }
    }
    conclude(&mut report).unwrap();
    let memory = report.summary.memory.as_ref().unwrap();
    assert_eq!(memory.user_bytes_per_connection, None);
    assert_eq!(memory.user_marginal_bytes_per_connection, None);
    let path = "summary.memory.kernel_by_cache_bytes_per_connection";
    assert_eq!(report.not_measured[path], "not root");
    let checks = &report.verdict.checks;
    assert!(
        checks.iter().all(|check| check.id != "memory_reconciled"),
        "too little was lost"
    );
}

#[test]
fn a_step_in_memory_is_told_as_a_share_and_page_tables_have_owners() {
    let mut report = sound();
    for trial in idle(&mut report) {
        trial.steps[2].server.pss_bytes = Some(2_300_000);
        for step in &mut trial.steps {
            let memory = step.memory.as_mut().unwrap();
            let connections = u64::from(step.connections);
            memory.kernel_stacks_bytes = 1_000 * connections;
            step.server.page_tables_bytes = Some(50 * connections);
            step.generator.page_tables_bytes = Some(30 * connections);
        }
    }
    conclude(&mut report).unwrap();
    let mut checks = report.verdict.checks.iter();
    let fit = checks.find(|check| check.id == "memory_fit").unwrap();
    let [(UserMemory, Some(share))] = reach(fit)[..] else {
        panic!("{fit:?}");
    };
    assert!((20..1_000).contains(&share), "{share}");
    let owners = report.summary.memory.unwrap().by_owner.unwrap();
    let of_server = owners.server_kernel_bytes_per_connection.unwrap();
    assert_eq!(of_server.round(), 5_308.0 + 1_000.0 + 50.0);
    let of_generator = owners.generator_kernel_bytes_per_connection.unwrap();
    assert_eq!(of_generator.round(), 2_692.0 + 30.0);
}

#[test]
fn a_move_is_held_against_the_interval_that_is_published() {
    let status = |times: &[u32]| {
        let mut report = sound();
        let moved = |times| {
            let mut step = step(100, times);
            let requests = [vec![5_000; 20], vec![4_000; 20]].concat();
            step.window.series = in_series(requests, Vec::new()).window.series;
            step
        };
        let trials = (1..).zip(times);
        report.trials = trials
            .map(|(block, &n)| trial(block, CLOSED, vec![moved(n)]))
            .collect();
        conclude(&mut report).unwrap();
        report.verdict.figures["peak.rate_per_s"].status
    };
    // It moved by 11 %.
    assert_eq!(status(&[400, 500, 600]), Status::Valid);
    assert_eq!(status(&[455, 500, 545]), Status::Suspect);
    assert_eq!(status(&[500]), Status::Suspect);
}

#[test]
fn a_report_of_churn_alone_is_as_good_as_its_figures() {
    let churn = Load::Churn {
        arrivals: report::trial::Arrivals::Poisson,
        deadline_us: 1_000_000,
    };
    let mut report = sound();
    let mut disturbed = open_step();
    disturbed.machine.steal_share = Some(0.5);
    report.trials = vec![trial(1, churn, vec![disturbed])];
    report.interrupted = true;
    conclude(&mut report).unwrap();
    assert_eq!(report.verdict.status, Status::Suspect);
    let why = |report: &ModelReport| report.not_measured["summary.peak"].clone();
    assert_eq!(why(&report), "the run was interrupted before");
    report.interrupted = false;
    conclude(&mut report).unwrap();
    assert_eq!(why(&report), "the run had no closed load");
}

#[test]
fn what_is_not_known_of_a_server_says_why() {
    let mut report = spoiled(CLOSED, |trial| {
        let server = &mut trial.steps[0].server;
        (server.cpu_user_s, server.cpu_system_s) = (None, None);
        let reason = ("cpu_user_s".to_owned(), "a target".to_owned());
        server.not_measured.extend([reason]);
    });
    let cpu = &report.verdict.figures["peak.server_cpu_us_per_request"];
    assert_eq!(cpu.because.as_deref(), Some("a target"));
    for trial in &mut report.trials {
        let thread = |connections, requests| ThreadCounts {
            connections,
            requests: Some(requests),
            request_bytes: 0,
        };
        trial.server_threads_counts = vec![thread(1, 100), thread(3, 300)];
    }
    conclude(&mut report).unwrap();
    let shares = &report.summary.thread_shares;
    let shares: Vec<_> = shares
        .iter()
        .map(|of| (of.connections, of.requests))
        .collect();
    assert_eq!(shares, [(0.75, 0.75), (0.25, 0.25)]);
    let times = &report.summary.peak.as_ref().unwrap().service_time_us;
    let ms = |time: Option<f64>| (time.unwrap() / 100.0).round();
    assert_eq!((ms(times.mean), ms(times.max)), (19.0, 19.0));
}
