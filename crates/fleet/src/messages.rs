//! What ranks say to each other.

use report::{environment::Environment, hosts::HostUse};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use toolchain::digest::sha256;

/// Everything that two machines have to agree on, as it stands in the source (see build.rs): a program
/// that was built from another one may understand it, and mean something else.
const AGREED: &str = include_str!(concat!(env!("OUT_DIR"), "/agreed.txt"));

/// The first message of a rank. Its fields never change, so that any version understands it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// Of this program.
    pub(crate) version: String,
    /// The digest of all that machines have to agree on.
    pub(crate) agreed_sha256: String,
    /// What its machine calls itself: for people at the terminal, never for reports.
    pub(crate) hostname: String,
}

/// The second one: what its machine is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// CPUs that generators may use.
    pub(crate) cpus: u32,
    /// The hard limit of open files; `None`: there is no limit.
    pub(crate) open_files_max: Option<u64>,
    /// Ephemeral ports of one address; `None`: not known.
    pub(crate) ports: Option<u32>,
    /// Of the machine, each with the length of its network's prefix; none of loopback.
    pub(crate) addresses: Vec<(Ipv4Addr, u32)>,
    /// What tells machines apart: ranks with the same id of the boot are on one.
    pub(crate) boot: String,
    /// Ranks of one machine see each other's processes, by the same numbers, where this is the same.
    pub(crate) process_namespace: String,
    /// How it is set.
    pub(crate) environment: Environment,
}

/// From rank 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToRank {
    /// Answer so many readings of the clock, one after the other.
    Clock {
        /// How many.
        rounds: u32,
    },
    /// By so much your clock is ahead of rank 0's.
    Ahead {
        /// May be negative.
        ahead_ns: i64,
    },
    /// Start a generator.
    Start {
        /// By which it is known from now on.
        id: u64,
        /// Where the program is at rank 0, and there perhaps, too.
        program: String,
        /// Which program it has to be.
        program_sha256: String,
    },
    /// A line to a generator.
    Say {
        /// Which.
        id: u64,
        /// Moments in it are of rank 0's clock.
        line: String,
    },
    /// A generator isn't needed any more.
    End {
        /// Which.
        id: u64,
    },
    /// A question about the machine, which is answered by [`FromRank::Answer`].
    Tell(Question),
    /// Nothing is needed any more.
    Leave,
}

/// About a machine that generates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// What do the generators hold?
    Held,
    /// A window comes next that is to be sampled: are you ready?
    Ready,
    /// What was used in it?
    Used,
}

/// What is said to that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// Proportional set size, where it can be read.
    Held(Option<u64>),
    /// What takes long has been read.
    Ready,
    /// `None`: nobody was awake at the window's edges.
    Used(Option<Box<HostUse>>),
}

/// To rank 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FromRank {
    /// A generator runs, or why it doesn't.
    Started {
        /// Which.
        id: u64,
        /// Its process' number.
        outcome: Result<u32, String>,
    },
    /// A generator wrote a line.
    Line {
        /// Which.
        id: u64,
        /// Without its end.
        line: String,
    },
    /// A generator has ended, after all of its lines.
    Ended {
        /// Which.
        id: u64,
        /// As wait(2) has it; `None`: it was killed by its rank.
        wait_status: Option<i32>,
        /// What it wrote last to its standard error.
        stderr_tail: String,
    },
    /// To a [`Question`].
    Answer(Answer),
}

impl Hello {
    /// Of this program, on this machine.
    pub(crate) fn of_this(hostname: String) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            agreed_sha256: sha256(AGREED.as_bytes()),
            hostname,
        }
    }

    /// Whether both may work together, or why not.
    ///
    /// # Errors
    /// In words, without naming the machine.
    pub(crate) fn agrees_with(&self, other: &Self) -> Result<(), String> {
        if self.version != other.version {
            return Err(format!(
                "has fleet {}, and rank 0 has {}",
                other.version, self.version
            ));
        }
        if self.agreed_sha256 != other.agreed_sha256 {
            return Err(format!(
                "has a fleet of another source (its wire and plans are {:.12}, those of rank 0 \
                 {:.12})",
                other.agreed_sha256, self.agreed_sha256
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_or_another_source_is_refused_in_words() {
        let own = Hello::of_this("a".to_owned());
        assert_eq!(own.agrees_with(&Hello::of_this("b".to_owned())), Ok(()));
        let older = Hello {
            version: "0.0.1".to_owned(),
            ..own.clone()
        };
        assert!(own.agrees_with(&older).unwrap_err().contains("fleet 0.0.1"));
        let changed = Hello {
            agreed_sha256: "0".repeat(64),
            ..own.clone()
        };
        let said = own.agrees_with(&changed).unwrap_err();
        assert!(said.contains("another source"), "{said}");
    }

    #[test]
    fn machines_have_to_agree_on_every_type_that_crosses() {
        for of_a_file in [
            "enum ToRank",
            "enum Workload",
            "struct Tally",
            "struct Environment",
        ] {
            assert!(AGREED.contains(of_a_file), "{of_a_file}");
        }
    }

    #[test]
    fn messages_are_lines_of_json() {
        let all = [
            ToRank::Clock { rounds: 3 },
            ToRank::Ahead { ahead_ns: -5 },
            ToRank::Tell(Question::Ready),
            ToRank::Leave,
        ];
        for message in all {
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<ToRank>(&text).unwrap(), message);
        }
        let refused = FromRank::Started {
            id: 7,
            outcome: Err("no".to_owned()),
        };
        let answered = FromRank::Answer(Answer::Used(Some(Box::default())));
        for message in [refused, answered] {
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<FromRank>(&text).unwrap(), message);
        }
    }
}
