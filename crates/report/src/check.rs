//! Checks, and the verdict that follows from them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether figures may be believed. Ordered: the worst is the greatest.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Every check passed.
    #[default]
    Valid,
    /// There are no figures.
    #[serde(rename = "not measured")]
    NotMeasured,
    /// Something may have shifted the figures; the advice says what.
    Suspect,
    /// The figures must not be used.
    Invalid,
}

/// One validity test of a trial or of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Which test; stable.
    pub id: String,
    /// The trial it belongs to, such as `block 2, closed`; null for the whole model or run.
    pub trial: Option<String>,
    /// Whether it passed.
    pub passed: bool,
    /// What the verdict becomes when it doesn't.
    pub fails_as: Status,
    /// The value that was measured; null when the test isn't about a number.
    pub measured: Option<f64>,
    /// The value it was held against.
    pub threshold: Option<f64>,
    /// What was measured, in words.
    pub detail: String,
    /// What to do when it failed.
    pub advice: String,
}

/// The worst of its checks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Whether the figures may be believed.
    pub status: Status,
    /// The checks: on disk those that failed, because all of them are beside the trials.
    pub checks: Vec<Check>,
    /// How many passed; 0 in reports of version 1, which name each of them above.
    #[serde(default)]
    pub checks_passed: u32,
}

impl Status {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::NotMeasured => "not measured",
            Self::Suspect => "suspect",
            Self::Invalid => "invalid",
        }
    }
}

impl Check {
    /// Begins a check that turns the verdict to `fails_as` unless `passed`.
    pub fn new(id: &str, fails_as: Status, passed: bool, detail: String, advice: &str) -> Self {
        Self {
            id: id.to_owned(),
            trial: None,
            passed,
            fails_as,
            measured: None,
            threshold: None,
            detail,
            advice: advice.to_owned(),
        }
    }

    /// Names the value and what it was held against. (A value that is no number, the quotient
    /// of nothing by nothing for instance, has no place in JSON and stays null.)
    #[must_use]
    pub fn values(mut self, measured: f64, threshold: f64) -> Self {
        self.measured = measured.is_finite().then_some(measured);
        self.threshold = Some(threshold);
        self
    }

    /// What this check alone makes of the verdict.
    pub fn status(&self) -> Status {
        if self.passed {
            Status::Valid
        } else {
            self.fails_as
        }
    }
}

impl Verdict {
    /// The verdict of these checks.
    pub fn of(checks: Vec<Check>) -> Self {
        let status = checks.iter().map(Check::status).max().unwrap_or_default();
        let passed = checks.iter().filter(|check| check.passed);
        Self {
            status,
            checks_passed: passed.count() as u32,
            checks,
        }
    }

    /// The same without the checks that passed.
    #[must_use]
    pub fn without_passed(mut self) -> Self {
        self.checks.retain(|check| !check.passed);
        self
    }

    /// The first of the worst checks that failed.
    pub fn worst(&self) -> Option<&Check> {
        self.checks
            .iter()
            .find(|check| !check.passed && check.fails_as == self.status)
    }
}
