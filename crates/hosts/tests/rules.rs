//! How far each disturbance reaches, at its threshold and beyond.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use hosts::{
    instrument::{host_balance, start_skew},
    machine::{is_disturbed, of_step},
    touch::{exposed, exposed_times, of_window, spoils},
};
use report::{
    check::{
        Check, Effect,
        FigureKind::{self, ConnectTime, Cpu, P50, P90, P99, P99_9, Rate, UserMemory},
        Touch,
    },
    hosts::{HostClock, HostShare, HostUse},
    model::Percentiles,
    trial::{Arrivals, Load, MachineUse, ProcessUse, Step, Window},
};

const CLOSED: Load = Load::Closed { outstanding: 1 };
const IDLE: Load = Load::Idle { interval_us: 1 };

/// Ten seconds of nothing, on a machine of which this is known.
fn step(machine: MachineUse) -> Step {
    Step {
        connections: 100,
        connections_open: 100,
        rate_per_s: None,
        connect_elapsed_us: 0,
        connect_time_us: Percentiles::default(),
        warm_up_us: 0,
        steady: None,
        window_asked_us: 10_000_000,
        window: Window {
            length_us: 10_000_000,
            requests: 100,
            ..Window::default()
        },
        server: ProcessUse::default(),
        generator: ProcessUse::default(),
        message_interval_us: None,
        server_threads: None,
        server_cpus_max: None,
        machine,
        memory: None,
        runner_cpu_s: None,
        backend_cpu_s: None,
        syscall_window: None,
        hosts: Vec::new(),
    }
}

fn stolen(share: f64) -> MachineUse {
    MachineUse {
        steal_share: Some(share),
        ..MachineUse::default()
    }
}

/// What a check touches, and by how many thousandths at most where that is known.
fn reach(touches: &[Touch]) -> Vec<(FigureKind, Option<i64>)> {
    let share = |touch: &Touch| match touch.effect {
        Effect::Biases { up_to_share, .. } => up_to_share.map(|of| (of * 1e3).round() as i64),
        _ => None,
    };
    touches.iter().map(|of| (of.figure, share(of))).collect()
}

/// Of the one check of this name.
fn of(checks: &[Check], id: &str) -> Vec<(FigureKind, Option<i64>)> {
    reach(&checks.iter().find(|check| check.id == id).unwrap().touches)
}

#[test]
fn a_share_reaches_what_it_can_move() {
    let tail = [(P99, None), (P99_9, None)];
    assert_eq!(reach(&exposed(0.02)), tail);
    let all = [
        (P90, None),
        (P99, None),
        (P99_9, None),
        (Rate, Some(143)),
        (Cpu, Some(125)),
    ];
    assert_eq!(reach(&exposed(0.125)), all, "an eighth leaves the median");
    assert_eq!(reach(&exposed_times(0.126)).len(), 5);
    let spoiled = [Rate, Cpu, P50, P90, P99, P99_9, ConnectTime].map(|figure| Touch {
        figure,
        effect: Effect::Spoils,
    });
    assert_eq!(spoils(&of_window()), spoiled);
}

/// As any other disturbance: what lies apart is that share of each window.
#[test]
fn windows_that_open_apart_are_judged_by_exposure() {
    let apart = |bound_us: f64| {
        let clock = HostClock {
            host: "b".to_owned(),
            ahead_us: 0.0,
            bound_us,
            drift_us: 0.0,
        };
        start_skew(&[clock], 1_000_000).unwrap()
    };
    assert!(apart(200.0).passed);
    assert_eq!(reach(&apart(2_000.0).touches), [(P99_9, None)]);
    assert_eq!(apart(30_000.0).touches, exposed(0.03));
    assert_eq!(apart(3e6).touches, exposed(1.0), "no clock is known");
}

#[test]
fn each_process_of_a_machine_gets_four_fifths_at_least() {
    let share = |host: &str, processes, requests| HostShare {
        host: host.to_owned(),
        processes,
        requests,
        ..HostShare::default()
    };
    let of = |second: u64| host_balance(&[share("a", 2, 10_000), share("b", 1, second)]);
    assert!(of(4_000).unwrap().passed);
    let off = [Rate, P50, P90, P99, P99_9].map(|figure| (figure, Some(400)));
    assert_eq!(reach(&of(3_000).unwrap().touches), off);
    // A thousand requests for each machine.
    let few = |last| {
        [
            share("a", 1, 1_000),
            share("b", 1, 1_000),
            share("c", 1, last),
        ]
    };
    assert_eq!(host_balance(&few(999)), None);
    assert!(host_balance(&few(1_000)).is_some());
}

#[test]
fn steal_is_a_share_of_what_the_servers_cpus_did() {
    let of_load = |share: f64, idle: f64, load: Load| {
        let machine = MachineUse {
            server_cpus_idle_share: Some(idle),
            ..stolen(share)
        };
        of(&of_step(&step(machine), load), "steal")
    };
    let cpu = |share| {
        [
            (P90, None),
            (P99, None),
            (P99_9, None),
            (Rate, Some(31)),
            (Cpu, Some(share)),
        ]
    };
    assert_eq!(of_load(0.03, 0.0, CLOSED), cpu(30));
    assert_eq!(of_load(0.03, 0.5, CLOSED), cpu(60));
    // An idle load has no CPU per request.
    assert_eq!(of_load(0.03, 0.5, IDLE), cpu(30));
    assert_eq!(of_load(0.02, 0.0, CLOSED), [(P99, None), (P99_9, None)]);
    // Three ticks are judged.
    let mut short = step(stolen(0.03));
    short.window.length_us = 1_000_000;
    assert_eq!(of(&of_step(&short, CLOSED), "steal"), cpu(30));
    short.window.length_us = 999_000;
    assert_eq!(of(&of_step(&short, CLOSED), "steal"), []);
}

#[test]
fn what_stops_a_server_is_a_share_of_the_window() {
    let machine = MachineUse {
        throttled_us: Some(300_000),
        pressure_memory_share: Some(0.03),
        ..MachineUse::default()
    };
    let checks = of_step(&step(machine), CLOSED);
    let times = [(P90, None), (P99, None), (P99_9, None)];
    let (rate, cpu) = ((Rate, Some(31)), (Cpu, Some(30)));
    assert_eq!(
        of(&checks, "throttled"),
        [&times[..], &[rate, cpu]].concat()
    );
    assert_eq!(of(&checks, "pressure"), [&times[..], &[rate]].concat());
    let little = MachineUse {
        pressure_memory_share: Some(0.02),
        ..MachineUse::default()
    };
    let checks = of_step(&step(little), CLOSED);
    assert_eq!(of(&checks, "pressure"), [(P99, None), (P99_9, None)]);
    let known = |id| checks.iter().any(|check| check.id == id);
    assert!(
        !known("throttled") && !known("steal"),
        "nobody measured them"
    );
}

#[test]
fn pages_that_come_from_a_disk_take_time_and_those_that_went_are_missing() {
    let swapped = |read, written| {
        let machine = MachineUse {
            swap_in_pages: Some(read),
            swap_out_pages: Some(written),
            ..MachineUse::default()
        };
        let mut step = step(machine);
        step.server.pss_bytes = Some(40_960_000);
        let mut checks = of_step(&step, CLOSED);
        checks.retain(|check| check.id == "swap");
        checks.remove(0)
    };
    // 10 ms each.
    let times = [(P90, None), (P99, None), (P99_9, None)];
    assert_eq!(reach(&swapped(30, 0).touches), times);
    // A hundredth of the server's memory.
    assert!(swapped(0, 100).passed);
    let check = swapped(30, 1_000);
    let memory = (UserMemory, Some(100));
    assert_eq!(reach(&check.touches), [&times[..], &[memory]].concat());
    assert_eq!(check.measured, Some(1_030.0));
}

#[test]
fn overflows_of_the_accept_queue_are_those_who_wait_to_connect() {
    let overflowing = |times: Option<u64>, load| {
        let machine = MachineUse {
            listen_overflows: times,
            ..MachineUse::default()
        };
        of(&of_step(&step(machine), load), "accept_queue")
    };
    let churn = Load::Churn {
        arrivals: Arrivals::Uniform,
        deadline_us: 1,
    };
    assert_eq!(overflowing(Some(5), CLOSED), [(ConnectTime, None)]);
    let all = [ConnectTime, P90, P99, P99_9].map(|figure| (figure, None));
    assert_eq!(overflowing(Some(5), churn), all);
    assert_eq!(overflowing(Some(0), churn), []);
    assert_eq!(overflowing(None, churn), []);
}

#[test]
fn a_window_is_made_again_when_more_than_its_tail_was_touched() {
    assert!(!is_disturbed(&step(MachineUse::default())));
    assert!(!is_disturbed(&step(stolen(0.01))), "the tail");
    assert!(is_disturbed(&step(stolen(0.03))));
    // Wherever that was.
    let mut elsewhere = step(stolen(0.0));
    elsewhere.hosts = vec![HostShare {
        host: "b".to_owned(),
        used: Some(HostUse {
            machine: stolen(0.03),
            ..HostUse::default()
        }),
        ..HostShare::default()
    }];
    assert!(is_disturbed(&elsewhere));
    let said = of_step(&elsewhere, CLOSED);
    assert!(
        said.iter()
            .any(|check| check.detail.starts_with("b: 3.0 %"))
    );
}
