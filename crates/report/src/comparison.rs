//! The report of a comparison: two models of one run, or one model before and after a change.

use crate::numbers::Range;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The schema that [`ComparisonReport`]s of this version name.
pub const COMPARISON_SCHEMA: &str = "millionfold/comparison-report/1";

/// Two models compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparisonReport {
    /// `millionfold/comparison-report/1`.
    pub schema: String,
    /// What it is held against.
    pub baseline: Side,
    /// What is judged.
    pub candidate: Side,
    /// Figures that both sides have.
    pub figures: Vec<ComparedFigure>,
    /// At least one figure is a regression.
    pub regression: bool,
    /// Changes for the worse up to this share are no regression.
    pub threshold: f64,
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

/// One figure of both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedFigure {
    /// Its path in the summary of a model's report; stable.
    pub id: String,
    /// In words.
    pub label: String,
    /// Of `baseline` and `candidate`.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
    /// Median of the baseline's compared blocks.
    pub baseline: f64,
    /// Median of the candidate's compared blocks.
    pub candidate: f64,
    /// Candidate over baseline.
    pub comparison: Comparison,
    /// Worse, and by more than the threshold for all that the interval allows.
    pub regression: bool,
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
    /// Pairs that were compared.
    pub blocks: u32,
    /// With fewer blocks than this no difference, however great, could have been stated.
    pub blocks_needed: u32,
    /// The middle of the blocks' ratios.
    pub ratio: f64,
    /// 95 % interval of the ratio. With fewer than six blocks, which allow no such interval,
    /// the least and the greatest of the blocks' ratios.
    pub interval: Range,
    /// Probability of so clear a difference between two models that don't differ, 0 to 1.
    pub p: f64,
    /// The same, adjusted for the number of pairs of models compared; that of one pair is `p`.
    pub p_adjusted: f64,
    /// Ratios from 1 / (1 + band) to 1 + band are noise, as a share.
    pub band: f64,
    /// What may be said about it.
    pub difference: Difference,
}

/// What may be said about a difference: of the candidate against the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// The candidate's figure is higher.
    Higher,
    /// The candidate's figure is lower.
    Lower,
    /// If there is one, it is lost in the noise.
    NotDetectable,
    /// No difference could have been stated, however great.
    TooFewBlocks,
}

impl Difference {
    /// The words for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::NotDetectable => "no detectable difference",
            Self::TooFewBlocks => "too few blocks to tell",
        }
    }
}
