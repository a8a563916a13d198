//! Which loads a run has, and over what: connections, rates, windows. What was asked for by an option
//! goes before what the scenario says, and that before the default.

use crate::{
    apart::check_apart,
    options::{LoadKind, Options},
    rate::{DUE_MIN, Rate, shortest_window_us},
    refusal::Refusal,
    scenario::{Capacity, Closed, Idle, Ladder, Replaced, Scenario, Scheduled, Seconds},
    strays,
};
use protocol::client::Workload;
use report::{
    run::{Hold, PlannedLoad},
    trial::{Arrivals, Load},
};

/// Connections of the idle ladder's top, of closed and open load, and of churn at a time, if
/// nobody says otherwise.
pub const IDLE_CONNECTIONS: u32 = 10_000;
/// The same for closed and open load.
pub const LOADED_CONNECTIONS: u32 = 100;
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

/// A search has many windows, most of them not at the limit.
const CAPACITY_WINDOW: Seconds = Seconds(1.0);
const CAPACITY_DEADLINE_US: u64 = 500_000;
const CAPACITY_WARM_UP_MAX_US: u64 = 2_000_000;

/// What the loads of a run are resolved from.
struct Wish<'a> {
    options: &'a Options,
    scenario: &'a Scenario,
    /// Windows are shorter where several are compared.
    is_comparison: bool,
}

/// The loads of a run of so many models.
///
/// # Errors
/// Options that don't fit each other, with the way out.
pub(crate) fn loads(
    options: &Options,
    scenario: &Scenario,
    models: usize,
) -> Result<Vec<PlannedLoad>, Refusal> {
    strays::check(options, scenario)?;
    let wish = Wish {
        options,
        scenario,
        is_comparison: models > 1,
    };
    let idle = scenario.idle.iter().map(|load| wish.idle(load));
    let closed = scenario.closed.iter().map(|load| Ok(wish.closed(load)));
    let open = scenario.open.iter().map(|load| wish.open(load));
    let churn = scenario.churn.iter().map(|load| wish.churn(load));
    let capacity = scenario.capacity.iter().map(|load| wish.capacity(load));
    let all = idle.chain(closed).chain(open).chain(churn).chain(capacity);
    let loads: Vec<PlannedLoad> = all.collect::<Result<_, _>>()?;
    check_apart(&loads)?;
    Ok(loads)
}

/// The scenario that options alone ask for.
pub(crate) fn of_options(options: &Options) -> Scenario {
    let discards = options.workload == Some(Workload::Discard);
    let wanted = match (options.loads.as_slice(), discards) {
        ([], false) => &[LoadKind::Idle, LoadKind::Closed, LoadKind::Open][..],
        ([], true) => &[LoadKind::Idle, LoadKind::Closed],
        (wanted, _) => wanted,
    };
    let times = |load| usize::from(wanted.contains(&load));
    Scenario {
        idle: vec![Idle::default(); times(LoadKind::Idle)],
        closed: vec![Closed::default(); times(LoadKind::Closed)],
        open: vec![Scheduled::default(); times(LoadKind::Open)],
        churn: vec![Scheduled::default(); times(LoadKind::Churn)],
        ..Scenario::default()
    }
}

impl Wish<'_> {
    fn idle(&self, load: &Idle) -> Result<PlannedLoad, Refusal> {
        let connections = self.ladder(load.connections.as_ref(), IDLE_CONNECTIONS, LADDER_STEPS);
        let top = connections.last().copied().unwrap_or(1);
        let spread_us = u64::from(top) * 1_000_000 / u64::from(IDLE_MESSAGES_PER_S);
        // The rate of messages stays when the ladder is scaled.
        let scaled = |interval: Seconds| (interval.as_us() as f64 * self.scale()) as u64;
        let interval_us = load.interval_s.map_or(spread_us, scaled);
        let interval_us = interval_us.max(IDLE_INTERVAL_MIN_US);
        Ok(PlannedLoad {
            load: Load::Idle { interval_us },
            connections,
            rates_per_s: Vec::new(),
            rate_share_of_peak: None,
            warm_up_us: 0,
            warm_up_max_us: None,
            window_us: interval_us * IDLE_WINDOW_PERCENT / 100,
            hold: self.hold(load)?,
        })
    }

    fn hold(&self, load: &Idle) -> Result<Option<Hold>, Refusal> {
        match (self.options.hold.or(load.hold_s), load.replaced) {
            (Some(length), replaced) => Ok(Some(Hold {
                length_us: length.as_us(),
                replaced_share: replaced.map_or(0.0, |Replaced(share)| share),
            })),
            (None, Some(_)) => Err(Refusal::new(
                "connections are replaced while they are held: add hold_s, or say --hold 600",
            )),
            (None, None) => Ok(None),
        }
    }

    fn closed(&self, load: &Closed) -> PlannedLoad {
        let outstanding = self.options.outstanding.or(load.outstanding).unwrap_or(1);
        PlannedLoad {
            load: Load::Closed { outstanding },
            connections: self.ladder(load.connections.as_ref(), LOADED_CONNECTIONS, 1),
            rates_per_s: Vec::new(),
            rate_share_of_peak: None,
            warm_up_us: WARM_UP_US,
            warm_up_max_us: Some(self.warm_up_max_us(load.warm_up_max_s)),
            window_us: self.window_us(load.window_s),
            hold: None,
        }
    }

    fn open(&self, load: &Scheduled) -> Result<PlannedLoad, Refusal> {
        let (arrivals, deadline_us) = self.schedule(load);
        let kind = Load::Open {
            arrivals,
            deadline_us,
        };
        let (rates_per_s, rate_share_of_peak) = match self.rate(load)? {
            Some(Rate::PerSecond(rate)) => (vec![rate], None),
            Some(Rate::ShareOfPeak(share)) => (Vec::new(), Some(share)),
            None => (Vec::new(), Some(RATE_SHARE)),
        };
        Ok(PlannedLoad {
            window_us: self.window_at(load, &rates_per_s)?,
            rates_per_s,
            rate_share_of_peak,
            ..self.scheduled(load, kind, LOADED_CONNECTIONS)
        })
    }

    fn churn(&self, load: &Scheduled) -> Result<PlannedLoad, Refusal> {
        let (arrivals, deadline_us) = self.schedule(load);
        let kind = Load::Churn {
            arrivals,
            deadline_us,
        };
        match self.options.rate.or(load.rate) {
            Some(Rate::PerSecond(rate)) => Ok(PlannedLoad {
                window_us: self.window_at(load, &[rate])?,
                rates_per_s: vec![rate],
                ..self.scheduled(load, kind, CHURN_CONNECTIONS)
            }),
            Some(Rate::ShareOfPeak(_)) | None => Err(Refusal::new(
                "a peak is of requests, and churn opens a connection for each: say --rate 1000",
            )),
        }
    }

    /// The rate of open load that was asked for. A share of the peak takes a load that measures one.
    fn rate(&self, load: &Scheduled) -> Result<Option<Rate>, Refusal> {
        match self.options.rate.or(load.rate) {
            Some(Rate::ShareOfPeak(_)) | None if self.scenario.closed.is_empty() => {
                Err(Refusal::new(
                    "--load open alone measures no peak that a rate could be a share of: say --rate \
                     50000, or add closed to --load",
                ))
            }
            rate => Ok(rate),
        }
    }

    /// The window of a load with a schedule: the usual one is made longer where hardly a request would
    /// be due in it.
    fn window_at(&self, load: &Scheduled, rates_per_s: &[f64]) -> Result<u64, Refusal> {
        let window_us = self.window_us(load.window_s);
        let shortest_us = shortest_window_us(rates_per_s);
        let is_asked = self.options.window.or(load.window_s).is_some();
        match rates_per_s.first() {
            Some(rate) if is_asked && shortest_us > window_us => {
                let window_s = window_us as f64 / 1e6;
                Err(Refusal::new(format!(
                    "{rate}/s for {window_s} s: {rate} x {window_s} = {:.1} requests are due, and \
                     figures of fewer than {DUE_MIN} are luck: --duration {}, or --rate {:.0}",
                    rate * window_s,
                    shortest_us.div_ceil(100_000) as f64 / 10.0,
                    (DUE_MIN / window_s).ceil()
                )))
            }
            _ => Ok(window_us.max(shortest_us)),
        }
    }

    /// A load with a schedule whose rates are still to be filled in.
    fn scheduled(&self, load: &Scheduled, kind: Load, connections: u32) -> PlannedLoad {
        PlannedLoad {
            load: kind,
            connections: self.ladder(load.connections.as_ref(), connections, 1),
            rates_per_s: Vec::new(),
            rate_share_of_peak: None,
            warm_up_us: WARM_UP_US,
            warm_up_max_us: Some(self.warm_up_max_us(load.warm_up_max_s)),
            window_us: self.window_us(load.window_s),
            hold: None,
        }
    }

    fn capacity(&self, load: &Capacity) -> Result<PlannedLoad, Refusal> {
        let slo = self.options.slo.or(load.slo).ok_or_else(|| {
            Refusal::new("a search for the capacity needs a target: --slo 'p99<=2ms'")
        })?;
        let window = self.options.window.or(load.window_s);
        Ok(PlannedLoad {
            load: Load::Capacity {
                slo,
                arrivals: self.arrivals(load.arrivals),
                // A rate that is too high shows soon: there is no need to wait for its queue.
                deadline_us: CAPACITY_DEADLINE_US.max(10 * slo.limit_us as u64),
            },
            connections: self.ladder(load.connections.as_ref(), LOADED_CONNECTIONS, 1),
            rates_per_s: Vec::new(),
            rate_share_of_peak: None,
            warm_up_us: WARM_UP_US,
            warm_up_max_us: Some(CAPACITY_WARM_UP_MAX_US),
            window_us: window.unwrap_or(CAPACITY_WINDOW).as_us(),
            hold: None,
        })
    }

    fn schedule(&self, load: &Scheduled) -> (Arrivals, u64) {
        let deadline = self.options.deadline.or(load.deadline_s);
        let deadline_us = deadline.unwrap_or(DEADLINE).as_us();
        (self.arrivals(load.arrivals), deadline_us)
    }

    fn arrivals(&self, of_scenario: Option<Arrivals>) -> Arrivals {
        self.options.arrivals.or(of_scenario).unwrap_or(ARRIVALS)
    }

    fn warm_up_max_us(&self, of_scenario: Option<Seconds>) -> u64 {
        let longest = self.options.warm_up_max.or(of_scenario);
        longest.unwrap_or(WARM_UP_MAX).as_us().max(WARM_UP_US)
    }

    fn window_us(&self, of_scenario: Option<Seconds>) -> u64 {
        let default = Seconds(if self.is_comparison { 1.5 } else { 3.0 });
        let window = self.options.window.or(of_scenario);
        window.unwrap_or(default).as_us()
    }

    /// The ladder of any load. One that the scenario names is scaled, so that the highest of its
    /// ladders ends at --connections; another one has so many even steps up to --connections or the
    /// load's default.
    fn ladder(&self, named: Option<&Ladder>, default: u32, steps: u32) -> Vec<u32> {
        let Some(Ladder(counts)) = named else {
            return even_ladder(self.options.connections.unwrap_or(default), steps);
        };
        let (to, from) = self.scaling().unwrap_or((1, 1));
        let scale = |&count: &u32| {
            let scaled = u64::from(count) * u64::from(to) / u64::from(from);
            u32::try_from(scaled).unwrap_or(u32::MAX).max(1)
        };
        let mut counts: Vec<u32> = counts.iter().map(scale).collect();
        counts.dedup();
        counts
    }

    /// By how much the scenario's ladders are scaled.
    fn scale(&self) -> f64 {
        let (to, from) = self.scaling().unwrap_or((1, 1));
        f64::from(to) / f64::from(from)
    }

    /// The top that was asked for, and the scenario's own; `None` when one of both isn't known.
    fn scaling(&self) -> Option<(u32, u32)> {
        self.options
            .connections
            .zip(self.scenario.connections_max())
    }
}

/// Equal steps, because the slope is what counts.
fn even_ladder(top: u32, steps: u32) -> Vec<u32> {
    let step = |step| (u64::from(top) * step / u64::from(steps)) as u32;
    let mut ladder: Vec<u32> = (1..=u64::from(steps)).map(step).collect();
    ladder.retain(|&count| count > 0);
    ladder.dedup();
    ladder
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads_of(text: &str, options: &Options) -> Vec<PlannedLoad> {
        loads(options, &Scenario::parse(text).unwrap(), 1).unwrap()
    }

    #[test]
    fn a_ladder_scales_in_proportion() {
        let text = "title = \"x\"\n[[idle]]\nconnections = [10, 500, 1000]\ninterval_s = 30\n\
                    [[closed]]\nconnections = 2000";
        let options = Options {
            connections: Some(200),
            ..Options::default()
        };
        let scaled = loads_of(text, &options);
        assert_eq!(scaled[0].connections, [1, 50, 100]);
        let interval_us = 3_000_000;
        assert_eq!(scaled[0].load, Load::Idle { interval_us });
        assert_eq!(scaled[1].connections, [200]);
    }

    #[test]
    fn connections_are_held_for_as_long_as_is_asked() {
        let held = |text: &str, hold: Option<f64>| {
            let options = Options {
                hold: hold.map(Seconds),
                ..Options::default()
            };
            let scenario = Scenario::parse(&format!("title = \"x\"\n{text}")).unwrap();
            loads(&options, &scenario, 1).map(|loads| loads[0].hold)
        };
        assert_eq!(held("[[idle]]", None).unwrap(), None);
        let soak = "[[idle]]\nhold_s = 3600\nreplaced = \"1%\"";
        let hold = held(soak, None).unwrap().unwrap();
        assert_eq!(hold.length_us, 3_600_000_000);
        assert_eq!(hold.replaced(1_000_000), 10_000);
        // The option goes before.
        assert_eq!(
            held(soak, Some(60.0)).unwrap().unwrap().length_us,
            60_000_000
        );
        let said = held("[[idle]]\nreplaced = \"1%\"", None)
            .unwrap_err()
            .to_string();
        assert!(said.contains("--hold"), "{said}");
        let said = held("[[closed]]", Some(1.0)).unwrap_err().to_string();
        assert!(said.contains("--load idle"), "{said}");
    }

    #[test]
    fn a_window_in_which_nothing_is_due_is_longer_or_refused() {
        let planned = |text: &str, window: Option<Seconds>| {
            let options = Options {
                window,
                ..Options::default()
            };
            let scenario = Scenario::parse(&format!("title = \"x\"\n{text}")).unwrap();
            loads(&options, &scenario, 1)
        };
        let window_us = |text| planned(text, None).unwrap()[0].window_us;
        assert_eq!(window_us("[[open]]\nrate = 1"), 10_000_000);
        assert_eq!(window_us("[[churn]]\nrate = 2"), 5_000_000);
        assert_eq!(window_us("[[open]]\nrate = 50"), 3_000_000);
        let short = Some(Seconds(0.1));
        let said = planned("[[open]]\nrate = 1", short)
            .unwrap_err()
            .to_string();
        for part in ["1 x 0.1 = 0.1 requests", "--duration 10,", "--rate 100"] {
            assert!(said.contains(part), "{said}");
        }
        assert!(planned("[[open]]\nrate = 100", short).is_ok());
        assert!(planned("[[open]]\nrate = 3\nwindow_s = 2", None).is_err());
    }

    #[test]
    fn the_option_goes_before_the_scenario_for_every_load() {
        let options = Options {
            connections: Some(50),
            ..Options::default()
        };
        for load in ["idle", "closed", "open", "churn", "capacity"] {
            let rate = match load {
                "open" | "churn" => "rate = 1000",
                "capacity" => "slo = \"p99<=1ms\"",
                _ => "",
            };
            for connections in ["connections = 2000", ""] {
                let text = format!("title = \"x\"\n[[{load}]]\n{connections}\n{rate}");
                let planned = loads_of(&text, &options);
                assert_eq!(planned[0].connections_max(), 50, "{text}");
            }
        }
    }
}
