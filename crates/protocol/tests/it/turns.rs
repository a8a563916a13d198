//! Connections are dealt to processes and their threads.

use protocol::generator::{Plan, Sources, Turns};
use std::net::{Ipv4Addr, SocketAddr};

#[test]
fn each_connection_belongs_to_one_thread_of_one_process() {
    let total = 50;
    for (processes, threads) in [(1, 1), (1, 3), (4, 1), (3, 2), (2, 5)] {
        let mut dealt = Vec::new();
        for process in 0..processes {
            let plan = Plan {
                threads,
                process,
                processes,
                ..Plan::least(SocketAddr::from(([127, 0, 0, 1], 1)))
            };
            let numbers = |turns: Turns| {
                let count = u32::try_from(turns.count(total.into())).unwrap();
                (0..count).map(move |index| turns.number(index))
            };
            let mut of_threads: Vec<u32> = (0..threads)
                .flat_map(|thread| numbers(plan.turns_of_thread(thread)))
                .collect();
            of_threads.sort_unstable();
            assert!(numbers(plan.turns()).eq(of_threads.iter().copied()));
            dealt.extend(of_threads);
        }
        dealt.sort_unstable();
        assert!(dealt.into_iter().eq(0..total), "{processes} x {threads}");
    }
}

#[test]
fn a_plan_without_addresses_leaves_the_source_open() {
    let sources = |addresses| Sources {
        addresses,
        numbers_each: 0,
    };
    assert_eq!(sources(Vec::new()).of(7), None);
    let all = [1, 2, 3].map(|last| Ipv4Addr::new(127, 0, 0, last));
    assert_eq!(sources(all.to_vec()).of(7), Some(all[1]));
    let each = Sources {
        addresses: all.to_vec(),
        numbers_each: 2,
    };
    let of: Vec<usize> = (0..8)
        .map(|number| {
            all.iter()
                .position(|a| Some(*a) == each.of(number))
                .unwrap()
        })
        .collect();
    assert_eq!(of, [0, 0, 1, 1, 2, 2, 0, 0]);
}
