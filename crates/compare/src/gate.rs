//! Figures held against limits: `p99<=2ms`, `cpu_us_per_request<=3.5`.
//!
//! A gate that can't be judged isn't passed: a figure that wasn't measured, or one that may lie on
//! either side of the limit by what its verdict says of it.

use crate::published::Published;
use analysis::times::PERCENTILES;
use report::{
    check::{Direction, Effect, FigureVerdict, Slack, Status},
    comparison::{CPU_PER_REQUEST, RESPONSE_TIME},
    model::ModelReport,
    slo::time_us,
};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// A limit for a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    figure: String,
    is_at_most: bool,
    /// In the figure's unit: times in microseconds.
    limit: f64,
    text: String,
}

/// What can't be a gate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GateError {
    /// There is no `<=` or `>=` in it.
    #[error("{0:?} is no limit: write it like 'p99<=2ms' or 'rate_per_s>=50000'")]
    NoLimit(String),
    /// It isn't a number, or has another unit than one of time.
    #[error("{0:?} is no number that a figure could have, such as 3.5")]
    NoNumber(String),
    /// It has no unit of time, or is no time that could pass.
    #[error("{0:?} is no time: a time has its unit, us, ms or s, such as 2ms")]
    NoTime(String),
    /// Nothing is called so.
    #[error(
        "there is no figure {0:?}; there are p50, p90, p99, p99.9 (response times), rate_per_s, \
         cpu_us_per_request, user_bytes_per_connection, kernel_bytes_per_connection, and all that a \
         report has in its summary, such as peak.service_time_us.p99"
    )]
    NoFigure(String),
}

/// How a model stands to a gate.
#[derive(Clone, Debug, PartialEq)]
pub enum Passage {
    /// The limit is kept.
    Kept,
    /// It isn't.
    Missed,
    /// Nobody can tell, and why.
    CantTell(String),
}

/// One model at one gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The figure, where it was measured, in its unit.
    pub value: Option<f64>,
    /// How it stands.
    pub passage: Passage,
}

impl FromStr for Gate {
    type Err = GateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (figure, is_at_most, limit) = match (text.split_once("<="), text.split_once(">=")) {
            (Some((figure, limit)), None) => (figure.trim(), true, limit.trim()),
            (None, Some((figure, limit))) => (figure.trim(), false, limit.trim()),
            _ => return Err(GateError::NoLimit(text.to_owned())),
        };
        let mut gate = Self {
            figure: figure.to_owned(),
            is_at_most,
            limit: 0.0,
            text: text.to_owned(),
        };
        if gate.paths().is_empty() {
            return Err(GateError::NoFigure(figure.to_owned()));
        }
        let (number, wrong): (_, fn(String) -> GateError) = match gate.unit() {
            "" => (limit.parse().ok(), GateError::NoNumber),
            _ => (time_us(limit), GateError::NoTime),
        };
        let number = number.filter(|number: &f64| number.is_finite() && *number >= 0.0);
        gate.limit = number.ok_or_else(|| wrong(limit.to_owned()))?;
        Ok(gate)
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Gate {
    /// Where in a summary the figure stands: the first that was measured counts.
    fn paths(&self) -> Vec<String> {
        let at = |load: &str, names: [&str; 2]| names.map(|name| format!("{load}.{name}")).to_vec();
        let mut percentiles = PERCENTILES.iter();
        let percentile = percentiles.find(|(name, _)| name.replace('_', ".") == self.figure);
        if let Some((name, _)) = percentile {
            let times = at("open", RESPONSE_TIME);
            return times
                .iter()
                .map(|times| format!("{times}.{name}"))
                .collect();
        }
        match self.figure.as_str() {
            "rate_per_s" => vec!["peak.rate_per_s".to_owned()],
            "cpu_us_per_request" => {
                [at("open", CPU_PER_REQUEST), at("peak", CPU_PER_REQUEST)].concat()
            }
            "user_bytes_per_connection" | "kernel_bytes_per_connection" => {
                vec![format!("memory.{}", self.figure)]
            }
            path if path.contains('.') => vec![path.to_owned()],
            _ => Vec::new(),
        }
    }

    /// What stands behind a value: times are in microseconds, all else is as its name says.
    pub fn unit(&self) -> &'static str {
        let is_time = |path: &String| path.contains("_time_us.") || path.contains("lag_us.");
        if self.paths().iter().any(is_time) {
            " us"
        } else {
            ""
        }
    }

    /// How a model's report stands to it.
    pub fn judge(&self, report: &ModelReport) -> Judged {
        let published = Published::of(report);
        let found = self
            .paths()
            .into_iter()
            .find_map(|path| Some((published.value(&path)?, path)));
        let Some((value, path)) = found else {
            let why = report.failure.as_ref().map_or_else(
                || "it was not measured".to_owned(),
                |failure| format!("the model failed: {}", failure.reason),
            );
            return Judged {
                value: None,
                passage: Passage::CantTell(why),
            };
        };
        Judged {
            value: Some(value),
            passage: self.passage(value, published.verdict(&path)),
        }
    }

    /// Which kinds of load have the figure, by their words; empty where that isn't known.
    pub fn loads(&self) -> Vec<&'static str> {
        let of_path = |path: &String| match path.split('.').next() {
            Some("memory") => Some("idle"),
            Some("peak") => Some("closed"),
            Some("open") => Some("open"),
            Some("churn") => Some("churn"),
            Some("capacity") => Some("capacity"),
            _ => None,
        };
        let mut loads: Vec<&str> = self.paths().iter().filter_map(of_path).collect();
        loads.dedup();
        loads
    }

    fn passage(&self, value: f64, verdict: Option<FigureVerdict>) -> Passage {
        let because = || {
            let of = verdict.as_ref().and_then(|verdict| verdict.because.clone());
            of.unwrap_or_else(|| "its verdict says so".to_owned())
        };
        let status = verdict
            .as_ref()
            .map_or(Status::Valid, |verdict| verdict.status);
        match status {
            // What it claims did not happen: that rate wasn't held, those bytes were wrong.
            Status::Invalid => return Passage::Missed,
            Status::NotMeasured => return Passage::CantTell(because()),
            Status::Valid | Status::Suspect => {}
        }
        let (low, high) = range(value, verdict.as_ref());
        let keeps = |value: f64| match self.is_at_most {
            true => value <= self.limit,
            false => value >= self.limit,
        };
        match (keeps(low), keeps(high)) {
            (true, true) => Passage::Kept,
            (false, false) => Passage::Missed,
            _ => Passage::CantTell(format!("{}: {}", status.word(), because())),
        }
    }
}

/// Between which values the truth lies, by what the verdict says: of a bound, or of a bias.
fn range(value: f64, verdict: Option<&FigureVerdict>) -> (f64, f64) {
    let effect = verdict.and_then(|verdict| verdict.bound.or(verdict.bias));
    let is_suspect = verdict.is_some_and(|verdict| verdict.status == Status::Suspect);
    // A report of version 1 doesn't say by what.
    let unknown = Effect::Biases {
        direction: Direction::Either,
        up_to_share: None,
    };
    let effect = effect.or(is_suspect.then_some(unknown));
    let slack = effect.as_ref().map_or(Slack::default(), Effect::slack);
    slack.around(value)
}
