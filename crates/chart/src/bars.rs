//! A row for each model, of parts that make a whole.

use crate::{
    frame::{WIDTH, picture, shortened, x_axis},
    scale::{Kind, Scale},
};
use crate::{mark::Mark, text::at};
use maud::{Markup, html};

/// A chart of stacked bars.
pub struct Bars<'a> {
    /// What it shows.
    pub title: String,
    /// The axis, with its unit.
    pub axis: &'a str,
    /// What the parts are, in the order in which they are stacked.
    pub parts: &'a [&'a str],
    /// From the top.
    pub bars: Vec<Bar>,
    /// Ticks as text.
    pub tick: &'a dyn Fn(f64) -> String,
}

/// One model.
pub struct Bar {
    /// Which of the run's models, counted from 0.
    pub model: usize,
    /// Left of its bar.
    pub name: String,
    /// As many as there are parts; one that isn't known is missing from the bar.
    pub parts: Vec<Option<f64>>,
    /// Whether it may be believed.
    pub mark: Mark,
    /// The whole as text, or why there is none.
    pub text: String,
    /// What is said when somebody points at it.
    pub tip: String,
}

const ROW: f64 = 20.0;
const LEFT: f64 = 98.0;
const RIGHT: f64 = 312.0;
/// Of one entry of the legend; two stand in a line.
const LINE: f64 = 15.0;

impl Bars<'_> {
    /// The chart.
    pub fn draw(&self) -> Markup {
        let wholes = self
            .bars
            .iter()
            .map(|bar| bar.parts.iter().flatten().sum::<f64>());
        let scale = Scale::over(Kind::Linear, wholes, (LEFT, RIGHT));
        let top = LINE * self.parts.len().div_ceil(2) as f64 + 6.0;
        let bottom = top + ROW * self.bars.len() as f64;
        let inside = html! {
            @for (index, part) in self.parts.iter().enumerate() {
                @let (x, y) = ((index % 2) as f64 * WIDTH / 2.0, (index / 2) as f64 * LINE);
                rect class={ "part-" (index) } x=(at(x + 2.0)) y=(at(y + 2.0)) width="11" height="11" rx="2" {}
                text.tick x=(at(x + 18.0)) y=(at(y + 11.0)) { (part) }
            }
            (x_axis(&scale, (top, bottom), self.axis, 4, self.tick))
            @for (index, bar) in self.bars.iter().enumerate() {
                (bar.draw(&scale, top + ROW * (index as f64 + 0.5)))
            }
        };
        let tips: Vec<&str> = self.bars.iter().map(|bar| bar.tip.as_str()).collect();
        let says = format!("{}: {}", self.axis, tips.join("; "));
        picture(bottom + 32.0, &self.title, &says, &inside)
    }
}

impl Bar {
    fn draw(&self, scale: &Scale, y: f64) -> Markup {
        let mut from = 0.0;
        let places = self.parts.iter().map(|part| {
            let start = from;
            from += part.unwrap_or(0.0).max(0.0);
            (scale.place(start), scale.place(from))
        });
        let places: Vec<(f64, f64)> = places.collect();
        let end = places.last().map_or(LEFT, |place| place.1);
        html! {
            g class={ "row " (self.mark.class()) } data-m=(self.model) {
                title { (self.tip) }
                rect.hit x="0" y=(at(y - ROW / 2.0)) width=(at(WIDTH)) height=(at(ROW)) {}
                text.name x=(at(LEFT - 8.0)) y=(at(y + 4.0)) text-anchor="end" { (shortened(&self.name, LEFT - 8.0)) }
                @for (index, (from, to)) in places.iter().enumerate() {
                    @if to > from {
                        rect class={ "part-" (index) } x=(at(*from)) y=(at(y - 7.0)) width=(at(to - from)) height="14" {}
                    }
                }
                @if self.mark.is_doubtful() {
                    rect.hatch x=(at(LEFT)) y=(at(y - 7.0)) width=(at(end - LEFT)) height="14" {}
                }
                text.value x=(at(WIDTH - 2.0)) y=(at(y + 4.0)) text-anchor="end" { @if end > LEFT { (self.mark.sign()) } (self.text) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_stacked_and_one_that_is_not_known_is_missing() {
        let bars = Bars {
            title: "Memory".to_owned(),
            axis: "kB",
            parts: &["server", "kernel", "generator"],
            bars: vec![Bar {
                model: 0,
                name: "one".to_owned(),
                parts: vec![Some(10.0), None, Some(30.0)],
                mark: Mark::default(),
                text: "40".to_owned(),
                tip: "one: 40".to_owned(),
            }],
            tick: &|value| format!("{value:.0}"),
        };
        let text = bars.draw().into_string();
        // In the legend and in the bar.
        let drawn = |part: usize| text.matches(&format!("class=\"part-{part}\"")).count();
        assert_eq!([0, 1, 2].map(drawn), [2, 1, 2], "{text}");
        let first = text.rsplit("class=\"part-0\"").next().unwrap();
        assert!(first.starts_with(" x=\"98\""), "from the axis: {first}");
    }
}
