//! The report of a run: what was planned, on which machine, and what came of it.

use crate::{
    check::{Status, Verdict},
    comparison::FigureRanking,
    environment::Environment,
    hosts::RunHost,
    link::Link,
    trial::Load,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The schema that [`RunReport`]s of this version name.
pub const RUN_SCHEMA: &str = "millionfold/run-report/2";

/// The schema of version 1, which is still read.
pub const RUN_SCHEMA_1: &str = "millionfold/run-report/1";

/// The most models of a run: all pairs of them are compared.
pub const MODELS_MAX: usize = 200;

/// Everything about a run that isn't about one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunReport {
    /// `millionfold/run-report/2`.
    pub schema: String,
    /// The name of the run's directory.
    pub run: String,
    /// Which run it is, wherever its directory lies: a number by lot, in hexadecimal digits. Null in
    /// reports from before it was taken.
    #[serde(default)]
    pub id: Option<String>,
    /// When it began, in UTC.
    pub started_at: String,
    /// The run was ended before all its blocks were done.
    pub interrupted: bool,
    /// What was to be done.
    pub plan: Plan,
    /// The order of models in each block, as far as blocks were begun.
    pub block_order: Vec<Vec<String>>,
    /// Why no more blocks were begun, where the plan has looks: of loads that are measured together
    /// one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stops: Vec<Stop>,
    /// What came of each model.
    pub models: Vec<ModelOutcome>,
    /// Each figure over all contestants that have it; empty until the run is over, and for a run of
    /// one model.
    #[serde(default)]
    pub rankings: Vec<FigureRanking>,
    /// Why contestants could not be compared. It follows from their reports, so it isn't on disk.
    #[serde(skip)]
    pub not_compared: Vec<String>,
    /// A model that was run twice, under two names.
    #[serde(default)]
    pub aa_control: Option<AaControl>,
    /// The worst of all models' verdicts, with the checks of the run itself.
    pub verdict: Verdict,
    /// The machine, or that of the servers.
    pub environment: Environment,
    /// The machines that generated; empty where it was the same one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<RunHost>,
}

impl RunReport {
    /// Of a run that begins: `name` is its directory's.
    pub fn new(name: &str, started_at: String, plan: Plan, environment: Environment) -> Self {
        Self {
            schema: RUN_SCHEMA.to_owned(),
            run: name.to_owned(),
            id: None,
            started_at,
            // Until the last block is done.
            interrupted: true,
            plan,
            block_order: Vec::new(),
            stops: Vec::new(),
            models: Vec::new(),
            rankings: Vec::new(),
            not_compared: Vec::new(),
            aa_control: None,
            verdict: Verdict::default(),
            environment,
            hosts: Vec::new(),
        }
    }

    /// Whether both are reports of one run, so that a block is the same block in both. Names of
    /// directories don't say so: they are seconds, and others' machines have the same.
    pub fn is_same_run(&self, other: &Self) -> bool {
        match (&self.id, &other.id) {
            (Some(id), Some(other)) => id == other,
            (None, None) => {
                let of_old = |run: &Self| (run.started_at.clone(), run.block_order.clone());
                of_old(self) == of_old(other)
                    && self.plan.seed == other.plan.seed
                    && self.environment == other.environment
            }
            _ => false,
        }
    }
}

/// After how many blocks a plan with looks ended, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stop {
    /// Words of the loads that were measured in these blocks.
    pub loads: Vec<String>,
    /// Blocks that count: those that were made again are not among them.
    pub blocks: u32,
    /// Why there are no more.
    pub reason: StopReason,
}

/// Why a look was the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// Every pair of models is decided, or equal, in every primary figure of the loads. Also where
    /// there is no pair.
    Decided,
    /// Something was undecided, and blocks beyond those that are needed at least had taken as long as
    /// the patience lasts.
    OutOfPatience,
    /// Something was undecided, and the plan has no more looks.
    LastLook,
}

/// A model that was run twice, under two names: where it differs from itself, so may others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AaControl {
    /// The model.
    pub model: String,
    /// Its other name.
    pub control: String,
}

/// What came of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelOutcome {
    /// Its name.
    pub name: String,
    /// Its report's file, beside this one.
    pub report: String,
    /// Its verdict.
    pub status: Status,
    /// Why it could not be measured.
    pub failure: Option<String>,
}

/// What a run decided before it started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Names of the models.
    pub models: Vec<String>,
    /// The scenario's name, where loads come from one.
    #[serde(default)]
    pub scenario: Option<String>,
    /// One trial of each model and load per block; with `looks`, at most so many.
    pub blocks: u32,
    /// After so many blocks it is seen whether the primary figures are decided, ascending, the last
    /// is `blocks`. Empty: the number of blocks was fixed. As the looks are fixed beforehand, each
    /// may use its share of the error.
    #[serde(default)]
    pub looks: Vec<u32>,
    /// So long may blocks take that aren't needed at least: those that are made again, and those after
    /// the first look. (Older reports: a look this late into the run was the last.) Null: half of the
    /// planned time for those that are made again, and as many looks as there are.
    #[serde(default)]
    pub patience_s: Option<f64>,
    /// Ids of the figures that decide, fixed beforehand. `common_rate` stands for the lowest rate of
    /// open load, which all models are given. Empty in reports from before it was declared.
    #[serde(default)]
    pub primary_figures: Vec<String>,
    /// Of the shuffling.
    pub seed: u64,
    /// `framed`, `raw`, `http1` or `websocket`.
    pub wire: String,
    /// What is asked in HTTP; null on other wires.
    #[serde(default)]
    pub http: Option<HttpRequest>,
    /// As on the command line: `echo`, `discard`, `relay`, `cpu:1000`, `wait:5ms`, `block:10ms` or a mix.
    pub workload: String,
    /// Payload of a request (framed), its size (raw, websocket), or that of its body (http1).
    pub payload_bytes: u32,
    /// What is measured in each block.
    pub loads: Vec<PlannedLoad>,
    /// Processes of the server, which share its port: more than one where the limit of open files
    /// asks for it.
    #[serde(default = "one")]
    pub server_processes: u32,
    /// I/O threads of each server process; with a ladder its top.
    pub server_threads: u32,
    /// Each model takes part once with each of these numbers of threads, ascending, on as many of the
    /// server's CPUs, and stands as `name@threads` in `models`. Empty: there is no such ladder.
    #[serde(default)]
    pub server_threads_ladder: Vec<u32>,
    /// CPUs that servers run on; empty: any.
    pub server_cpus: Vec<usize>,
    /// Generator processes.
    pub client_processes: u32,
    /// Threads of each generator process.
    pub client_threads: u32,
    /// CPUs that generators run on; empty: any.
    pub client_cpus: Vec<usize>,
    /// CPUs that the backend runs on, where servers relay: the null server, whose CPU time isn't theirs.
    /// Empty: any; null: there is no backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_cpus: Option<Vec<usize>>,
    /// The most files that a process may have open; null: no limit.
    #[serde(default)]
    pub open_files_max: Option<u64>,
    /// The link between servers and generators, which then are in network namespaces of their own;
    /// null: loopback.
    #[serde(default)]
    pub network: Option<Link>,
    /// What the machines of a run over several are, that of the servers first; empty: there was one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// The network that source addresses are taken from, from its first on.
    #[serde(default = "loopback")]
    pub source_network: String,
    /// How many of its addresses connections come from.
    #[serde(default = "one")]
    pub source_addresses: u32,
    /// Connections from one source address.
    pub connections_per_source: u32,
    /// How long all blocks will take, without builds.
    pub expected_s: f64,
    /// All servers ran already, so nobody started or placed them, and `server_*` say nothing of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_target: bool,
}

/// A request in HTTP, which is sent again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HttpRequest {
    /// Method and path: `GET /path`.
    pub line: String,
    /// Names of the header fields that were asked for. Their values may be secrets.
    pub fields: Vec<String>,
    /// Which replies are right, as on the command line: `status=204,body=any`. Without a status any
    /// from 200 to 299; `body=same` is that which came first, `body=echo` that of its request.
    pub expect: String,
}

/// What reports from before a field was written had.
fn one() -> u32 {
    1
}

fn loopback() -> String {
    "127.0.0.0/8".to_owned()
}

/// One load of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedLoad {
    /// How requests arrive.
    pub load: Load,
    /// Counts of connections, ascending. One window each, with a schedule one for each of them at
    /// each rate.
    pub connections: Vec<u32>,
    /// With a schedule: requests per second. Empty until the peak is known that they depend on.
    #[serde(default)]
    pub rates_per_s: Vec<f64>,
    /// The lowest rate as a share of the slowest model's peak in this run; null when rates
    /// are given. Over a ladder of connections a peak is the lowest rate of closed load over
    /// as many connections or fewer.
    #[serde(default)]
    pub rate_share_of_peak: Option<f64>,
    /// Load before each window, at least.
    pub warm_up_us: u64,
    /// After this long the window opens even if the load isn't steady; null where the
    /// warm-up's end isn't detected.
    #[serde(default)]
    pub warm_up_max_us: Option<u64>,
    /// Length of each window.
    pub window_us: u64,
    /// Whether an idle load's connections are held at the top of the ladder for long; null: for one
    /// window, as at each other count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
}

/// How connections are held for long: in rounds, each with a window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// The last round is the one that has begun by then.
    pub length_us: u64,
    /// Share of the connections that are closed before each round, and opened anew: 0 to 0.5.
    pub replaced_share: f64,
}

impl Hold {
    /// How many of so many connections are replaced before each round.
    pub fn replaced(&self, connections: u32) -> u32 {
        (f64::from(connections) * self.replaced_share).round() as u32
    }
}

/// An idle window shorter than this has too few messages to say anything.
const IDLE_WINDOW_MIN_US: u64 = 500_000;

impl PlannedLoad {
    /// Windows of one trial: connections, and the rate where there is one.
    pub fn windows(&self) -> Vec<(u32, Option<f64>)> {
        let counts = self.connections.iter().copied();
        if !self.load.is_scheduled() {
            return counts.map(|count| (count, None)).collect();
        }
        let at_rates = |count| {
            self.rates_per_s
                .iter()
                .map(move |&rate| (count, Some(rate)))
        };
        counts.flat_map(at_rates).collect()
    }

    /// The top of the ladder.
    pub fn connections_max(&self) -> u32 {
        self.connections.iter().copied().max().unwrap_or(1)
    }

    /// Requests outstanding at a time over so many connections: a round of closed load. `None` for
    /// other loads.
    pub fn round(&self, connections: u32) -> Option<u64> {
        let Load::Closed { outstanding } = self.load else {
            return None;
        };
        Some(u64::from(connections) * u64::from(outstanding))
    }

    /// Between two messages on one of so many idle connections: an idle load has the same rate
    /// over all of them at every step of its ladder. `None` for other loads.
    pub fn message_interval_us(&self, connections: u32) -> Option<u64> {
        let Load::Idle { interval_us } = self.load else {
            return None;
        };
        Some(self.share(interval_us, connections))
    }

    /// Length of the window over so many connections: an idle load's is shorter where a round of
    /// messages is.
    pub fn window_us_over(&self, connections: u32) -> u64 {
        match self.load {
            Load::Idle { .. } => self
                .share(self.window_us, connections)
                .max(IDLE_WINDOW_MIN_US.min(self.window_us)),
            _ => self.window_us,
        }
    }

    fn share(&self, of_us: u64, connections: u32) -> u64 {
        let share = u128::from(of_us) * u128::from(connections);
        (share / u128::from(self.connections_max())) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_known_by_its_id_and_not_by_the_second_in_which_it_began() {
        let run = |id: Option<&str>, kernel: &str| RunReport {
            id: id.map(str::to_owned),
            ..RunReport::new(
                "now",
                "now".to_owned(),
                Plan::default(),
                Environment {
                    kernel: Some(kernel.to_owned()),
                    ..Environment::default()
                },
            )
        };
        assert!(run(Some("1"), "6.1").is_same_run(&run(Some("1"), "6.1")));
        assert!(!run(Some("1"), "6.1").is_same_run(&run(Some("2"), "6.1")));
        assert!(!run(Some("1"), "6.1").is_same_run(&run(None, "6.1")));
        // Of old reports everything has to be the same.
        assert!(run(None, "6.1").is_same_run(&run(None, "6.1")));
        assert!(!run(None, "6.1").is_same_run(&run(None, "6.8")));
    }
}
