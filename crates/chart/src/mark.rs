//! What a figure's verdict adds to it, wherever it is shown.

use analysis::verdict::words;
use maud::{Markup, html};
use report::{
    check::{Direction, Effect, FigureVerdict, Status},
    model::ModelReport,
};

/// Whether a figure may be believed, as a chart shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mark {
    /// Its verdict.
    pub status: Status,
    pub(crate) bound: Option<Direction>,
    /// In words; empty where there is nothing to say.
    pub because: String,
}

impl Mark {
    /// Of the figure of this id. Reports of before figures had verdicts of their own have one for all.
    pub fn of(report: &ModelReport, id: &str) -> Self {
        let verdict = &report.verdict;
        if !verdict.figures.is_empty() {
            let of = verdict.of_figure(id);
            return of.as_ref().map_or_else(Self::default, Self::of_verdict);
        }
        let worst = verdict.worst();
        let because = worst.map(|check| format!("{}: {}", check.id, check.detail));
        Self {
            status: verdict.status,
            bound: None,
            because: because.unwrap_or_default(),
        }
    }

    /// Of a valid figure that is a floor.
    pub fn at_least(because: &str) -> Self {
        Self {
            status: Status::Valid,
            bound: Some(Direction::Low),
            because: because.to_owned(),
        }
    }

    fn of_verdict(of: &FigureVerdict) -> Self {
        let effect = of.bound.or(of.bias);
        let parts = [
            effect.as_ref().map(words),
            of.check.clone(),
            of.because.clone(),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        Self {
            status: of.status,
            bound: match of.bound {
                Some(Effect::Bounds { direction, .. }) if of.status == Status::Valid => {
                    Some(direction)
                }
                _ => None,
            },
            because: parts.join(", "),
        }
    }

    /// The worse of two.
    pub fn or(self, other: Self) -> Self {
        if other.status > self.status {
            other
        } else {
            self
        }
    }

    /// The same for what is no figure itself, such as a rank: it has no bound.
    pub fn of_comparison(self) -> Self {
        Self {
            bound: None,
            ..self
        }
    }

    /// Before the number.
    pub fn sign(&self) -> &'static str {
        match (self.status, self.bound) {
            (Status::Invalid, _) => "✗\u{a0}",
            (Status::Suspect, _) => "?\u{a0}",
            (_, Some(Direction::Low)) => "≥\u{a0}",
            (_, Some(Direction::High)) => "≤\u{a0}",
            _ => "",
        }
    }

    /// Suspect or invalid.
    pub fn is_doubtful(&self) -> bool {
        matches!(self.status, Status::Suspect | Status::Invalid)
    }

    /// A bound is no value to be higher or lower than another.
    pub fn is_bound(&self) -> bool {
        self.bound.is_some()
    }

    /// Of the style sheet: hatched, whatever the colour.
    pub fn class(&self) -> &'static str {
        match self.status {
            Status::Suspect => "suspect",
            Status::Invalid => "invalid",
            Status::Valid | Status::NotMeasured => "",
        }
    }

    /// The word and the reason, after a figure; empty where all is well.
    pub fn note(&self) -> String {
        match (self.status, self.because.as_str()) {
            (Status::Valid, "") => String::new(),
            (Status::Valid, because) => because.to_owned(),
            (status, "") => status.word().to_owned(),
            (status, because) => format!("{}: {because}", status.word()),
        }
    }
}
/// What fills a mark that is doubtful, for the style sheet: once in a page, or in a file with charts.
pub fn hatching() -> Markup {
    html! {
        defs {
            pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect.stripe width="2" height="5" {}
            }
            pattern id="cross" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect.stripe width="2" height="5" {}
                rect.stripe width="5" height="2" {}
            }
        }
    }
}
