//! Where a relay's backend runs, and what a relay takes.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use plan::{Plan, decide, host::Host, others::Others};
use protocol::{client::Workload, wire::Wire};
use request::{Contestants, Request, options::Options};

/// CPUs of the server, of the generator and of the backend, of a host with so many.
fn placed(cpus: usize, options: &Options, others: Option<Others>) -> Plan {
    let options = Options {
        workload: Some(Workload::Relay),
        ..options.clone()
    };
    let nobody = Contestants {
        names: Vec::new(),
        addresses: Vec::new(),
        wire: Wire::Raw,
        message_bytes: None,
    };
    let host = Host {
        cpus: (0..cpus).collect(),
        ports: Some(28_232),
        others,
        ..Host::default()
    };
    decide(Request::resolve(&options, None, nobody, 1).unwrap(), &host).unwrap()
}

#[test]
fn a_backend_takes_nothing_from_the_server() {
    let of = |cpus, server: &[usize], client: &[usize]| {
        let options = Options {
            server_cpus: server.to_vec(),
            client_cpus: client.to_vec(),
            ..Options::default()
        };
        let plan = placed(cpus, &options, None);
        let alone = plan.cpus_of_the_server_alone().to_vec();
        assert!(alone.is_empty() || alone == plan.server_cpus);
        (plan.client_cpus, plan.backend_cpus, alone)
    };
    assert_eq!(of(2, &[], &[]), (vec![1], vec![1], vec![0]));
    assert_eq!(of(3, &[], &[]), (vec![2], vec![1], vec![0]));
    assert_eq!(of(8, &[], &[]), (vec![6, 7], vec![4, 5], vec![0, 1, 2, 3]));
    assert_eq!(of(4, &[0], &[1]), (vec![1], vec![2, 3], vec![0]));
    assert_eq!(of(2, &[0], &[1]), (vec![1], vec![1], vec![0]));
    // On a single CPU nobody is alone.
    assert_eq!(of(1, &[], &[]), (vec![0], vec![0], vec![]));
}

#[test]
fn beside_generators_elsewhere_it_has_half_of_the_servers_cpus() {
    let elsewhere = Others {
        machines: 2,
        cpus: 4,
        open_files_max: None,
        ports: None,
        shares_cpus: false,
        addresses: Vec::new(),
    };
    let place = |cpus| {
        let plan = placed(cpus, &Options::default(), Some(elsewhere.clone()));
        (
            plan.server_cpus.clone(),
            plan.backend_cpus.clone(),
            !plan.cpus_of_the_server_alone().is_empty(),
        )
    };
    assert_eq!(place(4), (vec![0, 1], vec![2, 3], true));
    assert_eq!(place(1), (vec![0], vec![], false));
}

#[test]
fn a_relay_holds_two_files_for_a_client_and_has_ports_of_one_address() {
    let host = Host {
        cpus: vec![0, 1],
        open_files_max: Some(10_100),
        ports: Some(28_232),
        ..Host::default()
    };
    let asked = |workload, connections| {
        let options = Options {
            workload: Some(workload),
            connections: Some(connections),
            ..Options::default()
        };
        let nobody = Contestants {
            names: Vec::new(),
            addresses: Vec::new(),
            wire: Wire::Framed,
            message_bytes: None,
        };
        decide(Request::resolve(&options, None, nobody, 1).unwrap(), &host)
    };
    let processes = |workload| asked(workload, 9_000).unwrap().server_processes;
    assert_eq!(processes(Workload::Echo), 1);
    assert!(processes(Workload::Relay) > 1);
    let refused = asked(Workload::Relay, 30_000).unwrap_err().to_string();
    assert!(refused.contains("--connections 28232"), "{refused}");
    assert!(asked(Workload::Echo, 30_000).is_ok());
}
