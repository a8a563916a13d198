//! The report of one model: what it is, every trial, and the summary.

use crate::check::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The schema that [`ModelReport`]s of this version name.
pub const MODEL_SCHEMA: &str = "millionfold/model-report/1";

/// Everything about one model in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelReport {
    /// `millionfold/model-report/1`.
    pub schema: String,
    /// Which run this belongs to: the name of its directory.
    pub run: String,
    /// The run was ended before all its blocks were done.
    pub interrupted: bool,
    /// What was measured.
    pub model: Model,
    /// Whether the figures may be believed.
    pub verdict: Verdict,
    /// Why the model could not be measured, or not to the end.
    pub failure: Option<Failure>,
    /// The figures.
    pub summary: Summary,
    /// Reasons for what is null in the summary, by the field's path.
    pub not_measured: BTreeMap<String, String>,
    /// What the figures come from.
    pub trials: Vec<Trial>,
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// Its crate's name without `model-`.
    pub name: String,
    /// In words.
    pub title: String,
    /// The library it is built on.
    pub runtime: Option<String>,
    /// That library's version, as resolved for the build.
    pub runtime_version: Option<String>,
    /// `shared`, `sharded` or `handoff`.
    pub accept: Option<String>,
    /// Where `cpu` work runs: `inline` or `offload`.
    pub cpu: Option<String>,
    /// Where `block` work runs: `inline` or `offload`.
    pub block: Option<String>,
    /// SHA-256 of the executable.
    pub binary_sha256: Option<String>,
}

/// Why a model could not be measured, or not to the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// `build`, `preflight`, `start`, `run`, `stop` or `generator`.
    pub phase: String,
    /// What happened.
    pub reason: String,
    /// What the program wrote last to standard error.
    pub stderr_tail: String,
}

/// The figures: a part is null when its load wasn't part of the run or failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// What an idle connection costs in memory.
    pub memory: Option<Memory>,
    /// The highest rate in closed load.
    pub peak: Option<Peak>,
}

/// What an idle connection costs in memory, as slopes over a ladder of connection counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// PSS of the server per connection: the median of the trials' slopes.
    pub user_bytes_per_connection: Option<f64>,
    /// The least and the greatest slope among the trials.
    pub user_bytes_per_connection_range: Option<Range>,
    /// PSS of the server without connections: the median of the lines' starts.
    pub user_base_bytes: Option<f64>,
    /// Slab of the whole machine per connection, which on one machine is **both** endpoints,
    /// the server's and the generator's.
    pub kernel_bytes_per_connection: Option<f64>,
    /// The least and the greatest slope among the trials.
    pub kernel_bytes_per_connection_range: Option<Range>,
    /// The top of the ladder.
    pub connections_max: u32,
    /// Worst coefficient of determination of the trials' user lines, 0 to 1.
    pub user_fit_r2: Option<f64>,
}

/// The highest rate in closed load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Peak {
    /// Requests answered per second, over the trials.
    pub rate_per_s: Spread,
    /// Connections, all active.
    pub connections: u32,
    /// Requests outstanding on each.
    pub outstanding: u32,
    /// The generator had less to spare than the server: the rate is a floor.
    pub generator_bound: bool,
    /// Server CPU time, user and system, per request.
    pub server_cpu_us_per_request: Spread,
    /// Share of one CPU that the server used, median; 1.0 is one CPU.
    pub server_cpus_used: f64,
    /// Share of one CPU that the generator used, median.
    pub generator_cpus_used: f64,
    /// Reply received minus request sent, from the sum of all trials' histograms. Not a
    /// response time: a closed load sends less while the server is slow.
    pub service_time_us: Percentiles,
}

/// A figure over several trials.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

/// Least and greatest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Range {
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Percentiles {
    /// Arithmetic mean.
    pub mean: f64,
    /// Half were at most this.
    pub p50: f64,
    /// 90 % were at most this.
    pub p90: f64,
    /// 99 % were at most this.
    pub p99: f64,
    /// 99.9 % were at most this.
    pub p99_9: f64,
    /// All were at most this.
    pub max: f64,
}

/// One fresh server, one load, one or more windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// Counted from 1.
    pub block: u32,
    /// How requests arrived.
    pub load: Load,
    /// One for each count of connections.
    pub steps: Vec<Step>,
    /// What the generators sent and received over the trial's whole life.
    pub generator_counts: Counts,
    /// What the server says it received and sent.
    pub server_counts: Counts,
}

/// How requests arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// One count of connections and one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Asked for.
    pub connections: u32,
    /// Established before the window and still open when it closed.
    pub connections_open: u32,
    /// How long the connections took that were added for this step.
    pub connect_elapsed_us: u64,
    /// From `connect` to established, for those.
    pub connect_time_us: Percentiles,
    /// Load before the window, not counted.
    pub warm_up_us: u64,
    /// What was asked for.
    pub window_asked_us: u64,
    /// What happened in the window.
    pub window: Window,
    /// The server over the window.
    pub server: ProcessUse,
    /// All generator processes over the window.
    pub generator: ProcessUse,
    /// I/O threads of the server.
    pub server_threads: u32,
    /// Threads of all generators together.
    pub generator_threads: u32,
    /// The machine over the window.
    pub machine: MachineUse,
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
    /// Reply received minus request sent. For `discard` one value per batch.
    pub service_time_us: Percentiles,
    /// Values in the histogram.
    pub service_time_count: u64,
    /// All values in nanoseconds: HdrHistogram V2, deflated, base64.
    pub service_time_histogram: String,
    /// Kinds of errors, and how often.
    pub errors: BTreeMap<String, u64>,
}

/// What processes used over a window. Sums over all processes of that role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessUse {
    /// How many.
    pub processes: u32,
    /// CPU time in user mode.
    pub cpu_user_s: f64,
    /// CPU time in the kernel. A loopback `send` runs the receiver's TCP input too.
    pub cpu_system_s: f64,
    /// Context switches to wait for something.
    pub voluntary_switches: u64,
    /// Context switches because another had to run.
    pub involuntary_switches: u64,
    /// Proportional set size at the window's end.
    pub pss_bytes: Option<u64>,
    /// The most resident memory so far.
    pub peak_resident_bytes: Option<u64>,
}

/// What the machine as a whole did over a window, or held at its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MachineUse {
    /// Share of all CPU time that the hypervisor gave to others, 0 to 1.
    pub steal_share: Option<f64>,
    /// Share of all CPU time in software interrupts.
    pub softirq_share: Option<f64>,
    /// CPU time beyond that of server and generator, in CPUs.
    pub other_cpus_used: Option<f64>,
    /// Slab at the end: kernel objects such as sockets.
    pub slab_bytes: Option<u64>,
    /// Slab by cache at the end, the greatest ones; null where /proc/slabinfo can't be read.
    pub slab_by_cache_bytes: Option<BTreeMap<String, u64>>,
    /// Page tables at the end.
    pub page_tables_bytes: Option<u64>,
    /// Memory in TCP buffers at the end.
    pub tcp_buffers_bytes: Option<u64>,
    /// TCP sockets in use at the end.
    pub tcp_sockets: Option<u64>,
    /// Free memory at the end.
    pub free_bytes: Option<u64>,
    /// Connections that an accept queue had no room for, in the window and the ramp before it.
    pub listen_overflows: Option<u64>,
    /// TCP segments sent again, likewise.
    pub retransmits: Option<u64>,
}
