//! What a run over several machines says of each of them.
//!
//! Machines have numbers, by the order of their ranks: never what they call themselves.

use crate::{
    environment::Environment,
    memory::MachineMemory,
    numbers::Percentiles,
    used::{MachineUse, ProcessUse},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A machine that generates load for servers on another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunHost {
    /// `host 1` and so on; the runner and the servers are on host 0, whose environment is the run's.
    pub name: String,
    /// How it is set.
    pub environment: Environment,
}

/// The clock of a machine in a trial, against that of the runner's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostClock {
    /// Which machine.
    pub host: String,
    /// By so much its CLOCK_MONOTONIC was ahead when the trial began: what moments were translated by.
    pub ahead_us: f64,
    /// Either measurement of that is off by at most so much: half of the shortest of many round trips.
    pub bound_us: f64,
    /// By so much further it was ahead when the trial had ended.
    pub drift_us: f64,
}

/// What one machine's generators did in a window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostShare {
    /// Which machine.
    pub host: String,
    /// Generator processes.
    pub processes: u32,
    /// Connections that were open when the window closed.
    pub connections: u64,
    /// Requests answered.
    pub requests: u64,
    /// Requests that the schedule put into the window; 0 without a schedule.
    pub offered: u64,
    /// Requests without a reply at the deadline.
    pub replies_missing: u64,
    /// For how long a thread didn't know that the window had opened, at most.
    pub heard_late_us: u64,
    /// The longest time in which a thread looked for nothing to do; null without a schedule, and where
    /// it sleeps when there is nothing. Null in
    /// reports from before this was kept for each machine, as with all below.
    #[serde(default)]
    pub longest_stall_us: Option<u64>,
    /// Request sent minus due, where its connection was free; null without a schedule.
    #[serde(default)]
    pub lag_us: Option<Percentiles>,
    /// Reply received minus the moment the request was due, in nanoseconds: HdrHistogram V2, deflated,
    /// base64. Null without a schedule.
    #[serde(default)]
    pub response_time_histogram: Option<String>,
    /// The same had these generators sent each request on time.
    #[serde(default)]
    pub prompt_response_time_histogram: Option<String>,
    /// Reply received minus arrived in the generator's socket, of its part of the sample.
    #[serde(default)]
    pub read_lag_us: Option<Percentiles>,
    /// All of them in nanoseconds, likewise.
    #[serde(default)]
    pub read_lag_histogram: Option<String>,
    /// Its part of the window's `sampled_time_histogram`.
    #[serde(default)]
    pub sampled_time_histogram: Option<String>,
    /// Its part of the window's `sampled_prompt_time_histogram`.
    #[serde(default)]
    pub sampled_prompt_time_histogram: Option<String>,
    /// What it took of that machine.
    #[serde(default)]
    pub used: Option<HostUse>,
    /// Reasons for what is null here, by field.
    #[serde(default)]
    pub not_measured: BTreeMap<String, String>,
}

/// What was used on one machine in a window, sampled there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostUse {
    /// By its generators.
    pub generator: ProcessUse,
    /// By everything there.
    pub machine: MachineUse,
    /// Its memory at the window's end.
    pub memory: Option<MachineMemory>,
    /// By what samples, in seconds of CPU time: it sleeps while the window is open.
    pub rank_cpu_s: Option<f64>,
}

impl HostClock {
    /// By how much moments on this machine may be off, by what is known.
    pub fn uncertainty_us(&self) -> f64 {
        self.bound_us + self.drift_us.abs()
    }
}
