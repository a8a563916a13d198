//! Which CPUs the servers of a ladder of threads have.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use plan::{decide, host::Host, notes::notes, others::Others};
use protocol::wire::Wire;
use request::{Contestants, Request, options::Options};

fn of_two(options: &Options) -> Request {
    let contestants = Contestants {
        names: vec!["a".to_owned(), "b".to_owned()],
        addresses: Vec::new(),
        wire: Wire::Framed,
        message_bytes: None,
    };
    Request::resolve(options, None, contestants, 1).unwrap()
}

#[test]
fn a_server_of_few_threads_has_few_cpus_each_of_a_core_of_its_own() {
    let host = Host {
        cpus: (0..8).collect(),
        siblings: (0..4).map(|cpu| vec![cpu, cpu + 4]).collect(),
        ..Host::default()
    };
    let options = Options {
        server_threads: vec![1, 2, 4],
        ..Options::default()
    };
    let plan = decide(of_two(&options), &host).unwrap();
    assert_eq!(plan.server_cpus, [0, 1, 4, 5]);
    assert_eq!(plan.client_cpus, [2, 6, 3, 7]);
    let cpus = |threads| plan.at_threads(Some(threads)).server_cpus;
    assert_eq!((cpus(1), cpus(2)), (vec![0], vec![0, 1]));
    assert_eq!(plan.at_threads(None), plan);
    let said = notes(&plan, &host).join("\n");
    assert!(said.contains("from 3 threads on"), "{said}");
    let narrow = Host {
        cpus: vec![0, 1],
        ..Host::default()
    };
    let plan = decide(of_two(&options), &narrow).unwrap();
    let said = notes(&plan, &narrow).join("\n");
    assert!(
        said.contains("up to 4 threads of a server have 1 CPU(s)"),
        "{said}"
    );
}

/// With processes there are as many CPUs as all of their threads; a single number is no ladder, and leaves
/// the CPUs as they are.
#[test]
fn a_ladder_takes_as_many_cpus_as_its_top_has_threads() {
    let host = Host {
        cpus: (0..16).collect(),
        ..Host::default()
    };
    let cpus = |threads: &[u32], host: &Host| {
        let options = Options {
            server_threads: threads.to_vec(),
            server_processes: Some(2),
            ..Options::default()
        };
        let plan = decide(of_two(&options), host).unwrap();
        let said = notes(&plan, host).join("\n");
        (
            plan.server_cpus.len(),
            said.contains("threads of a server have"),
        )
    };
    assert_eq!(cpus(&[1, 3], &host), (6, false));
    assert_eq!(cpus(&[3], &host), (8, false));
    let narrow = Host {
        cpus: (0..10).collect(),
        ..Host::default()
    };
    assert_eq!(cpus(&[1, 3], &narrow), (5, true));
}

#[test]
fn generators_elsewhere_have_the_threads_of_their_own_machines() {
    let client_threads = |shares_cpus| {
        let host = Host {
            cpus: (0..4).collect(),
            others: Some(Others {
                machines: 2,
                cpus: 12,
                open_files_max: None,
                ports: None,
                shares_cpus,
                addresses: Vec::new(),
            }),
            ..Host::default()
        };
        let options = Options {
            client_processes: Some(2),
            ..Options::default()
        };
        decide(of_two(&options), &host).unwrap().client_threads
    };
    assert_eq!(client_threads(false), 12);
    assert_eq!(client_threads(true), 1);
}

#[test]
fn a_cpu_that_may_not_be_used_is_refused_with_those_that_may() {
    let host = Host {
        cpus: vec![0, 2, 3],
        ..Host::default()
    };
    for (server_cpus, client_cpus, flag) in [
        (vec![2, 9], vec![], "--server-cpus 9"),
        (vec![], vec![1], "--client-cpus 1"),
    ] {
        let options = Options {
            server_cpus,
            client_cpus,
            ..Options::default()
        };
        let said = decide(of_two(&options), &host).unwrap_err().to_string();
        assert_eq!(
            said,
            format!("{flag}: this process may run on CPUs 0,2,3 only")
        );
    }
}
