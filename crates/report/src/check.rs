//! Checks, and the verdict that follows from them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whether figures may be believed. Ordered: the worst is the greatest.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It stands.
    #[default]
    Valid,
    /// There is none.
    #[serde(rename = "not measured")]
    NotMeasured,
    /// It is biased by a named cause.
    Suspect,
    /// What it claims did not happen.
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
    /// What figures that it touches become when it doesn't.
    pub fails_as: Status,
    /// The value that was measured; null when the test isn't about a number.
    pub measured: Option<f64>,
    /// The value it was held against.
    pub threshold: Option<f64>,
    /// What was measured, in words.
    pub detail: String,
    /// What to do when it failed.
    pub advice: String,
    /// Which figures of that trial it touches, and how. (Older reports: empty, a check touched
    /// them all.)
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<Touch>,
}

/// What a check says of one kind of figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Touch {
    /// Which.
    pub figure: FigureKind,
    /// How.
    pub effect: Effect,
}

/// Kinds of figures, as far as checks tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FigureKind {
    /// Bytes of the server per connection.
    UserMemory,
    /// Bytes of the kernel per connection.
    KernelMemory,
    /// Requests per second.
    Rate,
    /// CPU time per request.
    Cpu,
    /// The median of service or response times.
    P50,
    /// Their 90th percentile.
    P90,
    /// Their 99th percentile.
    P99,
    /// Their 99.9th percentile.
    P99_9,
    /// Times from `connect` to established.
    ConnectTime,
}

/// How a check touches a figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// What the figure claims did not happen.
    Spoils,
    /// The figure is off.
    Biases {
        /// In which direction.
        direction: Direction,
        /// By at most this share of it; null when nothing is known.
        up_to_share: Option<f64>,
    },
    /// The figure stands as a bound.
    Bounds {
        /// Where it is off, if it is.
        direction: Direction,
        /// By how much at most, as a share; null when nothing is known.
        slack_share: Option<f64>,
    },
}

/// Where a figure lies, seen from the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Too low: as a bound it is "at least".
    Low,
    /// Too high: as a bound it is "at most".
    High,
    /// Either.
    Either,
}

/// By which shares of itself a figure may lie off the truth; both 0 for one that is neither a bound nor biased.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slack {
    /// The truth is higher by up to so much, 0 to infinity.
    pub too_low: f64,
    /// The truth is lower by up to so much, 0 to 1.
    pub too_high: f64,
}

/// Whether one figure may be believed. How precise it is says its interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FigureVerdict {
    /// Whether.
    pub status: Status,
    /// The row's verdict is that of the worst of these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_headline: bool,
    /// A valid figure that is a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Effect>,
    /// A figure that is biased: how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<Effect>,
    /// The id of the check that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// What may be believed of a model, or of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// That of the worst headline figure: memory, peak rate, CPU per request, median and p90 at the
    /// common rate; of several numbers of connections those at the most, too. (Older reports: of the worst
    /// check.)
    pub status: Status,
    /// The verdict of each figure, by its path in the summary.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, FigureVerdict>,
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

impl FigureKind {
    /// The percentile of a time, 0 to 1; `None` for what isn't one.
    pub fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P99 => Some(0.99),
            Self::P99_9 => Some(0.999),
            _ => None,
        }
    }
}

impl Effect {
    /// What a figure becomes by it.
    pub fn status(&self) -> Status {
        match self {
            Self::Spoils => Status::Invalid,
            Self::Biases { .. } => Status::Suspect,
            Self::Bounds { .. } => Status::Valid,
        }
    }

    /// How far the truth may lie beyond a figure that is a bound, or biased. One that is spoiled isn't
    /// near any truth, and has none.
    pub fn slack(&self) -> Slack {
        let (direction, share) = match *self {
            Self::Spoils => return Slack::default(),
            Self::Biases {
                direction,
                up_to_share: share,
            }
            | Self::Bounds {
                direction,
                slack_share: share,
            } => (direction, share),
        };
        let any = Slack {
            too_low: share.unwrap_or(f64::INFINITY),
            too_high: share.unwrap_or(1.0).min(1.0),
        };
        match direction {
            Direction::Low => Slack {
                too_high: 0.0,
                ..any
            },
            Direction::High => Slack {
                too_low: 0.0,
                ..any
            },
            Direction::Either => any,
        }
    }
}

impl FigureVerdict {
    /// How far the truth may lie beyond a valid figure that is a bound.
    pub fn slack(&self) -> Slack {
        (self.bound.as_ref()).map_or(Slack::default(), Effect::slack)
    }
}

impl Slack {
    /// Between which values the truth lies.
    pub fn around(self, value: f64) -> (f64, f64) {
        // Nobody knows how much more, so of nothing it isn't nothing.
        let high = match self.too_low.is_infinite() {
            true => f64::INFINITY,
            false => value * (1.0 + self.too_low),
        };
        (value * (1.0 - self.too_high), high)
    }
}

impl Check {
    /// A check that fails when it makes a figure suspect or invalid.
    pub fn new(id: &str, touches: Vec<Touch>, detail: String, advice: &str) -> Self {
        let worst = touches.iter().map(|touch| touch.effect.status()).max();
        let fails_as = worst.unwrap_or_default();
        Self {
            id: id.to_owned(),
            trial: None,
            passed: fails_as == Status::Valid,
            fails_as,
            measured: None,
            threshold: None,
            detail,
            advice: advice.to_owned(),
            touches,
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

    /// The same check, of these figures.
    #[must_use]
    pub fn touching(self, touches: Vec<Touch>) -> Self {
        Self {
            trial: self.trial,
            measured: self.measured,
            threshold: self.threshold,
            ..Self::new(&self.id, touches, self.detail, &self.advice)
        }
    }

    /// What this check alone makes of the figures it touches.
    pub fn status(&self) -> Status {
        if self.passed {
            Status::Valid
        } else {
            self.fails_as
        }
    }
}

impl Verdict {
    /// A verdict that follows from checks alone, as of a run.
    pub fn of(checks: Vec<Check>) -> Self {
        let status = checks.iter().map(Check::status).max().unwrap_or_default();
        let passed = checks.iter().filter(|check| check.passed);
        Self {
            status,
            figures: BTreeMap::new(),
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
        let failed = || self.checks.iter().filter(|check| !check.passed);
        let worst = failed().map(|check| check.fails_as).max()?;
        failed().find(|check| check.fails_as == worst)
    }
}
