//! The report of a comparison: two models of one run, or one model before and after a change. And
//! what all contestants of a run come to, figure by figure: rank intervals.

use crate::numbers::Range;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The schema that [`ComparisonReport`]s of this version name.
pub const COMPARISON_SCHEMA: &str = "millionfold/comparison-report/2";

/// Blocks that two contestants need in common. With fewer the variance between servers is so poorly
/// known that an interval would be wider than what anybody asks about.
pub const BLOCKS_MIN: u32 = 6;

/// What all words about the primary figures of a run may be wrong, as a probability.
pub const ERROR_MAX: f64 = 0.05;

/// The same for each of four looks at a growing number of blocks (6, 9, 13, 18), the same at each, so
/// that all of them together err as rarely as one look at [`ERROR_MAX`] would.
///
/// The looks are Pocock's ("Group sequential methods in the design and analysis of clinical
/// trials", Biometrika 64, 1977), whose share for one normal difference and equal steps is 0.0182.
/// The greatest of many differences with estimated variances resembles itself less from look to
/// look, so it is less here: by simulation 0.015 errs in 4.2 to 5.1 % of runs of 2, 6 and 14
/// contestants. O'Brien and Fleming's limits would leave six blocks 0.0007, which they can't reach.
pub const ERROR_OF_A_LOOK: f64 = 0.015;

/// CPU per request as it is compared, by the end of its id: of the server's CPUs, on which the kernel
/// works for a server outside of its processes; where the reports have no such figure, of its
/// processes.
pub const CPU_PER_REQUEST: [&str; 2] = ["server_cpus_us_per_request", "server_cpu_us_per_request"];

/// Response times as they are compared: less the generator's own lag; where the reports don't have
/// that, as they were measured.
pub const RESPONSE_TIME: [&str; 2] = ["prompt_response_time_us", "response_time_us"];

/// Service times likewise.
pub const SERVICE_TIME: [&str; 2] = ["server_time_us", "service_time_us"];

/// Two models compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparisonReport {
    /// `millionfold/comparison-report/2`.
    pub schema: String,
    /// What it is held against.
    pub baseline: Side,
    /// What is judged.
    pub candidate: Side,
    /// The sides are from different runs, so that their blocks have nothing in common.
    pub across_runs: bool,
    /// How their machines, settings and programs differ; empty within a run.
    pub differences: Vec<SettingDifference>,
    /// Figures that both sides have.
    pub figures: Vec<ComparedFigure>,
    /// At least one figure is a regression.
    pub regression: bool,
    /// Changes for the worse up to this share are no regression; null where nothing was judged as
    /// one.
    pub threshold: Option<f64>,
    /// Ratios from 1 / (1 + margin) to 1 + margin are as good as equal, as a share.
    pub margin: f64,
    /// What to keep in mind, and what could not be compared.
    pub notes: Vec<String>,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// Name of the run's directory.
    pub run: String,
    /// Name of the model.
    pub model: String,
    /// SHA-256 of the executable.
    pub binary_sha256: Option<String>,
}

/// A setting in which two runs differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingDifference {
    /// Its name, as in the report of a run: `kernel`, `sysctls.net.ipv4.tcp_congestion_control`.
    pub setting: String,
    /// Its value on the baseline's side; `unknown` where it wasn't taken down.
    pub baseline: String,
    /// Its value on the candidate's side; likewise.
    pub candidate: String,
}

/// One figure of both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedFigure {
    /// Its path in the summary of a model's report, with what must be equal on both sides; stable.
    pub id: String,
    /// In words.
    pub label: String,
    /// Of `baseline` and `candidate`.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
    /// The plan declared it beforehand as one that decides. Others are exploratory: they have an
    /// interval, and no word.
    pub primary: bool,
    /// Median of the baseline's blocks.
    pub baseline: f64,
    /// Median of the candidate's blocks.
    pub candidate: f64,
    /// Candidate over baseline.
    pub comparison: Comparison,
    /// Primary, not suspect, and worse by more than the threshold for all that a one-sided interval
    /// allows.
    pub regression: bool,
    /// Why comparisons of this figure aren't to be trusted in this run; null when nothing says so.
    pub suspect: Option<String>,
}

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// The more the better.
    Higher,
    /// The less the better.
    Lower,
}

/// Two models compared block by block. Ratios are candidate over baseline; 1 is no difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Blocks that both have; of different runs, those of the side that has fewer.
    pub blocks: u32,
    /// The geometric mean of the blocks' ratios; of different runs, the ratio of the geometric
    /// means.
    pub ratio: f64,
    /// Where the ratio lies, a bound on either side with its slack. Intervals of all pairs that were
    /// compared in this figure hold all together. Null with fewer than six blocks, across runs, and where
    /// a bound has no end.
    pub interval: Option<Range>,
    /// What the intervals of this figure promise together, 0 to 1: 0.95 for exploratory figures,
    /// more for primary ones, which share what error there may be.
    pub confidence: Option<f64>,
    /// Probability of so clear a difference in any of the pairs compared in this figure, if none
    /// differed, 0 to 1. Null where the interval is, and where a side is a bound.
    pub p: Option<f64>,
    /// Of two models: the p of the exact sign-flip test, which supposes less and says less.
    pub p_sign_flip: Option<f64>,
    /// What may be said about it; null for exploratory figures, and across runs.
    pub difference: Option<Difference>,
}

/// What may be said about a difference: of the candidate against the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// The candidate's figure is higher: the whole interval is.
    Higher,
    /// The candidate's figure is lower: the whole interval is.
    Lower,
    /// The whole interval lies within the margin.
    Equal,
    /// The interval allows more than one of these, or there is none.
    CantTell,
}

impl Difference {
    /// The words for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::Equal => "equal within the margin",
            Self::CantTell => "can't tell",
        }
    }
}

/// One figure over all contestants of a run that have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FigureRanking {
    /// As in [`ComparedFigure`].
    pub id: String,
    /// In words.
    pub label: String,
    /// Of the medians.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
    /// The plan declared it beforehand as one that decides.
    pub primary: bool,
    /// What the intervals of all pairs, and so the ranks, promise together, 0 to 1.
    pub confidence: f64,
    /// Pairs of contestants.
    pub pairs: u32,
    /// Pairs of which one is higher.
    pub pairs_decided: u32,
    /// Pairs that are equal within the margin.
    pub pairs_equal: u32,
    /// The contestants, the best first.
    pub contestants: Vec<RankedContestant>,
    /// Why comparisons of this figure aren't to be trusted; null when nothing says so.
    pub suspect: Option<String>,
}

/// A contestant's place in one figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ranks {
    /// One more than the contestants that are surely better, from 1.
    pub best: u32,
    /// As many as there are, less those that are surely worse.
    pub worst: u32,
}

/// A contestant in one figure, with its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankedContestant {
    /// Its name.
    pub model: String,
    /// Median of its blocks.
    pub median: f64,
    /// Between which ranks it lies; 1 is the best.
    pub ranks: Ranks,
}
