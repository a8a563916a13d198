//! What a model's figures come from: trials, and what was seen in each of their windows.

pub use crate::{
    memory::MachineMemory,
    used::{CpusApart, MachineUse, ProcessUse},
};

use crate::{
    hosts::{HostClock, HostShare},
    numbers::{Percentiles, Times},
    slo::Slo,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, str::FromStr};
use thiserror::Error;

/// One fresh server, one load, one or more windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// Counted from 1.
    pub block: u32,
    /// How requests arrived.
    pub load: Load,
    /// One for each count of connections.
    pub steps: Vec<Step>,
    /// The rounds in which an idle load's connections were held for long, at the top of the ladder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldRound>,
    /// What the generators sent and received over the trial's whole life; null where it was interrupted.
    pub generator_counts: Option<Counts>,
    /// What the server says it received and sent; null when it says nothing, as servers don't that
    /// aren't ours.
    pub server_counts: Option<Counts>,
    /// What the backend of a relay received and sent, which is what passed through the server; null
    /// where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_counts: Option<Counts>,
    /// Connections that were made to see that a server listens that isn't ours: its backend counts them, too.
    /// Null in reports from before this was counted, when it was at most one.
    #[serde(default)]
    pub visits: Option<u32>,
    /// Connections whose backend refused or broke off, as the relay counted them; null where it tells no
    /// counts, or isn't one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_failures: Option<u64>,
    /// What the server counted, by its threads; empty where it doesn't tell, or has very many.
    #[serde(default)]
    pub server_threads_counts: Vec<ThreadCounts>,
    /// Proportional set size of the server before its first connection.
    #[serde(default)]
    pub server_empty_bytes: Option<u64>,
    /// Proportional set size of all generator processes before their first connection.
    #[serde(default)]
    pub generator_empty_bytes: Option<u64>,
    /// The machine's memory before the server was started.
    #[serde(default)]
    pub memory_before: Option<MachineMemory>,
    /// From the word to close all connections until the kernel had let go of the last of their
    /// sockets.
    #[serde(default)]
    pub teardown_us: Option<u64>,
    /// Seed of a load's schedule: the same for all models in a block.
    #[serde(default)]
    pub schedule_seed: Option<u64>,
    /// The clocks of other machines that generated; empty on one machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostClock>,
    /// Where connections came from, where the plan has it otherwise: the server was found elsewhere than
    /// it was told to listen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_network: Option<String>,
    /// Its block was disturbed from outside and made again, for all contestants; or CPUs moved in it, and it
    /// alone was made again in the same block. It is kept, and not in the figures.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub made_again: bool,
    /// Reasons for what is null here, by field.
    #[serde(default)]
    pub not_measured: BTreeMap<String, String>,
}

/// One round in which connections were held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeldRound {
    /// From the beginning of the first round to the end of this one.
    pub since_us: u64,
    /// Connections that were closed before it, and opened anew.
    pub replaced: u32,
    /// Its window, over all connections.
    pub step: Step,
}

/// How requests arrived.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Load {
    /// So many requests outstanding on each connection, the next one when a reply arrives.
    Closed {
        /// Per connection.
        outstanding: u32,
    },
    /// A message on each connection every so often.
    Idle {
        /// Between two messages on one connection.
        interval_us: u64,
    },
    /// Requests on a schedule that doesn't care how the server is doing.
    Open {
        /// How they lie in time.
        arrivals: Arrivals,
        /// Replies that take longer are late; those that take longer than this after the
        /// window are missing.
        deadline_us: u64,
    },
    /// Open load at one rate after the other, in search of the highest that meets a target.
    Capacity {
        /// The target.
        slo: Slo,
        /// How they lie in time.
        arrivals: Arrivals,
        /// As in open load.
        deadline_us: u64,
    },
    /// Connections on a schedule, each for one request.
    Churn {
        /// How they lie in time.
        arrivals: Arrivals,
        /// As in open load.
        deadline_us: u64,
    },
}

/// How the moments of a schedule lie in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// Independently of each other.
    Poisson,
    /// At equal distances.
    Uniform,
}

impl FromStr for Arrivals {
    type Err = UnknownArrivals;

    fn from_str(text: &str) -> Result<Self, UnknownArrivals> {
        match text {
            "poisson" => Ok(Self::Poisson),
            "uniform" => Ok(Self::Uniform),
            _ => Err(UnknownArrivals(text.to_owned())),
        }
    }
}

/// A text that names no arrivals.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there are no arrivals {0:?}; there are poisson and uniform")]
pub struct UnknownArrivals(String);

impl Trial {
    /// All windows: those of the ladder, then those of rounds in which connections were held.
    pub fn windows(&self) -> impl Iterator<Item = &Step> {
        self.steps
            .iter()
            .chain(self.held.iter().map(|round| &round.step))
    }
}

impl Load {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Idle { .. } => "idle",
            Self::Open { .. } => "open",
            Self::Capacity { .. } => "capacity",
            Self::Churn { .. } => "churn",
        }
    }

    /// Whether a schedule says when requests are sent.
    pub fn is_scheduled(&self) -> bool {
        !matches!(self, Self::Closed { .. } | Self::Idle { .. })
    }
}

/// Counts of a trial's whole life. Both sides must agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Connections established or accepted.
    pub connections: u64,
    /// Requests sent or received; null where the wire has no frames that a server could count.
    pub requests: Option<u64>,
    /// Replies received or sent; null likewise.
    pub responses: Option<u64>,
    /// From the generator to the server.
    pub request_bytes: u64,
    /// From the server to the generator.
    pub response_bytes: u64,
}

/// What one thread of the server counted over a trial's whole life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadCounts {
    /// Connections that it accepted.
    pub connections: u64,
    /// Requests that it received; null where the wire has no frames to count.
    pub requests: Option<u64>,
    /// Bytes that it received.
    pub request_bytes: u64,
}

/// One count of connections and one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Asked for.
    pub connections: u32,
    /// Established before the window and still open when it closed.
    pub connections_open: u32,
    /// Requests per second that the schedule was made for; null without one.
    #[serde(default)]
    pub rate_per_s: Option<f64>,
    /// How long the connections took that were added for this step.
    pub connect_elapsed_us: u64,
    /// From `connect` to established, for those.
    pub connect_time_us: Percentiles,
    /// Load before the window, not counted.
    pub warm_up_us: u64,
    /// Whether rate, latency and the server's memory had stopped changing by the end of the
    /// warm-up; null where that isn't asked for (idle load).
    #[serde(default)]
    pub steady: Option<bool>,
    /// What was asked for.
    pub window_asked_us: u64,
    /// What happened in the window.
    pub window: Window,
    /// The server over the window.
    pub server: ProcessUse,
    /// All generator processes over the window.
    pub generator: ProcessUse,
    /// Between two messages on one connection; idle load only.
    #[serde(default)]
    pub message_interval_us: Option<u64>,
    /// I/O threads of the server, over all its processes; of one that isn't ours all threads that it
    /// had, null when its processes aren't known.
    pub server_threads: Option<u32>,
    /// CPUs that these could use at most; null: as many as threads.
    #[serde(default)]
    pub server_cpus_max: Option<u32>,
    /// The machine over the window.
    pub machine: MachineUse,
    /// The machine's memory at the window's end.
    #[serde(default)]
    pub memory: Option<MachineMemory>,
    /// CPU time that the runner itself used over the window.
    #[serde(default)]
    pub runner_cpu_s: Option<f64>,
    /// CPU time of the backend of a relay in the window; null where there is none, or it isn't known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_cpu_s: Option<f64>,
    /// Where system calls were counted; null where they weren't.
    #[serde(default)]
    pub syscall_window: Option<SyscallWindow>,
    /// What each machine's generators did in the window; empty on one machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostShare>,
}

/// A short window of the same load after the one that is measured: counting system calls slows
/// each of them down, so nothing else is taken from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyscallWindow {
    /// Its length.
    pub length_us: u64,
    /// Requests answered in it.
    pub requests: u64,
}

/// What happened in a window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// Its length.
    pub length_us: u64,
    /// Requests answered in it.
    pub requests: u64,
    /// Connections that were lost, in the window or before it.
    pub connections_lost: u64,
    /// Requests that were not answered before the deadline.
    pub replies_missing: u64,
    /// Replies that were not the expected bytes.
    pub replies_wrong: u64,
    /// Messages of an idle load that were not sent because the one before was unanswered.
    pub sends_skipped: u64,
    /// The least answered on one connection.
    pub served_least: u32,
    /// The most answered on one connection.
    pub served_most: u32,
    /// Connections on which nothing was answered.
    pub never_served: u64,
    /// Of these, those on which the generator asked nothing and had all its answers: it is to blame, not
    /// the server. Null in reports from before this was counted.
    #[serde(default)]
    pub never_asked: Option<u64>,
    /// Reply received minus request sent. For `discard` one value per batch.
    pub service_time_us: Percentiles,
    /// Values in the histogram.
    pub service_time_count: u64,
    /// All values in nanoseconds: HdrHistogram V2, deflated, base64.
    pub service_time_histogram: String,
    /// Reply received minus arrived in the generator's socket, of a sample of connections: the part of
    /// the service time that the generator is to blame for. Of several requests outstanding on a
    /// connection it is a lower bound. Null in idle load, where the kernel doesn't tell, and in
    /// reports from before this was measured.
    #[serde(default)]
    pub read_lag_us: Option<Percentiles>,
    /// All of them in nanoseconds: HdrHistogram V2, deflated, base64.
    #[serde(default)]
    pub read_lag_histogram: Option<String>,
    /// Service time less read lag, of the same sample: what the server and the wire took.
    #[serde(default)]
    pub server_time_us: Option<Percentiles>,
    /// All of them in nanoseconds, likewise.
    #[serde(default)]
    pub server_time_histogram: Option<String>,
    /// Of the same sample what the window is about, had the generator sent each on time: service
    /// times, with a schedule response times. Nanoseconds, likewise. Null also in reports from before
    /// this was kept, as with the next.
    #[serde(default)]
    pub sampled_time_histogram: Option<String>,
    /// The same had it read each on time as well.
    #[serde(default)]
    pub sampled_prompt_time_histogram: Option<String>,
    /// Percentiles of these times less the generator's lag, where the histograms are too coarse to take
    /// them from: in a lean report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_time_us: Option<Times>,
    /// Of the requests outstanding the share whose reply had arrived and lay unread at the generator,
    /// 0 to 1, on average: mean read lag over mean service time of the sample. Closed load only.
    #[serde(default)]
    pub unread_share: Option<f64>,
    /// Requests whose turn had begun while the kernel took no more, or not the whole: what was to be
    /// outstanding on their connections is more than socket buffers hold. Null in reports from before
    /// this was counted, as with the next.
    #[serde(default)]
    pub sends_blocked: Option<u64>,
    /// For how long a thread of the generator, on a busy machine, didn't know that the window had
    /// opened, at most: of that time its requests are missing from all counts. 0 where all is well.
    #[serde(default)]
    pub heard_late_us: Option<u64>,
    /// Service and response times over 300 s, which stand in the histograms as that.
    #[serde(default)]
    pub times_clipped: Option<u64>,
    /// What counts from the schedule's moments; null without one.
    #[serde(default)]
    pub scheduled: Option<ScheduledWindow>,
    /// How often the generator asked for events; null in reports from before this was counted.
    #[serde(default)]
    pub polls: Option<u64>,
    /// How often there were none.
    #[serde(default)]
    pub polls_empty: Option<u64>,
    /// The course of the window; null in reports from before it was recorded.
    #[serde(default)]
    pub series: Option<Series>,
    /// Kinds of errors, and how often. A failed call is written `connect: EADDRNOTAVAIL: ...`.
    pub errors: BTreeMap<String, u64>,
    /// Reasons for what is null here, by field.
    #[serde(default)]
    pub not_measured: BTreeMap<String, String>,
}

/// What a schedule put into a window. Every request of it is in here, whenever its reply came;
/// one without a reply is in the response times with its age at the deadline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduledWindow {
    /// Requests that were due in the window.
    pub offered: u64,
    /// Of these, those whose connection still waited for another reply.
    pub requests_waited: u64,
    /// Of these, those that were answered after the deadline.
    pub replies_late: u64,
    /// Of those offered, how many were never sent because no more could wait: they are missing, too.
    /// Null in reports from before this was counted.
    #[serde(default)]
    pub requests_unqueued: Option<u64>,
    /// Requests due or sent, and not answered, when the window opened. Null likewise.
    #[serde(default)]
    pub outstanding_at_open: Option<u64>,
    /// The same when it closed: what a rate that is sustained doesn't let grow.
    #[serde(default)]
    pub outstanding_at_close: Option<u64>,
    /// Reply received minus the moment the request was due.
    pub response_time_us: Percentiles,
    /// All of them in nanoseconds: HdrHistogram V2, deflated, base64.
    pub response_time_histogram: String,
    /// What response times would be had the generator sent each request on time: less its lag, or, if
    /// it waited for its connection, less what it waited for the lag of those before it. Nanoseconds,
    /// likewise. Null in reports from before this was kept.
    #[serde(default)]
    pub prompt_response_time_histogram: Option<String>,
    /// Request sent minus due, where its connection was free.
    pub lag_us: Percentiles,
    /// All of them in nanoseconds, likewise.
    pub lag_histogram: String,
    /// From `connect` to established; churn only.
    pub connect_time_us: Option<Percentiles>,
    /// All of them in nanoseconds, likewise.
    pub connect_time_histogram: Option<String>,
    /// The longest time in which a thread of the generator looked for nothing to do. Null where it sleeps
    /// when there is nothing, so that it can't tell (until version 0.2.0 it was 0 then).
    #[serde(default)]
    pub longest_stall_us: Option<u64>,
}

/// The course of a window in equal intervals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Length of each.
    pub interval_us: u64,
    /// Requests answered.
    pub requests: Vec<u64>,
    /// 99th percentile of service times, with a schedule of response times; 0 where there
    /// were none.
    pub p99_us: Vec<f64>,
    /// Median of the same; empty in reports from before it was recorded.
    #[serde(default)]
    pub p50_us: Vec<f64>,
    /// With a schedule: requests due or sent, and not answered, at each interval's end. Empty without
    /// one, and in reports from before this was counted.
    #[serde(default)]
    pub outstanding: Vec<u64>,
}
