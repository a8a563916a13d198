//! Which figures decide: declared in the plan, before anything is measured.

use crate::{
    comparison::{CPU_PER_REQUEST, RESPONSE_TIME},
    run::{Plan, PlannedLoad},
    trial::Load,
};

impl Plan {
    /// Ids of the figures that decide, as comparisons have them: those that were declared, at the
    /// rate that is common to all models. In reports from before it was declared, what would be.
    pub fn primary(&self) -> Vec<String> {
        let rates = self.loads.iter().filter(|load| is_open(load));
        let lowest = rates
            .flat_map(|load| load.rates_per_s.iter().copied())
            .min_by(f64::total_cmp);
        let rate = lowest.map(|rate| format!("{rate}_per_s"));
        let known = |id: String| match (&rate, id.contains(COMMON_RATE)) {
            (Some(rate), true) => Some(id.replace(COMMON_RATE, rate)),
            (None, true) => None,
            (_, false) => Some(id),
        };
        self.declared().into_iter().filter_map(known).collect()
    }

    /// How many figures decide, measured or not: they share what error there may be.
    pub fn primary_count(&self) -> usize {
        self.declared().len()
    }

    fn declared(&self) -> Vec<String> {
        match self.primary_figures.as_slice() {
            [] => primary_figures(&self.loads),
            declared => declared.to_vec(),
        }
    }
}

/// In the id of a figure: the lowest rate of open load, which isn't known beforehand.
const COMMON_RATE: &str = "common_rate";

fn is_open(load: &PlannedLoad) -> bool {
    matches!(load.load, Load::Open { .. })
}

/// Ids of the figures that decide in a run of these loads: user memory, the rate at the top of
/// closed load's ladder, and at the top of open load's, at the rate that all models are given, CPU
/// per request and the 90th percentile of response times. Without open load CPU per request is that
/// of closed load.
///
/// Few, because they share what error there may be. Where CPU per request isn't known of the server's
/// CPUs, that of its processes takes its place; where the generator's lag isn't, response times as they
/// were measured.
pub fn primary_figures(loads: &[PlannedLoad]) -> Vec<String> {
    let ([cpu_per_request, _], [response_time, _]) = (CPU_PER_REQUEST, RESPONSE_TIME);
    let top = |is_wanted: fn(&PlannedLoad) -> bool| {
        let loads = loads.iter().filter(|load| is_wanted(load));
        loads.map(PlannedLoad::connections_max).max()
    };
    let mut figures = Vec::new();
    if top(|load| matches!(load.load, Load::Idle { .. })).is_some() {
        figures.push("memory.user_bytes_per_connection".to_owned());
    }
    let open = top(is_open);
    if let Some(top) = top(|load| matches!(load.load, Load::Closed { .. })) {
        figures.push(format!("closed.{top}_connections.rate_per_s"));
        if open.is_none() {
            figures.push(format!("closed.{top}_connections.{cpu_per_request}"));
        }
    }
    if let Some(top) = open {
        let at = format!("open.{top}_connections.{COMMON_RATE}");
        figures.push(format!("{at}.{cpu_per_request}"));
        figures.push(format!("{at}.{response_time}.p90"));
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Arrivals;

    fn planned(load: Load, connections: &[u32], rates_per_s: &[f64]) -> PlannedLoad {
        PlannedLoad {
            load,
            connections: connections.to_vec(),
            rates_per_s: rates_per_s.to_vec(),
            rate_share_of_peak: None,
            warm_up_us: 0,
            warm_up_max_us: None,
            window_us: 1_000_000,
            hold: None,
        }
    }

    #[test]
    fn what_decides_is_known_before_the_rate_is() {
        let open = Load::Open {
            arrivals: Arrivals::Poisson,
            deadline_us: 1,
        };
        let loads = [
            planned(Load::Idle { interval_us: 1 }, &[100, 300], &[]),
            planned(Load::Closed { outstanding: 1 }, &[50, 1_000], &[]),
            planned(open, &[100], &[]),
        ];
        let mut plan = Plan {
            primary_figures: primary_figures(&loads),
            loads: loads.to_vec(),
            ..Plan::default()
        };
        assert_eq!((plan.primary_count(), plan.primary().len()), (4, 2));
        plan.loads[2].rates_per_s = vec![200.0, 400.0];
        assert_eq!(
            plan.primary(),
            [
                "memory.user_bytes_per_connection".to_owned(),
                "closed.1000_connections.rate_per_s".to_owned(),
                "open.100_connections.200_per_s.server_cpus_us_per_request".to_owned(),
                "open.100_connections.200_per_s.prompt_response_time_us.p90".to_owned(),
            ]
        );
        // Reports from before it was declared.
        plan.primary_figures.clear();
        assert_eq!(plan.primary().len(), 4);
        let closed = primary_figures(&loads[1..2]);
        assert!(closed[1].ends_with(CPU_PER_REQUEST[0]), "{closed:?}");
    }
}
