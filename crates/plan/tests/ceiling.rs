//! What of the null server a plan measures.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use plan::{
    Plan,
    ceiling::{NULL_ENGINES, closed_load, null_trials, null_trials_count},
    decide,
    host::Host,
};
use protocol::{client::Workload, wire::Wire};
use request::{
    Contestants, Request,
    options::{LoadKind, Options},
    scenario::Scenario,
};

/// Of two models, so of six blocks.
fn planned(wire: Wire, options: &Options, scenario: Option<&str>) -> Plan {
    let contestants = Contestants {
        names: vec!["a".to_owned(), "b".to_owned()],
        addresses: Vec::new(),
        wire,
        message_bytes: None,
    };
    let scenario = scenario.map(|text| ("x".to_owned(), Scenario::parse(text).unwrap()));
    let request = Request::resolve(options, scenario, contestants, 1).unwrap();
    let host = Host {
        cpus: vec![0, 1],
        ..Host::default()
    };
    decide(request, &host).unwrap()
}

fn closed(connections: u32, workload: Workload) -> Plan {
    let options = Options {
        connections: Some(connections),
        workload: Some(workload),
        loads: vec![LoadKind::Closed],
        ..Options::default()
    };
    planned(Wire::Framed, &options, None)
}

fn engines(plan: &Plan) -> Option<usize> {
    null_trials(plan).map(|(_, engines)| engines.len())
}

#[test]
fn echoes_are_held_against_the_null_server_on_each_engine() {
    let plan = planned(Wire::Framed, &Options::default(), None);
    let (load, engines_of) = null_trials(&plan).unwrap();
    assert_eq!(
        (load.load.word(), engines_of),
        ("closed", &NULL_ENGINES[..])
    );
    assert_eq!(closed_load(&plan), Some(load));
    // With very many connections, and of a relay, on the first alone.
    assert_eq!(engines(&closed(100_000, Workload::Echo)), Some(2));
    assert_eq!(engines(&closed(100_001, Workload::Echo)), Some(1));
    assert_eq!(engines(&closed(100, Workload::Relay)), Some(1));
}

#[test]
fn what_it_does_not_do_is_not_held_against_it() {
    let hashes = "cpu:1000".parse().unwrap();
    for plan in [
        closed(100, hashes),
        planned(Wire::Websocket, &Options::default(), None),
        planned(
            Wire::Framed,
            &Options {
                loads: vec![LoadKind::Idle],
                ..Options::default()
            },
            None,
        ),
    ] {
        assert_eq!((engines(&plan), null_trials_count(&plan)), (None, 0));
    }
}

#[test]
fn beyond_the_first_block_the_fastest_engine_of_each_count_is_enough() {
    let count = |connections: &str| {
        let text = format!("title = \"x\"\n[[closed]]\nconnections = {connections}");
        null_trials_count(&planned(Wire::Framed, &Options::default(), Some(&text)))
    };
    assert_eq!(count("100"), 2 + 5);
    assert_eq!(count("[100, 200]"), 2 + 5 * 2);
    assert_eq!(count("[100, 200, 300]"), 2 + 5 * 2);
}
