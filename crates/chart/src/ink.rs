//! How a model looks in every chart of a page: its hue, its marker, its dashes.

use crate::text::at;
use maud::{Markup, html};

/// Hues that people of all eyes tell apart; the style sheet has them, for light and for dark.
const HUES: usize = 8;

/// What a model is drawn with. Beyond as many as there are hues, markers and dashes tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink {
    /// Which of the run's models, counted from 0.
    pub model: usize,
}

impl Ink {
    /// Of the style sheet.
    pub fn class(self) -> String {
        let round = self.model / HUES;
        match round {
            0 => format!("ink-{}", self.model),
            _ => format!("ink-{} dash-{}", self.model % HUES, round.min(3)),
        }
    }

    /// Its marker around this place, so many units high above it and below it.
    pub fn marker(self, x: f64, y: f64, half: f64) -> Markup {
        let (left, top) = (at(x - half), at(y - half));
        html! {
            @match self.model / HUES {
                0 => circle.marker cx=(at(x)) cy=(at(y)) r=(at(half)) {},
                1 => rect.marker x=(left) y=(top) width=(at(half * 2.0)) height=(at(half * 2.0)) {},
                _ => path.marker d={ "M" (at(x)) "," (top) "l" (at(half)) "," (at(half)) "l" (at(-half)) "," (at(half)) "l" (at(-half)) "," (at(-half)) "z" } {},
            }
        }
    }

    /// Its marker by itself, in a line of text.
    pub fn swatch(self) -> Markup {
        html! {
            svg class={ "swatch row " (self.class()) } viewBox="0 0 12 12" aria-hidden="true" { (self.marker(6.0, 6.0, 4.6)) }
        }
    }
}
