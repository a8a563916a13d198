//! How long windows are.

use plan::window::{longest_us, window_us};
use report::{
    run::{Hold, PlannedLoad},
    trial::Load,
};

fn planned(load: Load) -> PlannedLoad {
    PlannedLoad {
        load,
        connections: vec![1_000],
        rates_per_s: Vec::new(),
        rate_share_of_peak: None,
        warm_up_us: 1_000_000,
        warm_up_max_us: None,
        window_us: 3_000_000,
        hold: None,
    }
}

/// Four and a half rounds over all connections, with each request outstanding, and five minutes at most.
#[test]
fn a_window_of_closed_load_holds_several_rounds() {
    let length = |outstanding, rate_per_s| {
        let closed = planned(Load::Closed { outstanding });
        window_us(&closed, 1_000, rate_per_s)
    };
    assert_eq!(length(1, Some(100_000.0)), 3_000_000);
    assert_eq!(length(1, Some(1_000.0)), 4_500_000);
    assert_eq!(length(2, Some(1_000.0)), 9_000_000);
    assert_eq!(length(1, Some(0.5)), 300_000_000);
    // Nobody knows how long a round takes.
    assert_eq!(length(1, None), 3_000_000);
    assert_eq!(length(1, Some(0.0)), 3_000_000);
}

/// An hour in 60 rounds of a minute, a day in 120 of twelve.
#[test]
fn a_round_of_connections_that_are_held_is_longer_where_there_would_be_too_many() {
    let longest = |length_us| {
        let mut idle = planned(Load::Idle {
            interval_us: 1_000_000,
        });
        idle.window_us = 60_000_000;
        idle.hold = Some(Hold {
            length_us,
            replaced_share: 0.0,
        });
        longest_us(&idle)
    };
    assert_eq!(longest(3_600_000_000), 60_000_000);
    assert_eq!(longest(86_400_000_000), 720_000_000);
}
