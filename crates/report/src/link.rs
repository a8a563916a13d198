//! The link between servers and generators, where it isn't loopback: `delay=1ms,mtu=1500`.

use crate::slo::time_us;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    ops::RangeInclusive,
    str::{FromStr, Split},
};
use thiserror::Error;

/// What Ethernet has, if nobody says otherwise.
const MTU_BYTES: u32 = 1500;

const MTUS_BYTES: RangeInclusive<u32> = 576..=65_535;
const DELAYS_US: RangeInclusive<f64> = 0.0..=10e6;
const LOSSES_PERCENT: RangeInclusive<f64> = 0.0..=50.0;
const RATES_BIT_PER_S: RangeInclusive<f64> = 1e6..=1e12;

/// A link of two interfaces on one machine. What it does to packets it does each way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Link {
    /// How much later each packet arrives.
    pub delay_us: f64,
    /// Of all packets so many are dropped, each by itself.
    pub loss_percent: f64,
    /// Null: as fast as the machine.
    pub rate_bit_per_s: Option<f64>,
    /// The largest packet.
    pub mtu_bytes: u32,
}

/// A text that describes no link.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} describes no link; delay=1ms (to 10s), loss=0.01% (to 50%), rate=10gbit (1mbit to \
     1000gbit) and mtu=1500 (576 to 65535) do, each once, with commas between them"
)]
pub struct LinkError(String);

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        Self::of_words(text.split(',')).ok_or_else(|| LinkError(text.to_owned()))
    }
}

impl Link {
    fn of_words(words: Split<'_, char>) -> Option<Self> {
        let (mut delay_us, mut loss_percent, mut rate, mut mtu) = (None, None, None, None);
        for word in words {
            let (name, value) = word.split_once('=')?;
            let (name, value) = (name.trim(), value.trim());
            let earlier = match name {
                "delay" => delay_us.replace(time_us(value).filter(|us| DELAYS_US.contains(us))?),
                "loss" => loss_percent.replace(percent(value)?),
                "rate" => rate.replace(rate_bit_per_s(value)?),
                "mtu" => {
                    let bytes: u32 = value.parse().ok()?;
                    mtu.replace(bytes).map(f64::from)
                }
                _ => return None,
            };
            if earlier.is_some() {
                return None;
            }
        }
        let mtu_bytes = mtu.unwrap_or(MTU_BYTES);
        MTUS_BYTES.contains(&mtu_bytes).then_some(Self {
            delay_us: delay_us.unwrap_or(0.0),
            loss_percent: loss_percent.unwrap_or(0.0),
            rate_bit_per_s: rate,
            mtu_bytes,
        })
    }
}

fn percent(text: &str) -> Option<f64> {
    let percent: f64 = text.strip_suffix('%')?.trim().parse().ok()?;
    LOSSES_PERCENT.contains(&percent).then_some(percent)
}

fn rate_bit_per_s(text: &str) -> Option<f64> {
    let units = [("gbit", 1e9), ("mbit", 1e6)];
    let mut found = units.iter().filter_map(|(unit, bits)| {
        let number: f64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        Some(number * bits)
    });
    found.next().filter(|rate| RATES_BIT_PER_S.contains(rate))
}

/// As it is taken again.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.delay_us > 0.0 {
            write!(f, "delay={}us,", self.delay_us)?;
        }
        if self.loss_percent > 0.0 {
            write!(f, "loss={}%,", self.loss_percent)?;
        }
        if let Some(rate) = self.rate_bit_per_s {
            write!(f, "rate={}mbit,", rate / 1e6)?;
        }
        write!(f, "mtu={}", self.mtu_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_and_written_again() {
        let link: Link = "delay=1ms, loss=0.01%,rate=10gbit,mtu=9000"
            .parse()
            .unwrap();
        let expected = Link {
            delay_us: 1_000.0,
            loss_percent: 0.01,
            rate_bit_per_s: Some(1e10),
            mtu_bytes: 9_000,
        };
        assert_eq!(link, expected);
        assert_eq!(link.to_string().parse(), Ok(link));
        let plain: Link = "delay=0us".parse().unwrap();
        assert_eq!(plain.to_string(), "mtu=1500");
        for wrong in [
            "",
            "mtu",
            "mtu=100",
            "mtu=1500,mtu=1500",
            "delay=1",
            "delay=-1ms",
            "delay=11s",
            "loss=1",
            "loss=NaN%",
            "rate=0gbit",
            "rate=10",
            "jitter=1ms",
        ] {
            assert!(wrong.parse::<Link>().is_err(), "{wrong}");
        }
    }
}
