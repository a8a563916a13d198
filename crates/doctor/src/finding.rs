//! What one look found.

use crate::settings::Setting;
use serde::Serialize;

/// One item of the machine, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Finding {
    pub(super) item: &'static str,
    pub(super) level: Level,
    pub(super) found: String,
    /// What the connections asked for take, where it is a matter of how many.
    pub(super) needed: Option<String>,
    pub(super) means: String,
    /// The command that mends it, where there is one.
    pub(super) mend: Option<String>,
    /// `--apply`, and so `scripts/tune`, does the same.
    pub(super) is_tuned: bool,
    /// The connections asked for don't fit.
    pub(super) is_short: bool,
    /// Nothing can be measured as it is.
    pub(super) prevents: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// Bears on the figures, or breaks a run with the default options.
    Problem,
}

impl Level {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Problem => "problem",
        }
    }
}

impl Finding {
    pub(super) fn ok(item: &'static str, found: impl Into<String>, means: &str) -> Self {
        Self::new(item, Level::Ok, found, means)
    }

    pub(super) fn note(item: &'static str, found: impl Into<String>, means: &str) -> Self {
        Self::new(item, Level::Note, found, means)
    }

    pub(super) fn problem(item: &'static str, found: impl Into<String>, means: &str) -> Self {
        Self::new(item, Level::Problem, found, means)
    }

    fn new(item: &'static str, level: Level, found: impl Into<String>, means: &str) -> Self {
        Self {
            item,
            level,
            found: found.into(),
            needed: None,
            means: means.to_owned(),
            mend: None,
            is_tuned: false,
            is_short: false,
            prevents: false,
        }
    }

    pub(super) fn needing(self, needed: impl ToString) -> Self {
        Self {
            needed: Some(needed.to_string()),
            ..self
        }
    }

    /// A setting that `--apply` raises, too, and what it has to be for so many connections.
    pub(super) fn mend_sysctl(self, setting: &Setting, connections: u64) -> Self {
        let value = match setting.value(connections) {
            several if several.contains(' ') => format!("'{several}'"),
            one => one,
        };
        Self {
            is_tuned: true,
            ..self.mend(format!("sysctl -w {}={value}", setting.name))
        }
    }

    /// The connections asked for don't fit.
    pub(super) fn short(self) -> Self {
        Self {
            is_short: true,
            ..self
        }
    }

    /// What is too little for connections that somebody really wants is a problem.
    pub(super) fn wanted(self) -> Self {
        let level = if self.is_short {
            Level::Problem
        } else {
            self.level
        };
        Self { level, ..self }
    }

    pub(super) fn mend(self, command: impl Into<String>) -> Self {
        Self {
            mend: Some(command.into()),
            ..self
        }
    }

    pub(super) fn preventing(self) -> Self {
        Self {
            prevents: true,
            ..self
        }
    }
}
