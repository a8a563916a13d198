//! Which loads a run has, and over what: connections, rates, windows.

use super::scenario::{Capacity, Closed, Idle, Ladder, Scenario, Scheduled, Seconds};
use crate::{
    cli::{LoadArg, Rate, RunArgs},
    usage::usage,
};
use protocol::client::Workload;
use report::{
    run::PlannedLoad,
    trial::{Arrivals, Load},
};

/// Connections of the idle ladder's top, of closed and open load, and of churn at a time, if
/// nobody says otherwise.
pub(crate) const IDLE_CONNECTIONS: u32 = 10_000;
pub(crate) const LOADED_CONNECTIONS: u32 = 100;
const CHURN_CONNECTIONS: u32 = 1_000;

/// Of the ladder for memory.
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

/// Unless the scenario or the command line says otherwise.
const ARRIVALS: Arrivals = Arrivals::Poisson;
const DEADLINE: Seconds = Seconds(5.0);
const WARM_UP_MAX: Seconds = Seconds(5.0);

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

/// The loads of a run of so many models. What the command line says goes before what the scenario
/// says.
///
/// # Errors
/// Options that don't fit each other, with the way out.
pub(super) fn loads(
    args: &RunArgs,
    scenario: Scenario,
    models: usize,
) -> anyhow::Result<Vec<PlannedLoad>> {
    check(args, &scenario)?;
    let scenario = match args.connections {
        Some(connections) => scenario.scaled_to(connections),
        None => scenario,
    };
    let with_peak = !scenario.closed.is_empty();
    let mut loads: Vec<PlannedLoad> = Vec::new();
    loads.extend(scenario.idle.iter().map(|load| idle(args, load)));
    loads.extend(
        scenario
            .closed
            .iter()
            .map(|load| closed(args, load, models)),
    );
    for (wanted, make) in [
        (&scenario.open, open_load as fn(_, _) -> _),
        (&scenario.churn, churn_load as fn(_, _) -> _),
    ] {
        for load in wanted {
            let (arrivals, deadline_us) = arrivals(args, load);
            let kind = make(arrivals, deadline_us);
            loads.push(scheduled(args, load, kind, models, with_peak)?);
        }
    }
    for load in &scenario.capacity {
        loads.push(capacity(args, load)?);
    }
    Ok(loads)
}

/// The scenario that the command line alone asks for.
pub(super) fn of_command_line(args: &RunArgs) -> Scenario {
    let discards = args.workload == Some(Workload::Discard);
    let wanted = match (args.load.as_slice(), discards) {
        ([], false) => &[LoadArg::Idle, LoadArg::Closed, LoadArg::Open][..],
        ([], true) => &[LoadArg::Idle, LoadArg::Closed],
        (wanted, _) => wanted,
    };
    let times = |load| usize::from(wanted.contains(&load));
    Scenario {
        idle: vec![Idle::default(); times(LoadArg::Idle)],
        closed: vec![Closed::default(); times(LoadArg::Closed)],
        open: vec![Scheduled::default(); times(LoadArg::Open)],
        churn: vec![Scheduled::default(); times(LoadArg::Churn)],
        ..Scenario::default()
    }
}

fn check(args: &RunArgs, scenario: &Scenario) -> anyhow::Result<()> {
    let has_schedule = !scenario.open.is_empty() || !scenario.churn.is_empty();
    let searches = !scenario.capacity.is_empty();
    let workload = args.workload.as_ref().or(scenario.workload.as_ref());
    if workload == Some(&Workload::Discard) && (has_schedule || searches) {
        return Err(usage(
            "a discard has no reply whose time could count: --load closed tells its rate"
                .to_owned(),
        ));
    }
    if args.rate.is_some() && !has_schedule {
        return Err(usage(
            "--rate is for open and churn load: add --load open".to_owned(),
        ));
    }
    if args.slo.is_some() && !searches {
        return Err(usage(
            "--slo is the target of --scenario capacity".to_owned(),
        ));
    }
    Ok(())
}

fn capacity(args: &RunArgs, load: &Capacity) -> anyhow::Result<PlannedLoad> {
    let slo = args.slo.or(load.slo).ok_or_else(|| {
        usage("a search for the capacity needs a target: --slo 'p99<=2ms'".to_owned())
    })?;
    let connections = load.connections.or(args.connections);
    Ok(PlannedLoad {
        load: Load::Capacity {
            slo,
            arrivals: args.arrivals().or(load.arrivals).unwrap_or(ARRIVALS),
            // A rate that is too high shows soon: there is no need to wait for its queue.
            deadline_us: CAPACITY_DEADLINE_US.max(10 * slo.limit_us as u64),
        },
        connections: vec![connections.unwrap_or(LOADED_CONNECTIONS)],
        rates_per_s: Vec::new(),
        rate_share_of_peak: None,
        warm_up_us: WARM_UP_US,
        warm_up_max_us: Some(CAPACITY_WARM_UP_MAX_US),
        window_us: args
            .duration
            .or(load.window_s)
            .unwrap_or(Seconds(1.0))
            .as_us(),
    })
}

fn idle(args: &RunArgs, load: &Idle) -> PlannedLoad {
    let connections = match &load.connections {
        Some(ladder) => ladder.0.clone(),
        None => even_ladder(args.connections.unwrap_or(IDLE_CONNECTIONS)),
    };
    let top = connections.last().copied().unwrap_or(1);
    let spread_us = u64::from(top) * 1_000_000 / u64::from(IDLE_MESSAGES_PER_S);
    let interval_us = load.interval_s.map_or(spread_us, Seconds::as_us);
    let interval_us = interval_us.max(IDLE_INTERVAL_MIN_US);
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

/// Equal steps, because the slope is what counts.
fn even_ladder(top: u32) -> Vec<u32> {
    let step = |step| (u64::from(top) * step / u64::from(LADDER_STEPS)) as u32;
    let mut ladder: Vec<u32> = (1..=u64::from(LADDER_STEPS)).map(step).collect();
    ladder.retain(|&count| count > 0);
    ladder.dedup();
    ladder
}

fn closed(args: &RunArgs, load: &Closed, models: usize) -> PlannedLoad {
    PlannedLoad {
        load: Load::Closed {
            outstanding: args.outstanding.or(load.outstanding).unwrap_or(1),
        },
        connections: ladder(args, load.connections.as_ref(), LOADED_CONNECTIONS),
        rates_per_s: Vec::new(),
        rate_share_of_peak: None,
        warm_up_us: WARM_UP_US,
        warm_up_max_us: Some(warm_up_max_us(args, load.warm_up_max_s)),
        window_us: window_us(args, load.window_s, models),
    }
}

fn scheduled(
    args: &RunArgs,
    wanted: &Scheduled,
    load: Load,
    models: usize,
    with_peak: bool,
) -> anyhow::Result<PlannedLoad> {
    let churns = matches!(load, Load::Churn { .. });
    let (rates_per_s, rate_share_of_peak) = match args.rate.or(wanted.rate) {
        Some(Rate::PerSecond(rate)) => (vec![rate], None),
        Some(Rate::ShareOfPeak(_)) | None if !with_peak => {
            return Err(usage(format!(
                "--load {} alone measures no peak that a rate could be a share of: say --rate \
                 50000, or add closed to --load",
                load.word()
            )));
        }
        Some(Rate::ShareOfPeak(_)) | None if churns => {
            return Err(usage(
                "the peak is of requests, and churn opens a connection for each: say --rate 1000"
                    .to_owned(),
            ));
        }
        Some(Rate::ShareOfPeak(share)) => (Vec::new(), Some(share)),
        None => (Vec::new(), Some(RATE_SHARE)),
    };
    let connections = if churns {
        CHURN_CONNECTIONS
    } else {
        LOADED_CONNECTIONS
    };
    Ok(PlannedLoad {
        load,
        connections: ladder(args, wanted.connections.as_ref(), connections),
        rates_per_s,
        rate_share_of_peak,
        warm_up_us: WARM_UP_US,
        warm_up_max_us: Some(warm_up_max_us(args, wanted.warm_up_max_s)),
        window_us: window_us(args, wanted.window_s, models),
    })
}

fn open_load(arrivals: Arrivals, deadline_us: u64) -> Load {
    Load::Open {
        arrivals,
        deadline_us,
    }
}

fn churn_load(arrivals: Arrivals, deadline_us: u64) -> Load {
    Load::Churn {
        arrivals,
        deadline_us,
    }
}

fn arrivals(args: &RunArgs, load: &Scheduled) -> (Arrivals, u64) {
    let arrivals = args.arrivals().or(load.arrivals).unwrap_or(ARRIVALS);
    let deadline = args.deadline.or(load.deadline_s).unwrap_or(DEADLINE);
    (arrivals, deadline.as_us())
}

/// The scenario's, which has been scaled, or one step.
fn ladder(args: &RunArgs, ladder: Option<&Ladder>, default: u32) -> Vec<u32> {
    match ladder {
        Some(ladder) => ladder.0.clone(),
        None => vec![args.connections.unwrap_or(default)],
    }
}

fn warm_up_max_us(args: &RunArgs, wanted: Option<Seconds>) -> u64 {
    let longest = args.warm_up.or(wanted).unwrap_or(WARM_UP_MAX);
    longest.as_us().max(WARM_UP_US)
}

fn window_us(args: &RunArgs, wanted: Option<Seconds>, models: usize) -> u64 {
    let default = Seconds(if models > 1 { 1.5 } else { 3.0 });
    args.duration.or(wanted).unwrap_or(default).as_us()
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
