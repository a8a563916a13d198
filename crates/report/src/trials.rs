//! What a model's figures are drawn from, in a file beside its report: `<model>.trials.json.gz`.

use crate::{check::Check, trial::Trial};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The schema that [`TrialsReport`]s of this version name.
pub const TRIALS_SCHEMA: &str = "millionfold/trials/2";

/// Everything that the figures of one model in one run are drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialsReport {
    /// `millionfold/trials/2`.
    pub schema: String,
    /// Which run this belongs to: the name of its directory.
    pub run: String,
    /// The model's name.
    pub model: String,
    /// All checks, passed or not.
    pub checks: Vec<Check>,
    /// Histograms, series, resources.
    pub trials: Vec<Trial>,
}
