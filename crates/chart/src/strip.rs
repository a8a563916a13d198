//! A row for each model: a point for each of its blocks, its middle, its interval.

use crate::{
    frame::{WIDTH, picture, shortened, x_axis},
    scale::{Kind, Scale},
};
use crate::{ink::Ink, mark::Mark, text::at};
use maud::{Markup, html};
use report::numbers::Range;

/// A chart of rows over one axis.
pub struct Strip<'a> {
    /// What it shows.
    pub title: String,
    /// The axis, with its unit.
    pub axis: &'a str,
    /// Of the axis.
    pub kind: Kind,
    /// From the top.
    pub rows: Vec<Row>,
    /// Lines across all rows.
    pub rules: Vec<Rule>,
    /// Ticks as text.
    pub tick: &'a dyn Fn(f64) -> String,
}

/// One model.
pub struct Row {
    /// How it looks.
    pub ink: Ink,
    /// Left of its row.
    pub name: String,
    /// One for each block.
    pub points: Vec<f64>,
    /// Their median.
    pub middle: Option<f64>,
    /// Its interval, or the range of the blocks.
    pub span: Option<Range>,
    /// Whether it may be believed.
    pub mark: Mark,
    /// The figure as text, or why there is none.
    pub text: String,
    /// What is said when somebody points at it.
    pub tip: String,
}

/// A value that all rows are held against.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Where it stands.
    pub value: f64,
    /// Above it.
    pub name: String,
}

const ROW: f64 = 20.0;
const TOP: f64 = 16.0;
const LEFT: f64 = 98.0;
const RIGHT: f64 = 288.0;

impl Strip<'_> {
    /// The chart.
    pub fn draw(&self) -> Markup {
        let scale = Scale::over(self.kind, self.values(), (LEFT, RIGHT));
        let bottom = self.bottom();
        let inside = html! {
            (x_axis(&scale, (TOP, bottom), self.axis, 4, self.tick))
            @for rule in &self.rules {
                (draw_rule(rule, &scale, bottom))
            }
            @for (index, row) in self.rows.iter().enumerate() {
                (row.draw(&scale, TOP + ROW * (index as f64 + 0.5)))
            }
        };
        picture(self.height(), &self.title, &self.says(), &inside)
    }

    /// How high it is, in its own units.
    pub fn height(&self) -> f64 {
        self.bottom() + 32.0
    }

    fn bottom(&self) -> f64 {
        TOP + ROW * self.rows.len() as f64
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let of_rows = self.rows.iter().flat_map(|row| {
            let spans = row.span.iter().flat_map(|span| [span.low, span.high]);
            row.points.iter().copied().chain(row.middle).chain(spans)
        });
        of_rows.chain(self.rules.iter().map(|rule| rule.value))
    }

    fn says(&self) -> String {
        let rows: Vec<String> = self.rows.iter().map(|row| row.tip.clone()).collect();
        format!("{}: {}", self.axis, rows.join("; "))
    }
}

fn draw_rule(rule: &Rule, scale: &Scale, bottom: f64) -> Markup {
    let place = scale.place(rule.value);
    let anchor = if place > (LEFT + RIGHT) / 2.0 {
        "end"
    } else {
        "start"
    };
    html! {
        line.rule x1=(at(place)) x2=(at(place)) y1=(at(TOP - 3.0)) y2=(at(bottom)) {}
        text.tick x=(at(place)) y=(at(TOP - 6.0)) text-anchor=(anchor) { (rule.name) }
    }
}

impl Row {
    fn draw(&self, scale: &Scale, y: f64) -> Markup {
        html! {
            g class={ "row " (self.ink.class()) " " (self.mark.class()) } data-m=(self.ink.model) {
                title { (self.tip) }
                rect.hit x="0" y=(at(y - ROW / 2.0)) width=(at(WIDTH)) height=(at(ROW)) {}
                text.name x=(at(LEFT - 8.0)) y=(at(y + 4.0)) text-anchor="end" { (shortened(&self.name, LEFT - 8.0)) }
                (self.draw_span(scale, y))
                @for point in self.points.iter().filter(|point| scale.has(**point)) {
                    circle.block cx=(at(scale.place(*point))) cy=(at(y)) r="2.2" {}
                }
                @match self.middle {
                    Some(middle) if scale.has(middle) => { (self.ink.marker(scale.place(middle), y, 4.4)) }
                    Some(_) => { text.tick x=(at(LEFT + 4.0)) y=(at(y + 4.0)) { "below the axis" } }
                    None => {}
                }
                text.value x=(at(WIDTH - 2.0)) y=(at(y + 4.0)) text-anchor="end" { @if self.middle.is_some() || self.span.is_some() { (self.mark.sign()) } (self.text) }
            }
        }
    }

    fn draw_span(&self, scale: &Scale, y: f64) -> Markup {
        let middle_is_there = self.middle.is_none_or(|middle| scale.has(middle));
        let Some(Range { low, high }) = self.span.filter(|_| middle_is_there) else {
            return html! {};
        };
        let (from, to) = (scale.place(low), scale.place(high));
        html! {
            rect.span x=(at(from)) y=(at(y - 5.0)) width=(at((to - from).max(1.0))) height="10" rx="2" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::check::Status;

    fn row(model: usize, middle: Option<f64>, status: Status) -> Row {
        let name = format!("model-{model}");
        Row {
            ink: Ink { model },
            tip: format!("{name}: what is said of it"),
            name,
            points: middle.map_or_else(Vec::new, |middle| vec![middle - 5.0, middle + 5.0]),
            middle,
            span: middle.map(|middle| Range {
                low: middle - 5.0,
                high: middle + 5.0,
            }),
            mark: Mark {
                status,
                ..Mark::default()
            },
            text: middle.map_or_else(|| "no figure".to_owned(), |middle| middle.to_string()),
        }
    }

    #[test]
    fn a_strip_has_every_model_and_marks_what_is_doubtful() {
        let strip = Strip {
            title: "Rate".to_owned(),
            axis: "requests per second",
            kind: Kind::Linear,
            rows: vec![
                row(0, Some(100.0), Status::Valid),
                row(9, Some(50.0), Status::Suspect),
                row(2, None, Status::Invalid),
            ],
            rules: vec![Rule {
                value: 120.0,
                name: "ceiling".to_owned(),
            }],
            tick: &|value| format!("{value:.0}"),
        };
        let text = strip.draw().into_string();
        assert_eq!(text, strip.draw().into_string());
        for model in ["model-0", "model-9", "model-2"] {
            assert!(text.contains(&format!(">{model}</text>")), "{text}");
        }
        assert!(
            text.contains("class=\"row ink-1 dash-1 suspect\""),
            "{text}"
        );
        assert!(text.contains(">?\u{a0}50</text>") && text.contains(">ceiling</text>"));
        // What isn't there is neither drawn nor signed.
        assert!(text.contains(">no figure</text>"), "{text}");
        assert_eq!(text.matches("class=\"marker\"").count(), 2);
        assert_eq!(text.matches("class=\"block\"").count(), 4);
        assert!(text.contains("aria-label=\"Rate. requests per second: model-0: what"));
    }

    #[test]
    fn what_a_logarithmic_axis_cannot_hold_is_said_and_not_drawn() {
        let strip = Strip {
            title: "User memory".to_owned(),
            axis: "bytes",
            kind: Kind::Log,
            rows: vec![
                row(0, Some(100.0), Status::Valid),
                row(1, Some(-80.0), Status::Valid),
            ],
            rules: Vec::new(),
            tick: &|value| format!("{value:.0}"),
        };
        let text = strip.draw().into_string();
        assert!(text.contains(">-80</text>"), "{text}");
        assert_eq!(text.matches(">below the axis<").count(), 1);
        for (what, count) in [("marker", 1), ("block", 2), ("span", 1)] {
            let class = format!("class=\"{what}\"");
            assert_eq!(text.matches(&class).count(), count, "{what}: {text}");
        }
    }
}
