//! A target for response times, such as `p99<=2ms`.

use crate::numbers::Percentiles;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// So many windows of the same answer decide whether a rate meets a target.
pub const VOTES: usize = 2;

/// A percentile of the response time and its limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slo {
    /// Which one.
    pub percentile: Percentile,
    /// At most this.
    pub limit_us: f64,
}

/// The percentiles that reports have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Percentile {
    /// Half were at most this.
    P50,
    /// 90 %.
    P90,
    /// 99 %.
    P99,
    /// 99.9 %.
    #[serde(rename = "p99_9")]
    P99_9,
    /// All.
    Max,
}

impl Percentile {
    /// So many requests it takes at least: ten beyond it, of the highest one.
    pub fn requests_min(self) -> u64 {
        match self {
            Self::P50 => 20,
            Self::P90 => 100,
            Self::P99 => 1_000,
            Self::P99_9 => 10_000,
            Self::Max => 1,
        }
    }
}

/// A text that is no target.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no target; one is p50, p90, p99, p99.9 or max, then <= and a time: p99<=2ms")]
pub struct SloError(String);

impl Slo {
    /// Whether these response times meet it.
    pub fn is_met(&self, response_time_us: &Percentiles) -> bool {
        let value = match self.percentile {
            Percentile::P50 => response_time_us.p50,
            Percentile::P90 => response_time_us.p90,
            Percentile::P99 => response_time_us.p99,
            Percentile::P99_9 => response_time_us.p99_9,
            Percentile::Max => response_time_us.max,
        };
        value <= self.limit_us
    }
}

impl FromStr for Slo {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Self, SloError> {
        let wrong = || SloError(text.to_owned());
        let (name, limit) = text.split_once("<=").ok_or_else(wrong)?;
        let percentile = match name.trim() {
            "p50" => Percentile::P50,
            "p90" => Percentile::P90,
            "p99" => Percentile::P99,
            "p99.9" | "p99_9" => Percentile::P99_9,
            "max" => Percentile::Max,
            _ => return Err(wrong()),
        };
        let limit_us = time_us(limit.trim()).filter(|&us| us > 0.0);
        Ok(Self {
            percentile,
            limit_us: limit_us.ok_or_else(wrong)?,
        })
    }
}

/// The microseconds of a time such as `2ms`; `None` where it isn't a number with `us`, `ms` or `s`.
pub fn time_us(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let unit_us = match &text[digits.len()..] {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        _ => return None,
    };
    let number: f64 = digits.trim().parse().ok()?;
    number.is_finite().then_some(number * unit_us)
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.percentile {
            Percentile::P50 => "p50",
            Percentile::P90 => "p90",
            Percentile::P99 => "p99",
            Percentile::P99_9 => "p99.9",
            Percentile::Max => "max",
        };
        match self.limit_us {
            us if us < 1e3 => write!(f, "{name}<={us}us"),
            us if us < 1e6 => write!(f, "{name}<={}ms", us / 1e3),
            us => write!(f, "{name}<={}s", us / 1e6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_in_every_unit_and_written_again() {
        let slo: Slo = "p99<=2ms".parse().unwrap();
        assert_eq!(slo.limit_us, 2_000.0);
        assert_eq!(slo.to_string(), "p99<=2ms");
        assert_eq!(slo.to_string().parse(), Ok(slo));
        let slo: Slo = " p99.9 <= 0.5 s".parse().unwrap();
        assert_eq!(
            (slo.percentile, slo.limit_us),
            (Percentile::P99_9, 500_000.0)
        );
        for wrong in [
            "",
            "p99",
            "p99<2ms",
            "p98<=2ms",
            "p99<=2",
            "p99<=-1ms",
            "p99<=ms",
            "p99<=NaNms",
        ] {
            assert!(wrong.parse::<Slo>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_limit_itself_is_met() {
        let slo: Slo = "p99<=2ms".parse().unwrap();
        let times = |p99| Percentiles {
            p99,
            ..Percentiles::default()
        };
        assert!(slo.is_met(&times(2_000.0)));
        assert!(!slo.is_met(&times(2_000.1)));
    }
}
