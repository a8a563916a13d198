//! What one look found.

use serde::Serialize;

/// One item of the machine, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Finding {
    pub(super) item: &'static str,
    pub(super) level: Level,
    pub(super) found: String,
    pub(super) means: String,
    /// The command that mends it, where there is one.
    pub(super) mend: Option<String>,
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
            means: means.to_owned(),
            mend: None,
            prevents: false,
        }
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
