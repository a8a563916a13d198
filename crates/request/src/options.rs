//! What a person asks for beside a scenario. What is left open, the scenario or a default decides.

use crate::{network::Network, rate::Rate, scenario::Seconds};
use protocol::{client::Workload, http::HttpRequest};
use report::{link::Link, slo::Slo, trial::Arrivals};
use std::{net::Ipv4Addr, str::FromStr};
use thiserror::Error;

/// Options of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The top of the highest ladder of connections.
    pub connections: Option<u32>,
    /// Length of each window, in closed, open and churn load.
    pub window: Option<Seconds>,
    /// For so long an idle load's connections are held at the top of the ladder.
    pub hold: Option<Seconds>,
    /// After this long a window opens even if the load isn't steady.
    pub warm_up_max: Option<Seconds>,
    /// Payload of a request.
    pub payload_bytes: Option<u32>,
    /// What is asked in HTTP, where anything is said of it.
    pub http: Option<HttpRequest>,
    /// Trials of each model and load.
    pub trials: Option<Trials>,
    /// For blocks that are made again, and for those after the first look.
    pub patience: Option<Patience>,
    /// What requests ask for.
    pub workload: Option<Workload>,
    /// How requests arrive; empty: the usual three.
    pub loads: Vec<LoadKind>,
    /// Of open and churn load.
    pub rate: Option<Rate>,
    /// Of open and churn load.
    pub arrivals: Option<Arrivals>,
    /// When a reply in open and churn load is late.
    pub deadline: Option<Seconds>,
    /// The target of a search for the capacity.
    pub slo: Option<Slo>,
    /// On each connection, in closed load.
    pub outstanding: Option<u32>,
    /// Of each server process: a number, or a ladder of them; empty: as many as its CPUs.
    pub server_threads: Vec<u32>,
    /// Of each generator process.
    pub client_threads: Option<u32>,
    /// Of each server.
    pub server_processes: Option<u32>,
    /// Of the generator.
    pub client_processes: Option<u32>,
    /// The link between servers and generators, instead of loopback: then there is no `source`.
    pub network: Option<Link>,
    /// Where servers listen, instead of loopback.
    pub listen: Option<Ipv4Addr>,
    /// Where connections come from.
    pub source: Option<Network>,
    /// CPUs for servers; empty: half of those that there are.
    pub server_cpus: Vec<usize>,
    /// CPUs for generators; empty: the other half.
    pub client_cpus: Vec<usize>,
    /// Servers and sources may be beyond loopback.
    pub allow_remote: bool,
}

/// How many trials of each model and load there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trials {
    /// So many, from 1 to 1000.
    Fixed(u32),
    /// As many as it takes to tell the models apart, within limits.
    Auto,
}

/// A text that is neither.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a number from 1 to 1000, or auto")]
pub struct NotTrials;

impl FromStr for Trials {
    type Err = NotTrials;

    fn from_str(text: &str) -> Result<Self, NotTrials> {
        match text.parse() {
            _ if text == "auto" => Ok(Self::Auto),
            Ok(trials) if (1..=1000).contains(&trials) => Ok(Self::Fixed(trials)),
            _ => Err(NotTrials),
        }
    }
}

/// How long somebody waits for more blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// In seconds; with 0 no block is made again.
    pub s: f64,
}

/// A text that is no such time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a time such as 90s, 30m, 2h, or 0s for none")]
pub struct NotPatience;

impl FromStr for Patience {
    type Err = NotPatience;

    fn from_str(text: &str) -> Result<Self, NotPatience> {
        let units = [("s", 1.0), ("m", 60.0), ("h", 3600.0)];
        let mut found = units.iter().filter_map(|(unit, seconds)| {
            let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
            Some(number * seconds)
        });
        match found.next() {
            Some(s) if (0.0..=1e7).contains(&s) => Ok(Self { s }),
            _ => Err(NotPatience),
        }
    }
}

/// A kind of load that an option names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadKind {
    /// The next request when a reply arrives.
    Closed,
    /// Connections that are held open.
    Idle,
    /// Requests on a schedule.
    Open,
    /// Connections on a schedule.
    Churn,
}

/// A text that names no load.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no load {0:?}; there are closed, idle, open and churn")]
pub struct UnknownLoad(String);

impl FromStr for LoadKind {
    type Err = UnknownLoad;

    fn from_str(text: &str) -> Result<Self, UnknownLoad> {
        match text {
            "closed" => Ok(Self::Closed),
            "idle" => Ok(Self::Idle),
            "open" => Ok(Self::Open),
            "churn" => Ok(Self::Churn),
            _ => Err(UnknownLoad(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_are_a_number_or_go_on_until_models_are_told_apart() {
        assert_eq!("6".parse(), Ok(Trials::Fixed(6)));
        assert_eq!("auto".parse(), Ok(Trials::Auto));
        for wrong in ["0", "1001", "-1", "many", ""] {
            assert_eq!(wrong.parse::<Trials>(), Err(NotTrials), "{wrong}");
        }
    }

    #[test]
    fn patience_has_a_unit() {
        assert_eq!("90s".parse(), Ok(Patience { s: 90.0 }));
        assert_eq!("30m".parse(), Ok(Patience { s: 1_800.0 }));
        assert_eq!("1.5h".parse(), Ok(Patience { s: 5_400.0 }));
        assert_eq!("0s".parse(), Ok(Patience { s: 0.0 }));
        for wrong in ["30", "0", "-1m", "NaNs", "infh", "m", ""] {
            assert_eq!(wrong.parse::<Patience>(), Err(NotPatience), "{wrong}");
        }
    }
}
