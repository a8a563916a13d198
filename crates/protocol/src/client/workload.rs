//! What the requests of a trial ask for, as data and as people write it.
//!
//! | text | requests |
//! |---|---|
//! | `echo` | echoes |
//! | `discard` | discards; an echo closes each batch and proves that it has been read |
//! | `cpu:1000` | 1,000 hashes each |
//! | `wait:5ms` | answered after 5 ms; `us`, `ms` and `s` are understood |
//! | `block:500us` | blocks a thread for 0.5 ms |
//! | `relay` | echoes, which the server has a backend answer over a connection of its own |
//! | `echo:99%,cpu:1000:1%` | of 100 requests 99 are echoes, on average |

use crate::wire::{HASHES_MAX, Kind, TIME_MAX_US};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// Parts that a mix may have: each costs the generator time for every message.
const PARTS_MAX: usize = 16;

/// A hundred percent.
pub(super) const WHOLE_PPM: u32 = 1_000_000;

const PPM_PER_PERCENT: u32 = WHOLE_PPM / 100;

/// What the requests of a trial ask for. In JSON it is the text that people write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Workload {
    /// Every request is an `echo`.
    Echo,
    /// Requests are `discard`s; an `echo` closes each batch, and its reply proves that the
    /// whole batch has been read.
    Discard,
    /// Every request is an `echo` that the server passes on to a backend, whose reply it passes back.
    Relay,
    /// Which request asks for what is chosen at random, by shares; every one is answered.
    Mix(Mix),
}

/// Kinds and arguments of requests, with their shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix(Vec<Part>);

/// One part of a mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Not `discard`.
    pub kind: Kind,
    /// One of [`Kind::arguments`].
    pub argument: u32,
    /// Its share of all requests in millionths.
    pub share_ppm: u32,
}

/// Why something is no workload.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WorkloadError {
    /// No such kind.
    #[error(
        "there is no workload {0:?}; there are echo, discard, relay, cpu:1000, wait:5ms, block:5ms, \
         and mixes such as echo:99%,cpu:1000:1%"
    )]
    Kind(String),
    /// Not the argument that the kind takes.
    #[error("{part:?}: {takes}")]
    Argument {
        /// The part of the text.
        part: String,
        /// What would be right.
        takes: String,
    },
    /// A share that is none.
    #[error(
        "{0:?} has no share that could be one; a part of a mix ends with its percentage, such as \
         echo:99.5%"
    )]
    Share(String),
    /// The shares don't make a whole.
    #[error("the shares are {} % together; make it 100 %", percent(*.0))]
    Sum(u64),
    /// A discard has no reply that could be waited for.
    #[error("discard can't be part of a mix, for it has no reply; use it alone")]
    DiscardInMix,
    /// A server relays, or it answers.
    #[error(
        "relay can't be part of a mix, for a server passes on everything or nothing; use it alone"
    )]
    RelayInMix,
    /// Too many parts.
    #[error("a mix of {0} parts; up to {PARTS_MAX} are possible")]
    Parts(usize),
}

impl Mix {
    /// A mix of these parts.
    ///
    /// # Errors
    /// Shares that don't make a whole, an argument out of its range, a discard.
    pub fn new(parts: Vec<Part>) -> Result<Self, WorkloadError> {
        if parts.len() > PARTS_MAX {
            return Err(WorkloadError::Parts(parts.len()));
        }
        for part in &parts {
            if part.kind == Kind::Discard {
                return Err(WorkloadError::DiscardInMix);
            }
            if !part.kind.arguments().contains(&part.argument) {
                return Err(wrong_argument(part.kind, &part.to_string()));
            }
            if part.share_ppm == 0 {
                return Err(WorkloadError::Share(part.to_string()));
            }
        }
        let sum_ppm = parts.iter().map(|part| u64::from(part.share_ppm)).sum();
        if sum_ppm != u64::from(WHOLE_PPM) {
            return Err(WorkloadError::Sum(sum_ppm));
        }
        Ok(Self(parts))
    }

    /// At least one; their shares make a whole.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }
}

impl FromStr for Workload {
    type Err = WorkloadError;

    fn from_str(text: &str) -> Result<Self, WorkloadError> {
        match text.trim() {
            "discard" => return Ok(Self::Discard),
            "relay" => return Ok(Self::Relay),
            _ => {}
        }
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let alone = parts.len() == 1;
        let parts: Result<_, _> = parts.iter().map(|part| parse_part(part, alone)).collect();
        let mix = Mix::new(parts?)?;
        // The plain way is also the fast one.
        Ok(match mix.parts() {
            [part] if part.kind == Kind::Echo => Self::Echo,
            _ => Self::Mix(mix),
        })
    }
}

/// `kind[:argument][:share%]`; one that stands alone needs no share.
fn parse_part(part: &str, alone: bool) -> Result<Part, WorkloadError> {
    let mut fields = part.split(':').peekable();
    let kind = match fields.next().unwrap_or_default() {
        "echo" => Kind::Echo,
        "discard" => return Err(WorkloadError::DiscardInMix),
        "relay" => return Err(WorkloadError::RelayInMix),
        "cpu" => Kind::Cpu,
        "wait" => Kind::Wait,
        "block" => Kind::Block,
        other => return Err(WorkloadError::Kind(other.to_owned())),
    };
    let argument = match kind {
        Kind::Echo | Kind::Discard => Some(0),
        Kind::Cpu => fields.next().and_then(|hashes| hashes.parse().ok()),
        Kind::Wait | Kind::Block => fields.next().and_then(parse_time_us),
    };
    let argument = argument
        .filter(|argument| kind.arguments().contains(argument))
        .ok_or_else(|| wrong_argument(kind, part))?;
    let share_ppm = match (fields.next(), fields.next()) {
        (None, None) if alone => Some(WHOLE_PPM),
        (Some(share), None) => parse_share_ppm(share),
        _ => None,
    };
    Ok(Part {
        kind,
        argument,
        share_ppm: share_ppm.ok_or_else(|| WorkloadError::Share(part.to_owned()))?,
    })
}

fn parse_time_us(text: &str) -> Option<u32> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let per_unit: u32 = match &text[digits.len()..] {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        _ => return None,
    };
    digits.parse::<u32>().ok()?.checked_mul(per_unit)
}

/// A percentage with up to four decimals.
fn parse_share_ppm(text: &str) -> Option<u32> {
    let number = text.strip_suffix('%')?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let all_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if decimals.len() > 4 || !all_digits(whole) || !all_digits(decimals) {
        return None;
    }
    let ppm = format!("{whole}{decimals:0<4}").parse().ok()?;
    (1..=WHOLE_PPM).contains(&ppm).then_some(ppm)
}

fn wrong_argument(kind: Kind, part: &str) -> WorkloadError {
    let takes = match kind {
        Kind::Echo | Kind::Discard => "takes no argument".to_owned(),
        Kind::Cpu => format!("takes 1 to {HASHES_MAX} hashes, such as cpu:1000"),
        Kind::Wait | Kind::Block => format!(
            "takes a time up to {} s, such as wait:5ms, block:500us or wait:1s",
            TIME_MAX_US / 1_000_000
        ),
    };
    WorkloadError::Argument {
        part: part.to_owned(),
        takes,
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Echo => f.write_str("echo"),
            Self::Discard => f.write_str("discard"),
            Self::Relay => f.write_str("relay"),
            Self::Mix(mix) => mix.parts().iter().enumerate().try_for_each(|(i, part)| {
                let comma = if i > 0 { "," } else { "" };
                write!(f, "{comma}{part}")
            }),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let argument = self.argument;
        match self.kind {
            Kind::Echo => f.write_str("echo"),
            Kind::Discard => f.write_str("discard"),
            Kind::Cpu => write!(f, "cpu:{argument}"),
            Kind::Wait => write!(f, "wait:{}", time(argument)),
            Kind::Block => write!(f, "block:{}", time(argument)),
        }?;
        match self.share_ppm {
            WHOLE_PPM => Ok(()),
            share_ppm => write!(f, ":{}%", percent(share_ppm.into())),
        }
    }
}

fn time(us: u32) -> String {
    match us {
        0 => "0us".to_owned(),
        us if us % 1_000_000 == 0 => format!("{}s", us / 1_000_000),
        us if us % 1_000 == 0 => format!("{}ms", us / 1_000),
        us => format!("{us}us"),
    }
}

fn percent(ppm: u64) -> String {
    let per_percent = u64::from(PPM_PER_PERCENT);
    let text = format!("{}.{:04}", ppm / per_percent, ppm % per_percent);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl TryFrom<String> for Workload {
    type Error = WorkloadError;

    fn try_from(text: String) -> Result<Self, WorkloadError> {
        text.parse()
    }
}

impl From<Workload> for String {
    fn from(workload: Workload) -> Self {
        workload.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_write_comes_back() {
        for text in [
            "echo",
            "discard",
            "relay",
            "cpu:1000",
            "wait:0us",
            "wait:500us",
            "wait:5ms",
            "block:10s",
            "echo:99%,cpu:1000:1%",
            "echo:99.9%,wait:5ms:0.0999%,block:1500us:0.0001%",
        ] {
            let workload: Workload = text.parse().unwrap();
            assert_eq!(workload.to_string(), text);
            let json = serde_json::to_string(&workload).unwrap();
            assert_eq!(json, format!("{text:?}"));
            assert_eq!(serde_json::from_str::<Workload>(&json).unwrap(), workload);
        }
        for (text, canonical) in [
            (" echo:100% ", "echo"),
            ("cpu:5:100%", "cpu:5"),
            ("wait:2000us", "wait:2ms"),
            ("echo:50.0%, wait:1ms:50%", "echo:50%,wait:1ms:50%"),
        ] {
            assert_eq!(text.parse::<Workload>().unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn what_is_no_workload_says_what_would_be() {
        for (text, said) in [
            ("", "there are echo, discard, relay, cpu:1000"),
            ("ekko", "there is no workload \"ekko\""),
            ("cpu", "takes 1 to 1000000 hashes"),
            ("cpu:0", "takes 1 to 1000000 hashes"),
            ("cpu:1000001", "takes 1 to 1000000 hashes"),
            ("wait:5", "such as wait:5ms"),
            ("wait:11s", "takes a time up to 10 s"),
            ("wait:99999999999s", "takes a time up to 10 s"),
            ("block:5m", "such as wait:5ms"),
            ("echo:1", "ends with its percentage"),
            ("echo:101%", "ends with its percentage"),
            ("echo,cpu:5:1%", "\"echo\" has no share"),
            ("echo:50%,cpu:5:49.5%", "the shares are 99.5 % together"),
            ("echo:99%,discard:1%", "use it alone"),
            ("discard:100%", "use it alone"),
            ("relay:50%,echo:50%", "use it alone"),
            (&["wait:0us:5%"; 20].join(","), "up to 16"),
        ] {
            let error = text.parse::<Workload>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_workload_or_an_error(text in "[a-z0-9:%,. µ]{0,40}") {
            if let Ok(workload) = text.parse::<Workload>() {
                prop_assert_eq!(workload.to_string().parse(), Ok(workload));
            }
        }
    }
}
