//! Several values in one figure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A figure over several trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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

/// Percentiles in microseconds over several trials: of each the median of the trials' own, so that
/// one bad trial of six doesn't make the figure. One that too few requests stand behind is null: p99
/// takes 1,000 in each trial, p99.9 takes 10,000.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Half were at most this.
    pub p50: Option<f64>,
    /// 90 % were at most this.
    pub p90: Option<f64>,
    /// 99 % were at most this.
    pub p99: Option<f64>,
    /// 99.9 % were at most this.
    pub p99_9: Option<f64>,
    /// All were at most this.
    pub max: Option<f64>,
    /// The least and the greatest among the trials, by the name of the percentile. (Older reports:
    /// empty, and the percentiles are of the sum of the trials' histograms.)
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ranges: BTreeMap<String, Range>,
}
