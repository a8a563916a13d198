//! One expectation and how it came out. Nothing here measures: figures are handed in.

use report::check::{Check, Status, Verdict};
use serde::Serialize;

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Of which case.
    pub case: &'static str,
    /// What was measured, in words.
    pub what: String,
    /// What it had to be.
    pub expected: Figure,
    /// What it was.
    pub measured: Figure,
    /// Of all three figures; null where they are words.
    pub unit: Option<&'static str>,
    /// How far measured may lie from expected; null where that can't be said in numbers.
    pub tolerance: Option<f64>,
    /// Whether that is right.
    pub outcome: Outcome,
    /// What else there is to say.
    pub note: Option<String>,
    /// Whether another program on the machine can make it fail.
    #[serde(skip)]
    is_timing: bool,
}

/// A number, or words where there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Figure {
    /// In the unit that the row names.
    Number(f64),
    /// Where it is no number.
    Words(String),
}

/// How a row came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Within its tolerance.
    Pass,
    /// Beyond it.
    Fail,
    /// Not judgeable here.
    NotJudged,
}

/// How far a figure may lie from the truth: a share of it, and never less than `least`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Of the expected value.
    pub share: f64,
    /// At least so much, in the value's unit.
    pub least: f64,
}

impl Outcome {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::NotJudged => "measured, not judged",
        }
    }

    fn of(holds: bool) -> Self {
        if holds { Self::Pass } else { Self::Fail }
    }
}

impl Row {
    /// A figure that depends on time, and how far it may be off.
    pub fn timing(
        what: impl Into<String>,
        unit: &'static str,
        (expected, measured): (f64, f64),
        tolerance: Tolerance,
    ) -> Self {
        let allowed = (tolerance.share * expected).max(tolerance.least);
        Self {
            is_timing: true,
            ..Self::number(what, unit, (expected, measured), allowed)
        }
    }

    /// A count that has to be right to the last one.
    pub fn exactly(what: impl Into<String>, expected: u64, measured: u64) -> Self {
        Self::number(what, "", (expected as f64, measured as f64), 0.0)
    }

    /// How many of `of` comparisons, at most.
    pub fn at_most(what: impl Into<String>, (count, of): (u32, u32), most: u32) -> Self {
        let expected = format!("at most {most} of {of}");
        Self::timing_words(what, expected, format!("{count} of {of}"), count <= most)
    }

    /// How many of `of` comparisons, at least.
    pub fn at_least(what: impl Into<String>, (count, of): (u32, u32), least: u32) -> Self {
        let expected = format!("at least {least} of {of}");
        Self::timing_words(what, expected, format!("{count} of {of}"), count >= least)
    }

    /// Whether these checks made the verdict invalid; others may have failed beside them.
    pub fn caught(what: impl Into<String>, verdict: &Verdict, ids: &[&str]) -> Self {
        let is_invalid = |check: &&Check| check.status() == Status::Invalid;
        let failed = verdict.checks.iter().filter(is_invalid);
        let mut failed: Vec<&str> = failed.map(|check| check.id.as_str()).collect();
        failed.dedup();
        let holds =
            verdict.status == Status::Invalid && ids.iter().all(|wanted| failed.contains(wanted));
        let expected = format!("invalid: {}", ids.join(", "));
        let (wanted, others): (Vec<&str>, Vec<&str>) =
            failed.iter().partition(|id| ids.contains(id));
        let measured = match wanted[..] {
            [] => verdict.status.word().to_owned(),
            _ => format!("{}: {}", verdict.status.word(), wanted.join(", ")),
        };
        let row = Self::words(what, expected, measured, holds);
        match others[..] {
            [] => row,
            _ => row.note(format!("failed too: {}", others.join(", "))),
        }
    }

    /// Something that can't be said in numbers.
    pub fn words(
        what: impl Into<String>,
        expected: impl Into<String>,
        measured: impl Into<String>,
        holds: bool,
    ) -> Self {
        Self {
            case: "",
            what: what.into(),
            expected: Figure::Words(expected.into()),
            measured: Figure::Words(measured.into()),
            unit: None,
            tolerance: None,
            outcome: Outcome::of(holds),
            note: None,
            is_timing: false,
        }
    }

    /// The same of something that takes its time: another program can make it fail.
    pub fn timing_words(
        what: impl Into<String>,
        expected: impl Into<String>,
        measured: impl Into<String>,
        holds: bool,
    ) -> Self {
        Self {
            is_timing: true,
            ..Self::words(what, expected, measured, holds)
        }
    }

    fn number(
        what: impl Into<String>,
        unit: &'static str,
        (expected, measured): (f64, f64),
        allowed: f64,
    ) -> Self {
        Self {
            expected: Figure::Number(expected),
            measured: Figure::Number(measured),
            unit: Some(unit),
            tolerance: Some(allowed),
            ..Self::words(what, "", "", (measured - expected).abs() <= allowed)
        }
    }

    /// The same, of this case.
    #[must_use]
    pub fn of_case(mut self, case: &'static str) -> Self {
        self.case = case;
        self
    }

    /// The same with a note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(match self.note {
            Some(before) => format!("{before}; {}", note.into()),
            None => note.into(),
        });
        self
    }

    /// The same, shown and not judged.
    #[must_use]
    pub fn not_judged(mut self) -> Self {
        self.outcome = Outcome::NotJudged;
        self
    }

    /// The same; not judged where there was nothing to find out anything by.
    #[must_use]
    pub fn judged_on(self, found: u32) -> Self {
        if found > 0 { self } else { self.not_judged() }
    }

    /// The same; not judged if there is a reason against it.
    #[must_use]
    pub fn judged_unless(self, reason: Option<String>) -> Self {
        match reason {
            Some(reason) => self.not_judged().note(reason),
            None => self,
        }
    }

    /// The same, after trials during which other programs ran.
    #[must_use]
    pub fn disturbed(self) -> Self {
        if self.is_timing {
            self.note("other programs ran meanwhile")
        } else {
            self
        }
    }

    /// The same, in the form for machines that have other things to do.
    #[must_use]
    pub fn timing_not_judged(self) -> Self {
        if self.is_timing {
            self.not_judged()
        } else {
            self
        }
    }
}

/// Of `of` comparisons of things that don't differ so many may be said to differ: one in ten,
/// where chance alone makes 3 in 100.
pub fn false_alarms_most(of: u32) -> u32 {
    of / 10
}

/// Of `of` comparisons of things that differ so many have to be found out: nine in ten.
pub fn findings_least(of: u32) -> u32 {
    of - of / 10
}
