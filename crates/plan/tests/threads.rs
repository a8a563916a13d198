//! Which CPUs the servers of a ladder of threads have.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use plan::{decide, host::Host, notes::notes};
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
