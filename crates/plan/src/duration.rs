//! How long a run will take, roughly: for who decides whether to wait for it.

use crate::{
    ceiling,
    plan::Plan,
    window::{ROUNDS_MIN, WARM_UP_ROUNDS_MIN},
};
use report::{run::PlannedLoad, trial::Load};

/// Of a trial: to start and stop its processes.
const START_S: f64 = 0.5;

/// Of a window: to announce it, and to read what there is to read around it.
const EDGES_S: f64 = 0.15;

/// Of a window under load: another one, in which read lag is sampled.
const SAMPLING_S: f64 = 0.5;

/// The same in open load, where it has to tell of p99.9.
const SAMPLING_OPEN_S: f64 = 1.4;

/// Connections that are opened and closed again in a second.
const CONNECTIONS_PER_S: f64 = 15_000.0;

/// What a server answers in a second when it has very many connections.
const RATE_OF_MANY_PER_S: f64 = 50_000.0;

/// Windows that a search for the capacity takes, more or less: two or three for each rate.
const CAPACITY_STEPS: f64 = 32.0;

/// Seconds of a contestant's ramp.
const RAMP_S: f64 = 7.0;

/// Rates that follow from the peaks, mostly, when there is more than one model.
const RATES_OF_SEVERAL: usize = 2;

/// Seconds of all blocks and of the ceiling, without builds.
pub(crate) fn expected_s(plan: &Plan) -> f64 {
    let models = plan.models.len();
    let block: f64 = plan.loads.iter().map(|load| trial_s(load, models)).sum();
    let waits = |load: &PlannedLoad| load.rate_share_of_peak.is_some();
    let ramp_s = if plan.loads.iter().any(waits) {
        RAMP_S
    } else {
        0.0
    };
    (block * f64::from(plan.blocks) + ramp_s) * models as f64 + ceiling_s(plan)
}

fn ceiling_s(plan: &Plan) -> f64 {
    let null = ceiling::null_trials(plan);
    let trial_s = null.map_or(0.0, |(load, _)| trial_s(load, 1));
    f64::from(ceiling::null_trials_count(plan)) * trial_s
}

fn trial_s(load: &PlannedLoad, models: usize) -> f64 {
    let counts = load.connections.iter();
    let windows: f64 = counts.map(|&count| windows_s(load, models, count)).sum();
    let held_s = load.hold.map_or(0.0, |hold| hold.length_us as f64 / 1e6);
    START_S + f64::from(load.connections_max()) / CONNECTIONS_PER_S + windows + held_s
}

/// All windows over one count of connections, with their warm-ups.
fn windows_s(load: &PlannedLoad, models: usize, connections: u32) -> f64 {
    let planned_us = load.warm_up_us + load.window_us_over(connections);
    let planned_s = planned_us as f64 / 1e6 + EDGES_S;
    match load.load {
        Load::Idle { .. } => planned_s,
        Load::Closed { .. } => {
            let round_s = load.round(connections).unwrap_or(0) as f64 / RATE_OF_MANY_PER_S;
            let rounds = WARM_UP_ROUNDS_MIN as f64 + ROUNDS_MIN;
            planned_s.max(round_s * rounds) + SAMPLING_S
        }
        Load::Capacity { .. } => CAPACITY_STEPS * planned_s,
        Load::Open { .. } | Load::Churn { .. } => {
            let rates = match load.rate_share_of_peak {
                Some(_) => models.min(RATES_OF_SEVERAL),
                None => load.rates_per_s.len(),
            };
            let sampling_s = match load.load {
                Load::Open { .. } => SAMPLING_OPEN_S,
                _ => SAMPLING_S,
            };
            rates as f64 * (planned_s + sampling_s)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::{
        run::Hold,
        slo::{Percentile, Slo},
        trial::Arrivals,
    };

    fn planned(load: Load, connections: &[u32]) -> PlannedLoad {
        PlannedLoad {
            load,
            connections: connections.to_vec(),
            rates_per_s: Vec::new(),
            rate_share_of_peak: Some(0.5),
            warm_up_us: 1_000_000,
            warm_up_max_us: None,
            window_us: 1_000_000,
            hold: None,
        }
    }

    #[test]
    fn each_count_of_connections_has_a_window_at_each_rate() {
        let open = Load::Open {
            arrivals: Arrivals::Poisson,
            deadline_us: 1,
        };
        let s = trial_s(&planned(open, &[100, 200, 500]), 5);
        assert!((21.0..23.0).contains(&s), "{s}");
        let s = trial_s(&planned(open, &[100, 200, 500]), 1);
        assert!((11.0..12.0).contains(&s), "{s}");
    }

    #[test]
    fn a_window_over_a_million_connections_is_as_long_as_its_rounds() {
        let closed = Load::Closed { outstanding: 1 };
        let s = trial_s(&planned(closed, &[1_000_000]), 1);
        assert!((120.0..240.0).contains(&s), "{s}");
        let s = trial_s(&planned(closed, &[1_000]), 1);
        assert!((2.5..4.0).contains(&s), "{s}");
    }

    #[test]
    fn a_run_takes_its_trials_its_ramps_and_its_ceiling() {
        let expected = |models: usize, load: PlannedLoad| {
            let plan = Plan {
                models: vec!["a".to_owned(); models],
                blocks: 3,
                loads: vec![load],
                ..Plan::of_one_thread(1)
            };
            (expected_s(&plan) * 100.0).round() / 100.0
        };
        let fixed = |load, connections: &[u32]| PlannedLoad {
            rate_share_of_peak: None,
            ..planned(load, connections)
        };
        let idle = Load::Idle { interval_us: 1 };
        // To start, to connect, a warm-up and a window of a second each with its edges.
        assert_eq!(expected(1, fixed(idle, &[1_500])), 3.0 * 2.75);
        assert_eq!(expected(2, fixed(idle, &[1_500])), 2.0 * 3.0 * 2.75);
        let held = PlannedLoad {
            hold: Some(Hold {
                length_us: 60_000_000,
                replaced_share: 0.0,
            }),
            ..fixed(idle, &[1_500])
        };
        assert_eq!(expected(1, held), 3.0 * 62.75);
        // Of the null server two trials in the first block, then one in each.
        let closed = Load::Closed { outstanding: 1 };
        assert_eq!(expected(1, fixed(closed, &[1_500])), (3.0 + 4.0) * 3.25);
        // Some thirty windows of a search.
        let capacity = Load::Capacity {
            slo: Slo {
                percentile: Percentile::P99,
                limit_us: 1.0,
            },
            arrivals: Arrivals::Poisson,
            deadline_us: 1,
        };
        assert_eq!(expected(1, fixed(capacity, &[1_500])), 208.2);
        // Two rates, which follow from a ramp of each.
        let open = Load::Open {
            arrivals: Arrivals::Poisson,
            deadline_us: 1,
        };
        assert_eq!(
            expected(2, planned(open, &[1_500])),
            2.0 * (3.0 * 7.7 + 7.0)
        );
        let s = trial_s(&fixed(closed, &[1_000_000]), 1);
        assert!((s - (0.5 + 66.667 + 130.5)).abs() < 0.01, "{s}");
    }
}
