//! The report of one model: what it is, and the summary. What the figures come from is in
//! [`crate::trial`].

mod loads;

pub use crate::numbers::{Percentiles, Range, Spread, Times};
use crate::{
    check::{Status, Verdict},
    trial::{Load, Trial},
};
pub use loads::{Capacity, Peak, Scheduled};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The schema that [`ModelReport`]s of this version name.
pub const MODEL_SCHEMA: &str = "millionfold/model-report/2";

/// The schema of version 1, which is still read.
pub const MODEL_SCHEMA_1: &str = "millionfold/model-report/1";

/// Everything about one model in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelReport {
    /// `millionfold/model-report/2`.
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
    /// What the rate at this work is held against on this machine; null where there is no such
    /// thing.
    #[serde(default)]
    pub ceiling: Option<Ceiling>,
    /// What the server's CPU time went to; null where no profile was taken.
    #[serde(default)]
    pub profile: Option<Profile>,
    /// The highest rate of a short ramp in open load that the model held: from the slowest model's
    /// the rates of open load follow. Null where rates were given.
    #[serde(default)]
    pub sustained_rate_per_s: Option<f64>,
    /// The figures.
    pub summary: Summary,
    /// The figures over all blocks, those that were made again included, by their paths; empty when
    /// none was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub all_blocks: BTreeMap<String, f64>,
    /// Reasons for what is null in the summary, by the field's path.
    pub not_measured: BTreeMap<String, String>,
    /// What the figures come from: in a file of its own ([`crate::trials`]), in version 1 here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<Trial>,
}

impl ModelReport {
    /// Of a model that nothing is known of yet, in the run of this name.
    pub fn new(run: &str, model: Model) -> Self {
        Self {
            schema: MODEL_SCHEMA.to_owned(),
            run: run.to_owned(),
            // Until the last block is done.
            interrupted: true,
            model,
            verdict: Verdict::default(),
            failure: None,
            ceiling: None,
            profile: None,
            sustained_rate_per_s: None,
            summary: Summary::default(),
            all_blocks: BTreeMap::new(),
            not_measured: BTreeMap::new(),
            trials: Vec::new(),
        }
    }

    /// Whether its capacity is a floor, of which its verdict says nothing: in reports from before it did.
    pub fn has_untold_floor(&self) -> bool {
        let is_floor = self.summary.capacity.as_ref().map(|of| of.generator_bound);
        let told = self.verdict.figures.get("capacity.rate_per_s");
        is_floor == Some(true)
            && told.is_none_or(|of| of.status == Status::Valid && of.bound.is_none())
    }
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// Its crate's name without `model-`.
    pub name: String,
    /// In words.
    pub title: String,
    /// I/O threads of each of its processes, where the run has a ladder of those: `name` ends in
    /// `@threads` then. Null: as the plan says.
    #[serde(default)]
    pub threads: Option<u32>,
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
    /// What is known of a server that isn't ours; null for a model of the workspace.
    #[serde(default)]
    pub external: Option<External>,
}

/// A server that keeps no launch contract: somebody else's, in any language.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct External {
    /// How it is started, without directories; null when it was running already.
    pub command: Option<String>,
    /// Where it was running already; null when it was started.
    pub target: Option<String>,
    /// What says which processes are measured: `descendants` of the one that was started, `pid`,
    /// or `unknown`.
    pub processes: String,
}

/// Why a model could not be measured, or not to the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// When it happened.
    pub phase: Phase,
    /// What happened.
    pub reason: String,
    /// What the program wrote last to standard error.
    pub stderr_tail: String,
    /// What to do about it; null in reports from before it was said.
    #[serde(default)]
    pub way_out: Option<String>,
}

/// When a model failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Its program was built.
    Build,
    /// It was asked whether it can run here.
    Preflight,
    /// It was started.
    Start,
    /// It was under load.
    Run,
    /// It was stopped.
    Stop,
    /// It wasn't the model that failed, but what loaded it.
    Generator,
}

impl Phase {
    /// The word for it, as in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Preflight => "preflight",
            Self::Start => "start",
            Self::Run => "run",
            Self::Stop => "stop",
            Self::Generator => "generator",
        }
    }
}

/// What a rate is held against: what the machine, or a plain loop on it, can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ceiling {
    /// Requests per second; of several the highest.
    pub rate_per_s: f64,
    /// Where it comes from.
    pub what: String,
    /// The same for each count of connections, where it depends on them: the median of the blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<CeilingStep>,
}

/// A ceiling over one count of connections.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CeilingStep {
    /// Connections, all active.
    pub connections: u32,
    /// Requests per second.
    pub rate_per_s: f64,
}

impl Ceiling {
    /// The ceiling over so many connections.
    pub fn over(&self, connections: u32) -> f64 {
        let mut steps = self.steps.iter();
        let step = steps.find(|step| step.connections == connections);
        step.map_or(self.rate_per_s, |step| step.rate_per_s)
    }
}

/// What a server's CPU time went to, by samples of its stacks. They are taken under load in a window
/// of their own, because that slows the server down: no other figure is from there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// Under which load.
    pub load: Load,
    /// Over how many connections; for churn the most at a time.
    pub connections: u32,
    /// Requests per second that the schedule was made for; null without one.
    pub rate_per_s: Option<f64>,
    /// Samples, each of a thread that was running; at least 1.
    pub samples: u64,
    /// Samples were taken in user space only: what the kernel does for the server isn't among them.
    #[serde(default)]
    pub user_only: bool,
    /// The flame graph's file, beside the report.
    pub flame_graph: String,
    /// The functions that most samples were taken in, the most frequent first.
    pub top: Vec<ProfiledFunction>,
}

/// A function, by how often it was running when a sample was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfiledFunction {
    /// As its symbol says.
    pub name: String,
    /// It is the kernel's.
    pub in_kernel: bool,
    /// Samples in the function itself, not in what it called, as a share of all, 0 to 1.
    pub self_share: f64,
}

/// The figures: a part is null when its load wasn't part of the run or failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// What an idle connection costs in memory.
    pub memory: Option<Memory>,
    /// The highest rate in closed load.
    pub peak: Option<Peak>,
    /// Closed load at every count of connections, from the fewest to the most.
    #[serde(default)]
    pub closed_ladder: Vec<Peak>,
    /// Open load over the fewest connections at its lowest rate: in a comparison the one that every
    /// model was given.
    #[serde(default)]
    pub open: Option<Scheduled>,
    /// Open load over every count of connections at every rate, from the fewest and the lowest.
    #[serde(default)]
    pub open_ladder: Vec<Scheduled>,
    /// Connections that are opened, ask once and are closed.
    #[serde(default)]
    pub churn: Option<Scheduled>,
    /// The highest rate that meets a target.
    #[serde(default)]
    pub capacity: Option<Capacity>,
    /// What became of connections that were held for long; null where none were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// What each of the server's threads had of closed load (without it of open load), from the one
    /// that had most requests on: the median of the trials. Empty where a server doesn't tell.
    #[serde(default)]
    pub thread_shares: Vec<ThreadShare>,
}

/// One thread's part of what all had, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadShare {
    /// Of the connections, which it accepted.
    pub connections: f64,
    /// Of the requests, which it received; where the wire has no frames, of their bytes.
    pub requests: f64,
}

/// What an idle connection costs in memory, over a ladder of connection counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// PSS of the server at the top of the ladder less that before its first connection, per
    /// connection: the median of the trials. (Older reports: the slope of a line.)
    pub user_bytes_per_connection: Option<f64>,
    /// The least and the greatest among the trials.
    pub user_bytes_per_connection_range: Option<Range>,
    /// The same for each of the connections that the ladder's last step added.
    #[serde(default)]
    pub user_marginal_bytes_per_connection: Option<f64>,
    /// PSS of the server before its first connection: the median of the trials.
    #[serde(default)]
    pub user_empty_bytes: Option<f64>,
    /// Slab of the whole machine from the ladder's first step to its top, per connection, which on
    /// one machine is **both** endpoints, the server's and the generator's. What observers left is
    /// subtracted.
    pub kernel_bytes_per_connection: Option<f64>,
    /// The least and the greatest among the trials.
    pub kernel_bytes_per_connection_range: Option<Range>,
    /// The same for each of the connections that the ladder's last step added.
    #[serde(default)]
    pub kernel_marginal_bytes_per_connection: Option<f64>,
    /// What was subtracted, the most among the trials: inodes, dentries and security blobs that the
    /// kernel keeps because somebody listed open files or threads in /proc.
    #[serde(default)]
    pub kernel_observers_bytes_per_connection: Option<f64>,
    /// The kernel's memory by slab cache, observers' share subtracted, the median of the trials:
    /// caches over 1 byte per connection. The kernel may keep objects in another cache of equal
    /// object size.
    #[serde(default)]
    pub kernel_by_cache_bytes_per_connection: BTreeMap<String, f64>,
    /// The top of the ladder.
    pub connections_max: u32,
    /// Who holds what; null in reports from before it was taken.
    #[serde(default)]
    pub by_owner: Option<MemoryByOwner>,
    /// The whole machine at the top of the ladder; null likewise.
    #[serde(default)]
    pub machine: Option<MachineMemoryUse>,
}

/// What became of connections that were held for long, in the trial that lost most of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// How many there were.
    pub connections: u32,
    /// Rounds, each with a window in which every connection has its turn.
    pub rounds: u32,
    /// From the beginning of the first round to the end of the last.
    pub length_s: f64,
    /// Connections that were closed between rounds, and opened anew, over all rounds.
    pub replaced: u64,
    /// Those that went otherwise.
    pub lost: u64,
    /// Rounds in which some connection had no reply.
    pub rounds_with_unserved: u32,
    /// How the server's PSS moved, in bytes for each connection and hour; null where it can't be read, or
    /// the rounds are too few.
    pub server_user_bytes_per_connection_hour: Option<Drift>,
    /// The generator's likewise.
    pub generator_user_bytes_per_connection_hour: Option<Drift>,
    /// The kernel's slab likewise, what observers left subtracted: of both ends, on one machine.
    pub kernel_bytes_per_connection_hour: Option<Drift>,
    /// Descriptors of the server, as seen after each round.
    pub server_descriptors: Option<Range>,
    /// Descriptors of the generator likewise.
    pub generator_descriptors: Option<Range>,
}

/// How a quantity moves in time: the slope of the least-squares line over the rounds, with its interval at
/// 95 %, which counts rounds that follow each other as the less, the more alike they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// The slope.
    pub per_hour: f64,
    /// The interval's lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// What each side holds per connection: the medians of the trials' slopes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryByOwner {
    /// PSS of the server: the same as `user_bytes_per_connection`.
    pub server_user_bytes_per_connection: Option<f64>,
    /// What the kernel holds for the server's ends: half of what both ends have alike (socket,
    /// inode, dentry, file), page tables of the server, and everything that isn't the
    /// generator's.
    pub server_kernel_bytes_per_connection: Option<f64>,
    /// PSS of the generator.
    pub generator_user_bytes_per_connection: Option<f64>,
    /// PSS of all generator processes before their first connection: not in the slope.
    pub generator_user_empty_bytes: Option<f64>,
    /// What the kernel holds for the generator's ends: the other half, its page tables, and one
    /// epoll entry for each connection.
    pub generator_kernel_bytes_per_connection: Option<f64>,
}

/// What the whole machine lost to the top of the ladder, and whether the parts make up the whole.
/// Medians of the trials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MachineMemoryUse {
    /// The fall of free memory from before the server's start, page cache aside.
    pub lost_bytes: f64,
    /// PSS of server and generator, and the growth of slab, page tables, kernel stacks and memory
    /// per CPU.
    pub accounted_bytes: f64,
    /// Lost and not accounted, as a share of what was lost; negative when more is accounted than
    /// was lost. (Until version 0.2.0 of the trial that was worst.)
    pub unaccounted_share: f64,
    /// The rise of the `used` column of `free` and dstat, which articles quote. It leaves out
    /// socket inodes and dentries.
    pub used_bytes: f64,
}
