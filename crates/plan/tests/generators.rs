//! What generator processes are told of a plan.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use plan::{
    Plan,
    generators::{closes_in_order, generator_plans},
    others::{Others, OwnAddress},
};
use protocol::{client::Workload, generator};
use report::{
    run::PlannedLoad,
    trial::{Arrivals, Load},
};
use request::network::Source;
use std::net::{Ipv4Addr, SocketAddr};

fn over(load: Load, connections: u32) -> PlannedLoad {
    PlannedLoad {
        load,
        connections: vec![connections],
        rates_per_s: Vec::new(),
        rate_share_of_peak: None,
        warm_up_us: 0,
        warm_up_max_us: None,
        window_us: 1_000_000,
        hold: None,
    }
}

fn plans(plan: &Plan, load: Load) -> Vec<generator::Plan> {
    let target: SocketAddr = "127.0.0.1:1".parse().unwrap();
    generator_plans(plan, &over(load, 1_000), &target.into(), 7)
}

/// Two processes of two threads, on CPUs of their own.
fn plan() -> Plan {
    Plan {
        workload: "cpu:1000".parse().unwrap(),
        server_cpus: vec![0],
        client_cpus: vec![1, 2, 3, 4],
        client_processes: 2,
        client_threads: 2,
        source_addresses: 2,
        ..Plan::of_one_thread(1)
    }
}

const CLOSED: Load = Load::Closed { outstanding: 3 };
const OPEN: Load = Load::Open {
    arrivals: Arrivals::Uniform,
    deadline_us: 77,
};

#[test]
fn each_process_knows_its_place_among_all() {
    let all = plans(&plan(), CLOSED);
    let places: Vec<_> = all.iter().map(|of| (of.process, of.processes)).collect();
    assert_eq!(places, [(0, 2), (1, 2)]);
    for of in &all {
        assert_eq!((of.threads, of.connections_max), (2, 1_000));
        assert_eq!(of.cpus, [1, 2, 3, 4]);
        let sources = of.sources.as_ref().unwrap();
        let addresses: Vec<_> = sources.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["127.0.0.1", "127.0.0.2"]);
        assert_eq!(sources.numbers_each, plan().connections_per_source);
    }
}

#[test]
fn idle_connections_are_asked_for_no_work_and_late_replies_are_waited_for() {
    let of = |load| plans(&plan(), load).remove(0);
    let idle = of(Load::Idle { interval_us: 5 });
    assert_eq!(idle.workload, Workload::Echo);
    assert_eq!(idle.load, generator::Load::Idle { interval_us: 5 });
    let closed = of(CLOSED);
    assert_eq!(closed.workload, plan().workload);
    assert_eq!(closed.load, generator::Load::Closed { outstanding: 3 });
    // Five seconds, and 50 us for each connection.
    assert_eq!(closed.reply_deadline_us, 5_050_000);
    assert_eq!(of(OPEN).reply_deadline_us, 77);
    assert!(closes_in_order(2_000) && !closes_in_order(2_001));
    // Who asks a relay asks its backend for echoes.
    let relay = Plan {
        workload: Workload::Relay,
        ..plan()
    };
    assert_eq!(plans(&relay, CLOSED).remove(0).workload, Workload::Echo);
}

#[test]
fn connections_come_from_addresses_that_reach_the_server() {
    let server: SocketAddr = "192.0.2.1:1".parse().unwrap();
    let sources = |source, source_addresses| {
        let own = |last| OwnAddress {
            address: Ipv4Addr::new(192, 0, 2, last),
            prefix: 24,
        };
        let plan = Plan {
            source,
            source_addresses,
            others: Some(Others {
                machines: 2,
                cpus: 1,
                open_files_max: None,
                ports: None,
                shares_cpus: false,
                addresses: vec![vec![own(10), own(11)], vec![own(20), own(21)]],
            }),
            ..plan()
        };
        let all = generator_plans(&plan, &over(CLOSED, 1_000), &server.into(), 7);
        let sources = all.into_iter().map(|of| {
            let of = of.sources?;
            assert_eq!(of.numbers_each, 2 * plan.connections_per_source);
            let last = of.addresses.iter().map(|address| address.octets()[3]);
            Some(last.collect::<Vec<u8>>())
        });
        sources.collect::<Vec<_>>()
    };
    let towards = Source::Towards(server.ip());
    assert_eq!(
        sources(towards, 2),
        [Some(vec![10, 11]), Some(vec![20, 21])]
    );
    assert_eq!(sources(towards, 1), [None, None], "the kernel's choice");
    assert_eq!(sources(Source::LOOPBACK, 2), [None, None]);
}

#[test]
fn a_generator_polls_where_each_of_its_threads_has_a_cpu_of_its_own() {
    let polls = |plan: &Plan| match plans(plan, OPEN).remove(0).load {
        generator::Load::Open(schedule) => {
            assert_eq!(
                (schedule.seed, schedule.arrivals),
                (7, generator::Arrivals::Uniform)
            );
            schedule.busy_poll
        }
        other => panic!("{other:?}"),
    };
    assert!(polls(&plan()));
    let on = |server_cpus: &[usize], client_cpus: &[usize]| Plan {
        server_cpus: server_cpus.to_vec(),
        client_cpus: client_cpus.to_vec(),
        ..plan()
    };
    assert!(!polls(&on(&[0], &[1, 2, 3])), "four threads on three CPUs");
    assert!(
        !polls(&on(&[0, 4], &[1, 2, 3, 4])),
        "one is the server's, too"
    );
    assert!(
        !polls(&on(&[], &[1, 2, 3, 4])),
        "the server may be anywhere"
    );
    let of_three = |client_cpus: &[usize]| Plan {
        client_processes: 3,
        ..on(&[0], client_cpus)
    };
    assert!(!polls(&of_three(&[1, 2, 3, 4, 5])));
    assert!(polls(&of_three(&[1, 2, 3, 4, 5, 6])));
    // Of four processes two are on each of the other machines, whatever CPUs are the server's.
    let elsewhere = |cpus| Plan {
        others: Some(Others {
            machines: 2,
            cpus,
            open_files_max: None,
            ports: None,
            shares_cpus: false,
            addresses: Vec::new(),
        }),
        client_threads: 3,
        client_processes: 4,
        ..on(&[1], &[1])
    };
    assert!(polls(&elsewhere(6)));
    assert!(!polls(&elsewhere(5)));
}
