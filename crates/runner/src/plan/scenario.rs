//! A scenario: workload, loads and ladders of connections, as a file says them or as the command
//! line does. `scenarios/README.md` describes the file; [`super::loads`] makes a plan of it.

use crate::{cli::Rate, usage::usage};
use protocol::{client::Workload, wire::MAX_PAYLOAD_BYTES};
use report::{slo::Slo, trial::Arrivals};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{
    fmt::Display,
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

/// A scenario. Every table may stand several times; what is left out has the command line's default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// What it asks, in a line.
    pub(crate) title: String,
    #[serde(default, deserialize_with = "some_text")]
    pub(super) workload: Option<Workload>,
    #[serde(default, deserialize_with = "within::<_, 0, MAX_PAYLOAD_BYTES>")]
    pub(super) payload_bytes: Option<u32>,
    /// Trials of each model and load.
    #[serde(default, deserialize_with = "within::<_, 1, 1000>")]
    pub(super) trials: Option<u32>,
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
    #[serde(default, deserialize_with = "within::<_, 1, { u32::MAX }>")]
    pub(super) connections: Option<u32>,
    #[serde(default, deserialize_with = "some_text")]
    pub(super) slo: Option<Slo>,
    pub(super) arrivals: Option<Arrivals>,
    pub(super) window_s: Option<Seconds>,
}

impl Scenario {
    /// Reads a scenario: `name` is that of a file in `directory`, or a path if it looks like one.
    ///
    /// # Errors
    /// There is no such file, or it is no scenario; file, line and field are named.
    pub(crate) fn read(name: &str, directory: &Path) -> anyhow::Result<Self> {
        let is_path = name.contains('/') || name.ends_with(".toml");
        let path = if is_path {
            PathBuf::from(name)
        } else {
            directory.join(name).with_extension("toml")
        };
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if !is_path => usage(format!(
                "there is no scenario {name:?}; there are: {}. A file of your own is named by its \
                 path, such as ./{name}.toml",
                names(directory).join(", ")
            )),
            _ => usage(format!("--scenario {}: {error}", path.display())),
        })?;
        Self::parse(&text).map_err(|error| {
            let error = error.to_string();
            usage(format!(
                "--scenario {}: {}",
                path.display(),
                error.trim_end()
            ))
        })
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
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

    /// The same with ladders whose top is `connections`, in proportion. An idle load keeps its
    /// rate of messages.
    pub(super) fn scaled_to(mut self, connections: u32) -> Self {
        let Some(top) = self.top() else {
            return self;
        };
        let scale = |count: &mut u32| {
            let scaled = u64::from(*count) * u64::from(connections) / u64::from(top);
            *count = u32::try_from(scaled).unwrap_or(u32::MAX).max(1);
        };
        for ladder in self.ladders_mut() {
            ladder.0.iter_mut().for_each(scale);
            ladder.0.dedup();
        }
        self.capacity
            .iter_mut()
            .filter_map(|load| load.connections.as_mut())
            .for_each(scale);
        for interval in self
            .idle
            .iter_mut()
            .filter_map(|load| load.interval_s.as_mut())
        {
            interval.0 *= f64::from(connections) / f64::from(top);
        }
        self
    }

    /// The most connections that are named.
    fn top(&mut self) -> Option<u32> {
        let of_capacity = self
            .capacity
            .iter()
            .filter_map(|load| load.connections)
            .max();
        let ladders = self
            .ladders_mut()
            .flat_map(|ladder| ladder.0.iter().copied());
        ladders.chain(of_capacity).max()
    }

    fn ladders_mut(&mut self) -> impl Iterator<Item = &mut Ladder> {
        let idle = self
            .idle
            .iter_mut()
            .filter_map(|load| load.connections.as_mut());
        let closed = self
            .closed
            .iter_mut()
            .filter_map(|load| load.connections.as_mut());
        let scheduled = self.open.iter_mut().chain(&mut self.churn);
        let scheduled = scheduled.filter_map(|load| load.connections.as_mut());
        idle.chain(closed).chain(scheduled)
    }
}

/// The scenarios of a directory, by name.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = files
        .filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
        .collect();
    names.sort();
    names
}

/// Counts of connections, ascending, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ladder(pub(super) Vec<u32>);

impl<'de> Deserialize<'de> for Ladder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "a number of connections, or a list of such numbers"
        )]
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
                "connections are a number from 1, or several that ascend",
            )),
        }
    }
}

/// From 0.1 to 3600.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seconds(pub(super) f64);

impl Seconds {
    pub(super) fn as_us(self) -> u64 {
        (self.0 * 1e6) as u64
    }
}

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(Self(seconds)),
            _ => Err("a number of seconds from 0.1 to 3600".to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        seconds.to_string().parse().map_err(D::Error::custom)
    }
}

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

    /// The directory of the scenarios that come with the project.
    fn directory() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
    }

    #[test]
    fn every_scenario_of_the_project_can_be_read() {
        let names = names(&directory());
        assert!(names.len() >= 9, "{names:?}");
        for name in names {
            let scenario = Scenario::read(&name, &directory()).unwrap();
            assert!(!scenario.title.is_empty(), "{name}");
        }
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
            ("title = \"x\"\n[[open]\n", "line 2", ""),
            ("[[open]]", "", "missing field `title`"),
            ("title = \"x\"", "", "no load"),
        ] {
            let said = Scenario::parse(text).unwrap_err().to_string();
            assert!(said.contains(line) && said.contains(what), "{text}: {said}");
        }
    }

    #[test]
    fn a_ladder_scales_in_proportion() {
        let text = "title = \"x\"\n[[idle]]\nconnections = [10, 500, 1000]\ninterval_s = 30\n\
                    [[closed]]\nconnections = 2000";
        let scaled = Scenario::parse(text).unwrap().scaled_to(200);
        assert_eq!(scaled.idle[0].connections, Some(Ladder(vec![1, 50, 100])));
        assert_eq!(scaled.idle[0].interval_s, Some(Seconds(3.0)));
        assert_eq!(scaled.closed[0].connections, Some(Ladder(vec![200])));
    }
}
