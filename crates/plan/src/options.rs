//! What a person asks for beside a scenario. What is left open, the scenario or a default decides.

use crate::{network::Network, rate::Rate, scenario::Seconds};
use protocol::client::Workload;
use report::{slo::Slo, trial::Arrivals};
use std::str::FromStr;
use thiserror::Error;

/// Options of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The top of the highest ladder of connections.
    pub connections: Option<u32>,
    /// Length of each window, in closed, open and churn load.
    pub window: Option<Seconds>,
    /// After this long a window opens even if the load isn't steady.
    pub warm_up_max: Option<Seconds>,
    /// Payload of a request.
    pub payload_bytes: Option<u32>,
    /// Trials of each model and load.
    pub trials: Option<u32>,
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
    /// Of each server process.
    pub server_threads: Option<u32>,
    /// Of each generator process.
    pub client_threads: Option<u32>,
    /// Of each server.
    pub server_processes: Option<u32>,
    /// Of the generator.
    pub client_processes: Option<u32>,
    /// Where connections come from.
    pub source: Option<Network>,
    /// CPUs for servers; empty: half of those that there are.
    pub server_cpus: Vec<usize>,
    /// CPUs for generators; empty: the other half.
    pub client_cpus: Vec<usize>,
    /// Servers and sources may be beyond loopback.
    pub allow_remote: bool,
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
