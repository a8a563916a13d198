//! What a load brought: closed, with a schedule, the search for the capacity.

use crate::{
    numbers::{Range, Spread, Times},
    slo::Slo,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Closed load over one count of connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Peak {
    /// Requests answered per second, over the trials.
    pub rate_per_s: Spread,
    /// 95 % interval of the middle (exact sign-flips); null with fewer than six trials, where there
    /// is none.
    #[serde(default)]
    pub rate_per_s_interval: Option<Range>,
    /// Connections, all active.
    pub connections: u32,
    /// Requests outstanding on each.
    pub outstanding: u32,
    /// The least answered on one connection in one window.
    #[serde(default)]
    pub served_least: Option<u32>,
    /// The most answered on one connection in one window.
    #[serde(default)]
    pub served_most: Option<u32>,
    /// The generator had less to spare than the server: the rate is a floor.
    pub generator_bound: bool,
    /// Server CPU time, user and system, per request; null when the server's processes aren't
    /// known.
    pub server_cpu_us_per_request: Option<Spread>,
    /// CPU time of all that ran on the server's CPUs but other programs, per request: what the kernel
    /// does for the server outside of its processes is in it. Null when the server had no CPUs of
    /// its own, and in older reports.
    #[serde(default)]
    pub server_cpus_us_per_request: Option<Spread>,
    /// Server CPU time in user mode, per request; from ticks of 10 ms.
    #[serde(default)]
    pub server_cpu_user_us_per_request: Option<Spread>,
    /// Server CPU time in the kernel, per request; likewise.
    #[serde(default)]
    pub server_cpu_system_us_per_request: Option<Spread>,
    /// System calls of the server, per request.
    #[serde(default)]
    pub server_syscalls_per_request: Option<Spread>,
    /// Context switches of the server, voluntary or not, per request.
    #[serde(default)]
    pub server_switches_per_request: Option<Spread>,
    /// Share of one CPU that the server used, median; 1.0 is one CPU. Null likewise.
    pub server_cpus_used: Option<f64>,
    /// Share of one CPU that the generator used, median. Null where that isn't known.
    #[serde(default)]
    pub generator_cpus_used: Option<f64>,
    /// Reply received minus request sent. Not a response time: a closed load sends less while the
    /// server is slow.
    pub service_time_us: Times,
    /// The same less the read lag: what the server and the wire took. Percentiles: a sample tells what
    /// share of each is read lag. Null where the kernel gives no timestamps, and in older reports.
    #[serde(default)]
    pub server_time_us: Option<Times>,
}

/// A load with a schedule: open or churn, at one rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scheduled {
    /// Requests per second that the schedule was made for.
    pub offered_rate_per_s: f64,
    /// Requests per second that were answered in the windows: the median of the trials.
    pub achieved_rate_per_s: f64,
    /// Answered of offered, the least of the trials; 1 is all. Null when nothing was due in any window.
    pub achieved_share: Option<f64>,
    /// Connections; for churn the most at a time.
    pub connections: u32,
    /// Reply received minus the moment the request was due.
    pub response_time_us: Times,
    /// What these would be had the generator sent and read each on time: percentiles less its own lag.
    /// Of sending it is known request by request; of reading a sample tells what share of the
    /// percentile it is. Null without a sample, and in older reports.
    #[serde(default)]
    pub prompt_response_time_us: Option<Times>,
    /// Reply received minus request sent; null when none of those due was answered.
    pub service_time_us: Option<Times>,
    /// Request sent minus due, where its connection was free: the generator's own error. Null
    /// when no request was sent without waiting for its connection.
    pub lag_us: Option<Times>,
    /// Reply read minus arrived in the generator's socket: the generator's own error, too. Null
    /// where the kernel gives no timestamps, and in older reports.
    #[serde(default)]
    pub read_lag_us: Option<Times>,
    /// Requests whose connection still waited for another reply when they were due, 0 to 1. Null when
    /// nothing was due in any window.
    pub waited_share: Option<f64>,
    /// Replies that took longer than the deadline.
    pub replies_late: u64,
    /// From `connect` to established; churn only.
    pub connect_time_us: Option<Times>,
    /// Server CPU time, user and system, per request; null when its processes aren't known.
    pub server_cpu_us_per_request: Option<Spread>,
    /// CPU time of all that ran on the server's CPUs but other programs, per request, as in closed
    /// load.
    #[serde(default)]
    pub server_cpus_us_per_request: Option<Spread>,
    /// CPUs that the server used, median; 1.0 is one CPU. Null when its processes aren't known.
    #[serde(default)]
    pub server_cpus_used: Option<f64>,
}

/// The highest rate that meets a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// The target.
    pub slo: Slo,
    /// Requests per second, over the trials; null when a trial found no rate that meets it.
    pub rate_per_s: Option<Spread>,
    /// The lowest rate above it that didn't meet the target, the median of the trials: the capacity
    /// lies between both. Null where every rate met it, and in older reports.
    #[serde(default)]
    pub failed_rate_per_s: Option<f64>,
    /// Beyond that rate the generator was at its limit: the rate is a floor.
    pub generator_bound: bool,
    /// Everything that was tried, from the lowest rate to the highest.
    pub curve: Vec<Scheduled>,
}

impl Peak {
    /// Where its figures stand: the beginning of their ids.
    pub fn place(&self) -> String {
        format!("closed.{}_connections", self.connections)
    }
}

impl Scheduled {
    /// Where its figures stand in open load: the beginning of their ids. What must be equal for them
    /// to be comparable is part of it.
    pub fn place(&self) -> String {
        format!(
            "open.{}_connections.{}_per_s",
            self.connections, self.offered_rate_per_s
        )
    }
}
