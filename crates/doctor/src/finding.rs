//! What one look found.

use crate::{setting::Setting, wanted::Wanted};
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
    /// `runner doctor --apply` does it, too.
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

/// What was found of an item, before it is judged.
pub(super) struct Item {
    item: &'static str,
    found: String,
}

/// One by this name.
pub(super) fn item(item: &'static str, found: impl Into<String>) -> Item {
    let found = found.into();
    Item { item, found }
}

impl Item {
    pub(super) fn ok(self, means: impl Into<String>) -> Finding {
        self.judged(Level::Ok, means.into())
    }

    pub(super) fn note(self, means: impl Into<String>) -> Finding {
        self.judged(Level::Note, means.into())
    }

    pub(super) fn problem(self, means: impl Into<String>) -> Finding {
        self.judged(Level::Problem, means.into())
    }

    fn judged(self, level: Level, means: String) -> Finding {
        Finding {
            item: self.item,
            level,
            found: self.found,
            needed: None,
            means,
            mend: None,
            is_tuned: false,
            is_short: false,
            prevents: false,
        }
    }
}

impl Finding {
    pub(super) fn needing(mut self, needed: impl ToString) -> Self {
        self.needed = Some(needed.to_string());
        self
    }

    pub(super) fn mend(mut self, command: impl Into<String>) -> Self {
        self.mend = Some(command.into());
        self
    }

    /// A setting that `runner doctor --apply` raises, too.
    pub(super) fn mend_sysctl(mut self, setting: &Setting, wanted: &Wanted) -> Self {
        self.is_tuned = true;
        self.mend(setting.command(wanted))
    }

    /// The connections asked for don't fit.
    pub(super) fn short(mut self) -> Self {
        self.is_short = true;
        self
    }

    pub(super) fn preventing(mut self) -> Self {
        self.prevents = true;
        self
    }

    /// What is too little for connections that somebody really wants is a problem.
    pub(super) fn wanted(mut self) -> Self {
        if self.is_short {
            self.level = Level::Problem;
        }
        self
    }
}
