//! A scenario: workload, loads and ladders of connections, as a file says them or as the command
//! line does. `scenarios/README.md` describes the file; [`super::loads`] makes a plan of it.

use crate::{rate::Rate, refusal::Refusal};
use protocol::{client::Workload, wire::MAX_PAYLOAD_BYTES};
use report::{slo::Slo, trial::Arrivals};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{fmt::Display, str::FromStr};
use thiserror::Error;

/// A scenario. Every table may stand several times; what is left out has the command line's default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it asks, in a line.
    pub title: String,
    #[serde(default, deserialize_with = "some_text")]
    pub(super) workload: Option<Workload>,
    #[serde(default, deserialize_with = "within::<_, 0, MAX_PAYLOAD_BYTES>")]
    pub(super) payload_bytes: Option<u32>,
    /// Trials of each model and load.
    #[serde(default, deserialize_with = "within::<_, 1, 1000>")]
    pub(super) trials: Option<u32>,
    /// Of each server process.
    pub(super) threads: Option<Ladder>,
    #[serde(default)]
    pub(super) idle: Vec<Idle>,
    #[serde(default)]
    pub(super) closed: Vec<Closed>,
    #[serde(default)]
    pub(super) open: Vec<Scheduled>,
    #[serde(default)]
    pub(super) churn: Vec<Scheduled>,
    #[serde(default)]
    pub(super) capacity: Vec<Capacity>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Idle {
    pub(super) connections: Option<Ladder>,
    /// Between two messages on a connection, at the top of the ladder.
    pub(super) interval_s: Option<Seconds>,
    /// For so long connections are held at the top of the ladder, in rounds.
    pub(super) hold_s: Option<Seconds>,
    /// Of them, before each round.
    #[serde(default, deserialize_with = "some_text")]
    pub(super) replaced: Option<Replaced>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Closed {
    pub(super) connections: Option<Ladder>,
    #[serde(default, deserialize_with = "within::<_, 1, 1024>")]
    pub(super) outstanding: Option<u32>,
    pub(super) window_s: Option<Seconds>,
    pub(super) warm_up_max_s: Option<Seconds>,
}

/// Open or churn load.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scheduled {
    pub(super) connections: Option<Ladder>,
    #[serde(default, deserialize_with = "rate")]
    pub(super) rate: Option<Rate>,
    pub(super) arrivals: Option<Arrivals>,
    pub(super) deadline_s: Option<Seconds>,
    pub(super) window_s: Option<Seconds>,
    pub(super) warm_up_max_s: Option<Seconds>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Capacity {
    pub(super) connections: Option<Ladder>,
    #[serde(default, deserialize_with = "some_text")]
    pub(super) slo: Option<Slo>,
    pub(super) arrivals: Option<Arrivals>,
    pub(super) window_s: Option<Seconds>,
}

impl Scenario {
    /// A scenario from a file's text.
    ///
    /// # Errors
    /// It is no scenario; line and field are named.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        Self::parse_toml(text).map_err(|error| Refusal::new(error.to_string().trim_end()))
    }

    fn parse_toml(text: &str) -> Result<Self, toml::de::Error> {
        let scenario: Self = toml::from_str(text)?;
        if scenario.has_no_load() {
            return Err(toml::de::Error::custom(
                "no load: it takes [[idle]], [[closed]], [[open]], [[churn]] or [[capacity]]",
            ));
        }
        Ok(scenario)
    }

    fn has_no_load(&self) -> bool {
        self.idle.is_empty()
            && self.closed.is_empty()
            && self.open.is_empty()
            && self.churn.is_empty()
            && self.capacity.is_empty()
    }

    /// The most connections that any ladder names.
    pub(crate) fn connections_max(&self) -> Option<u32> {
        let idle = self.idle.iter().map(|load| &load.connections);
        let closed = self.closed.iter().map(|load| &load.connections);
        let scheduled = self.open.iter().chain(&self.churn);
        let scheduled = scheduled.map(|load| &load.connections);
        let capacity = self.capacity.iter().map(|load| &load.connections);
        let ladders = idle.chain(closed).chain(scheduled).chain(capacity);
        let tops = ladders.flatten().filter_map(|ladder| ladder.0.last());
        tops.max().copied()
    }
}

/// Counts of connections or of threads, ascending, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ladder(pub(super) Vec<u32>);

impl<'de> Deserialize<'de> for Ladder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a number, or a list of such numbers")]
        enum OneOrMore {
            One(u32),
            More(Vec<u32>),
        }
        let counts = match OneOrMore::deserialize(deserializer)? {
            OneOrMore::One(count) => vec![count],
            OneOrMore::More(counts) => counts,
        };
        let ascends = counts.windows(2).all(|pair| pair[0] < pair[1]);
        match counts.first() {
            Some(1..) if ascends => Ok(Self(counts)),
            _ => Err(D::Error::custom(
                "it takes a number from 1, or several that ascend",
            )),
        }
    }
}

/// From 0.1 to 3600.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seconds(pub(super) f64);

impl Seconds {
    /// In microseconds.
    pub fn as_us(self) -> u64 {
        (self.0 * 1e6) as u64
    }
}

impl FromStr for Seconds {
    type Err = NotSeconds;

    fn from_str(text: &str) -> Result<Self, NotSeconds> {
        match text.parse() {
            Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(Self(seconds)),
            _ => Err(NotSeconds),
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        seconds.to_string().parse().map_err(D::Error::custom)
    }
}

/// A text that is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a number of seconds from 0.1 to 3600")]
pub struct NotSeconds;

/// The share of connections that is replaced before each round: 0 to 0.5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Replaced(pub(super) f64);

impl FromStr for Replaced {
    type Err = NotReplaced;

    fn from_str(text: &str) -> Result<Self, NotReplaced> {
        let percent = text.strip_suffix('%').map(|number| number.trim().parse());
        match percent {
            Some(Ok(percent)) if (0.0..=50.0).contains(&percent) => Ok(Self(percent / 100.0)),
            _ => Err(NotReplaced),
        }
    }
}

/// A text that is no such share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a share of the connections from 0% to 50%")]
pub(super) struct NotReplaced;

fn some_text<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(D::Error::custom)
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rate>, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "requests/s such as 50000, or a share of the peak such as \"70%\""
    )]
    enum NumberOrText {
        Number(f64),
        Text(String),
    }
    let text = match NumberOrText::deserialize(deserializer)? {
        NumberOrText::Number(number) => number.to_string(),
        NumberOrText::Text(text) => text,
    };
    text.parse().map(Some).map_err(D::Error::custom)
}

fn within<'de, D: Deserializer<'de>, const LEAST: u32, const MOST: u32>(
    deserializer: D,
) -> Result<Option<u32>, D::Error> {
    let number = u32::deserialize(deserializer)?;
    if (LEAST..=MOST).contains(&number) {
        return Ok(Some(number));
    }
    let expected = format!("a number from {LEAST} to {MOST}");
    Err(D::Error::custom(format!("{number} is not {expected}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_the_project_can_be_read() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios");
        let files = std::fs::read_dir(directory).unwrap().flatten();
        let files = files.filter(|file| file.path().extension().is_some_and(|of| of == "toml"));
        let mut read = 0;
        for file in files {
            let text = std::fs::read_to_string(file.path()).unwrap();
            assert!(
                !Scenario::parse(&text).unwrap().title.is_empty(),
                "{file:?}"
            );
            read += 1;
        }
        assert!(read >= 9, "{read}");
    }

    #[test]
    fn what_is_wrong_is_named_with_line_and_field() {
        for (text, line, what) in [
            (
                "title = \"x\"\nworkload = \"dance\"\n[[closed]]",
                "line 2",
                "dance",
            ),
            (
                "title = \"x\"\n[[closed]]\nconections = 5",
                "line 3",
                "unknown field `conections`",
            ),
            (
                "title = \"x\"\n[[idle]]\nconnections = [5, 3]",
                "line 3",
                "ascend",
            ),
            (
                "title = \"x\"\n[[idle]]\nconnections = \"many\"",
                "line 3",
                "a list of such",
            ),
            (
                "title = \"x\"\n[[open]]\nrate = \"fast\"",
                "line 3",
                "share of the peak",
            ),
            (
                "title = \"x\"\n[[open]]\nwindow_s = 0",
                "line 3",
                "0.1 to 3600",
            ),
            (
                "title = \"x\"\n[[capacity]]\nslo = \"p98<=1s\"",
                "line 3",
                "no target",
            ),
            (
                "title = \"x\"\npayload_bytes = 2000000\n[[idle]]",
                "line 2",
                "from 0 to 1048576",
            ),
            (
                "title = \"x\"\n[[idle]]\nreplaced = \"60%\"",
                "line 3",
                "0% to 50%",
            ),
            ("title = \"x\"\n[[open]\n", "line 2", ""),
            ("[[open]]", "", "missing field `title`"),
            ("title = \"x\"", "", "no load"),
        ] {
            let said = Scenario::parse(text).unwrap_err().to_string();
            assert!(said.contains(line) && said.contains(what), "{text}: {said}");
        }
    }
}
