//! What follows from a plan that is made.

use plan::{Plan, others::Others, window::longest_us};
use protocol::client::Workload;
use report::{
    run::{Hold, PlannedLoad},
    trial::Load,
};
use request::network::Source;

fn over(load: Load, window_us: u64) -> PlannedLoad {
    PlannedLoad {
        load,
        connections: vec![1_000],
        rates_per_s: Vec::new(),
        rate_share_of_peak: None,
        warm_up_us: 0,
        warm_up_max_us: None,
        window_us,
        hold: None,
    }
}

const NONE: [usize; 0] = [];

fn elsewhere(shares_cpus: bool) -> Option<Others> {
    Some(Others {
        machines: 2,
        cpus: 4,
        open_files_max: None,
        ports: None,
        shares_cpus,
        addresses: Vec::new(),
    })
}

#[test]
fn a_long_window_and_many_processes_are_looked_at_less_often() {
    let interval_us = |client_processes, load| {
        let plan = Plan {
            client_processes,
            ..Plan::of_one_thread(1)
        };
        plan.interval_us(&load)
    };
    let closed = |window_us| over(Load::Closed { outstanding: 1 }, window_us);
    assert_eq!(interval_us(4, closed(1_500_000)), 50_000);
    assert_eq!(interval_us(5, closed(1_500_000)), 75_000);
    assert_eq!(interval_us(5, closed(40_000_000)), 1_000_000);
    assert_eq!(interval_us(1, closed(60_000_000)), 50_000);
    assert_eq!(interval_us(1, closed(60_000_001)), 1_000_000);
    // Of an idle window there are sixty at most.
    let idle = |window_us| over(Load::Idle { interval_us: 1 }, window_us);
    assert_eq!(interval_us(1, idle(600_000)), 50_000);
    assert_eq!(interval_us(1, idle(600_000_000)), 10_000_000);
}

/// Whether a load is steady is told by twenty intervals, however many processes make it.
#[test]
fn a_window_and_a_warm_up_have_enough_intervals() {
    for client_processes in [1, 5, 51] {
        let plan = Plan {
            client_processes,
            ..Plan::of_one_thread(1)
        };
        for window_us in [1_500_000, 3_000_000, 30_000_000] {
            let load = PlannedLoad {
                warm_up_us: 1_000_000,
                warm_up_max_us: Some(5_000_000),
                ..over(Load::Closed { outstanding: 1 }, window_us)
            };
            let interval_us = plan.interval_us(&load);
            assert!(window_us / interval_us >= 20, "{interval_us}");
            assert!(5_000_000 / interval_us >= 20, "{interval_us}");
        }
    }
}

#[test]
fn a_round_that_is_held_is_seen_as_finely_as_the_plan_says() {
    let idle = Load::Idle {
        interval_us: 500_000,
    };
    let load = PlannedLoad {
        hold: Some(Hold {
            length_us: 600_000_000,
            replaced_share: 0.0,
        }),
        ..over(idle, 600_000)
    };
    let round = PlannedLoad {
        window_us: longest_us(&load),
        ..load.clone()
    };
    let plan = Plan::of_one_thread(1);
    assert!(round.window_us > load.window_us);
    assert_eq!(plan.interval_us(&round), plan.interval_us(&load));
}

#[test]
fn each_block_has_a_seed_of_its_own() {
    let plan = Plan::of_one_thread(7);
    assert_eq!(
        [1, 2].map(|block| plan.schedule_seed(block)),
        [7_001, 7_002]
    );
}

#[test]
fn the_server_has_its_cpus_alone_where_nobody_else_of_the_run_may_be_there() {
    let alone = |server: &[usize], client: &[usize], others| {
        let plan = Plan {
            server_cpus: server.to_vec(),
            client_cpus: client.to_vec(),
            others,
            ..Plan::of_one_thread(1)
        };
        plan.cpus_of_the_server_alone().to_vec()
    };
    assert_eq!(alone(&[0, 1], &[2], None), [0, 1]);
    assert_eq!(alone(&[0, 1], &[1, 2], None), NONE);
    assert_eq!(
        alone(&[0, 1], &[], None),
        NONE,
        "the generator may be anywhere"
    );
    assert_eq!(alone(&[0, 1], &[], elsewhere(false)), [0, 1]);
    assert_eq!(alone(&[0, 1], &[], elsewhere(true)), NONE);
    let relay = |backend: &[usize]| {
        let plan = Plan {
            workload: Workload::Relay,
            server_cpus: vec![0],
            client_cpus: vec![1],
            backend_cpus: backend.to_vec(),
            ..Plan::of_one_thread(1)
        };
        plan.cpus_of_the_server_alone().to_vec()
    };
    assert_eq!(relay(&[1]), [0]);
    assert_eq!(relay(&[0]), NONE);
    assert_eq!(relay(&[]), NONE, "the backend may be anywhere");
}

#[test]
fn a_report_has_what_was_planned() {
    let plan = Plan {
        models: vec!["a".to_owned()],
        blocks: 3,
        ..Plan::of_one_thread(7)
    };
    let report = plan.to_report();
    assert_eq!(
        (report.models, report.blocks, report.seed),
        (vec!["a".to_owned()], 3, 7)
    );
    assert_eq!(
        (report.wire.as_str(), report.workload.as_str()),
        ("framed", "echo")
    );
    assert_eq!(report.source_network, "127.0.0.0/8");
    let towards = |source_addresses| {
        let plan = Plan {
            source: Source::Towards([192, 0, 2, 1].into()),
            source_addresses,
            others: elsewhere(false),
            ..Plan::of_one_thread(1)
        };
        plan.to_report().source_network
    };
    assert_eq!(towards(2), "each host, in the servers' network");
    assert_eq!(towards(1), "each host, by the kernel's choice");
}
