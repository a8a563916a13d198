//! Which loads a run has, and over what: connections, rates, windows.

use crate::{
    cli::{ArrivalsArg, LoadArg, Rate, RunArgs, ScenarioArg},
    usage::usage,
};
use protocol::client::Workload;
use report::{
    run::PlannedLoad,
    slo::Slo,
    trial::{Arrivals, Load},
};

/// Connections of the idle ladder's top, of closed and open load, and of churn at a time, if
/// nobody says otherwise.
pub(crate) const IDLE_CONNECTIONS: u32 = 10_000;
pub(crate) const LOADED_CONNECTIONS: u32 = 100;
const CHURN_CONNECTIONS: u32 = 1_000;

/// The ladder for memory: equal steps, because its slope is what counts.
const LADDER_STEPS: u32 = 3;

/// At most so many messages a second over all connections, so that idle stays idle.
const IDLE_MESSAGES_PER_S: u32 = 20_000;
const IDLE_INTERVAL_MIN_US: u64 = 500_000;

/// Every connection has its turn once in an interval. The window is longer by this, in percent,
/// so that a reply that comes late at its edge doesn't make a connection look forgotten.
const IDLE_WINDOW_PERCENT: u64 = 120;

/// The end of a warm-up is looked for from here on: `stats::is_steady` needs a second's worth
/// of intervals.
const WARM_UP_US: u64 = 1_000_000;

/// Open load runs at this share of the peak.
const RATE_SHARE: f64 = 0.7;

/// Rates of a comparison, from the one for the slowest model to the one for the fastest.
const RATES_MAX: u32 = 3;

/// Rates closer than this are one.
const RATES_APART: f64 = 1.3;

/// A search has many windows, most of them not at the limit.
const CAPACITY_DEADLINE_US: u64 = 500_000;
const CAPACITY_WARM_UP_MAX_US: u64 = 2_000_000;

/// A model isn't given a rate beyond this share of its own peak: it would only queue.
const PEAK_SHARE_MAX: f64 = 0.8;

/// The loads of a run of so many models.
///
/// # Errors
/// Options that don't fit each other, with the way out.
pub(super) fn loads(args: &RunArgs, models: usize) -> anyhow::Result<Vec<PlannedLoad>> {
    let discards = args.workload == Workload::Discard;
    let wanted = match (args.load.as_slice(), discards) {
        ([], false) => &[LoadArg::Idle, LoadArg::Closed, LoadArg::Open][..],
        ([], true) => &[LoadArg::Idle, LoadArg::Closed],
        (wanted, _) => wanted,
    };
    let has = |load| wanted.contains(&load);
    if discards && (has(LoadArg::Open) || has(LoadArg::Churn) || args.scenario.is_some()) {
        return Err(usage(
            "a discard has no reply whose time could count: --load closed tells its rate"
                .to_owned(),
        ));
    }
    if let Some(slo) = capacity_slo(args)? {
        return Ok(vec![capacity(args, slo)]);
    }
    let mut loads = Vec::new();
    if has(LoadArg::Idle) {
        loads.push(idle(args));
    }
    if has(LoadArg::Closed) {
        loads.push(closed(args, models));
    }
    for (wanted, load) in [
        (LoadArg::Open, open_load(args)),
        (LoadArg::Churn, churn_load(args)),
    ] {
        if has(wanted) {
            loads.push(scheduled(args, models, load, has(LoadArg::Closed))?);
        }
    }
    if args.rate.is_some() && !loads.iter().any(|load| load.load.is_scheduled()) {
        return Err(usage(
            "--rate is for open and churn load: add --load open".to_owned(),
        ));
    }
    Ok(loads)
}

/// The target, if the capacity is wanted.
fn capacity_slo(args: &RunArgs) -> anyhow::Result<Option<Slo>> {
    match (args.scenario, args.slo) {
        (None, None) => Ok(None),
        (Some(ScenarioArg::Capacity), Some(slo)) => Ok(Some(slo)),
        (Some(ScenarioArg::Capacity), None) => Err(usage(
            "--scenario capacity needs a target: --slo 'p99<=2ms'".to_owned(),
        )),
        (None, Some(_)) => Err(usage(
            "--slo is the target of --scenario capacity".to_owned(),
        )),
    }
}

fn capacity(args: &RunArgs, slo: Slo) -> PlannedLoad {
    let (arrivals, _) = arrivals(args);
    PlannedLoad {
        load: Load::Capacity {
            slo,
            arrivals,
            // A rate that is too high shows soon: there is no need to wait for its queue.
            deadline_us: CAPACITY_DEADLINE_US.max(10 * slo.limit_us as u64),
        },
        connections: vec![args.connections.unwrap_or(LOADED_CONNECTIONS)],
        rates_per_s: Vec::new(),
        rate_share_of_peak: None,
        warm_up_us: WARM_UP_US,
        warm_up_max_us: Some(CAPACITY_WARM_UP_MAX_US),
        window_us: (args.duration.unwrap_or(1.0) * 1e6) as u64,
    }
}

fn idle(args: &RunArgs) -> PlannedLoad {
    let top = args.connections.unwrap_or(IDLE_CONNECTIONS);
    let spread_us = u64::from(top) * 1_000_000 / u64::from(IDLE_MESSAGES_PER_S);
    let interval_us = spread_us.max(IDLE_INTERVAL_MIN_US);
    let mut connections: Vec<u32> = (1..=u64::from(LADDER_STEPS))
        .map(|step| (u64::from(top) * step / u64::from(LADDER_STEPS)) as u32)
        .filter(|&count| count > 0)
        .collect();
    connections.dedup();
    PlannedLoad {
        load: Load::Idle { interval_us },
        connections,
        rates_per_s: Vec::new(),
        rate_share_of_peak: None,
        warm_up_us: 0,
        warm_up_max_us: None,
        window_us: interval_us * IDLE_WINDOW_PERCENT / 100,
    }
}

fn closed(args: &RunArgs, models: usize) -> PlannedLoad {
    PlannedLoad {
        load: Load::Closed {
            outstanding: args.outstanding,
        },
        connections: vec![args.connections.unwrap_or(LOADED_CONNECTIONS)],
        rates_per_s: Vec::new(),
        rate_share_of_peak: None,
        warm_up_us: WARM_UP_US,
        warm_up_max_us: Some(warm_up_max_us(args)),
        window_us: window_us(args, models),
    }
}

fn scheduled(
    args: &RunArgs,
    models: usize,
    load: Load,
    with_peak: bool,
) -> anyhow::Result<PlannedLoad> {
    let (rates_per_s, rate_share_of_peak) = match args.rate {
        Some(Rate::PerSecond(rate)) => (vec![rate], None),
        Some(Rate::ShareOfPeak(_)) | None if !with_peak => {
            return Err(usage(format!(
                "--load {} alone measures no peak that a rate could be a share of: say --rate \
                 50000, or add closed to --load",
                load.word()
            )));
        }
        Some(Rate::ShareOfPeak(_)) | None if matches!(load, Load::Churn { .. }) => {
            return Err(usage(
                "the peak is of requests, and churn opens a connection for each: say --rate 1000"
                    .to_owned(),
            ));
        }
        Some(Rate::ShareOfPeak(share)) => (Vec::new(), Some(share)),
        None => (Vec::new(), Some(RATE_SHARE)),
    };
    let connections = match load {
        Load::Churn { .. } => CHURN_CONNECTIONS,
        _ => LOADED_CONNECTIONS,
    };
    Ok(PlannedLoad {
        load,
        connections: vec![args.connections.unwrap_or(connections)],
        rates_per_s,
        rate_share_of_peak,
        warm_up_us: WARM_UP_US,
        warm_up_max_us: Some(warm_up_max_us(args)),
        window_us: window_us(args, models),
    })
}

fn open_load(args: &RunArgs) -> Load {
    let (arrivals, deadline_us) = arrivals(args);
    Load::Open {
        arrivals,
        deadline_us,
    }
}

fn churn_load(args: &RunArgs) -> Load {
    let (arrivals, deadline_us) = arrivals(args);
    Load::Churn {
        arrivals,
        deadline_us,
    }
}

fn arrivals(args: &RunArgs) -> (Arrivals, u64) {
    let arrivals = match args.arrivals {
        ArrivalsArg::Poisson => Arrivals::Poisson,
        ArrivalsArg::Uniform => Arrivals::Uniform,
    };
    (arrivals, (args.deadline * 1e6) as u64)
}

fn warm_up_max_us(args: &RunArgs) -> u64 {
    ((args.warm_up * 1e6) as u64).max(WARM_UP_US)
}

fn window_us(args: &RunArgs, models: usize) -> u64 {
    let default_s = if models > 1 { 1.5 } else { 3.0 };
    (args.duration.unwrap_or(default_s) * 1e6) as u64
}

/// The rates that all models are given: a share of the slowest peak, then up to the same share
/// of the fastest. Three digits: they are read by people.
pub(crate) fn rates_of(share: f64, peaks_per_s: &[f64]) -> Vec<f64> {
    let peaks = peaks_per_s.iter().copied();
    let (Some(slowest), Some(fastest)) = (
        peaks.clone().min_by(f64::total_cmp),
        peaks.max_by(f64::total_cmp),
    ) else {
        return Vec::new();
    };
    let ratio = (fastest / slowest).max(1.0);
    let steps = (ratio.ln() / RATES_APART.ln()).floor() as u32;
    let steps = steps.min(RATES_MAX - 1);
    let mut rates: Vec<f64> = (0..=steps)
        .map(|step| slowest * ratio.powf(f64::from(step) / f64::from(steps.max(1))) * share)
        .map(three_digits)
        .collect();
    rates.dedup();
    rates
}

/// Of these rates the ones that a model with this peak can follow; always the lowest.
pub(crate) fn rates_within(rates_per_s: &[f64], peak_per_s: f64) -> Vec<f64> {
    let can_follow = |rate: f64| rate <= PEAK_SHARE_MAX * peak_per_s;
    let mut rates = rates_per_s.iter().copied().enumerate();
    let kept = rates
        .by_ref()
        .filter(|&(i, rate)| i == 0 || can_follow(rate));
    kept.map(|(_, rate)| rate).collect()
}

fn three_digits(value: f64) -> f64 {
    let unit = 10_f64.powf((value.log10().floor() - 2.0).max(0.0));
    ((value / unit).floor() * unit).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_models_get_rates_from_the_slowest_to_the_fastest() {
        assert_eq!(rates_of(0.7, &[]), [] as [f64; 0]);
        assert_eq!(rates_of(0.7, &[100_000.0]), [70_000.0]);
        assert_eq!(rates_of(0.5, &[100_000.0, 101_000.0]), [50_000.0]);
        assert_eq!(rates_of(0.5, &[140_000.0, 100_000.0]), [50_000.0, 70_000.0]);
        assert_eq!(
            rates_of(0.5, &[400_000.0, 100_000.0]),
            [50_000.0, 100_000.0, 200_000.0]
        );
        assert_eq!(rates_of(0.7, &[123_456.0]), [86_400.0]);
        assert_eq!(rates_of(0.7, &[3.0]), [2.0]);
    }

    #[test]
    fn a_model_is_not_driven_beyond_its_peak() {
        let rates = [50.0, 100.0, 200.0];
        assert_eq!(rates_within(&rates, 130.0), [50.0, 100.0]);
        assert_eq!(rates_within(&rates, 40.0), [50.0]);
        assert_eq!(rates_within(&rates, 1000.0), rates);
    }
}
