//! Curves over an axis, with bands.

use crate::text::at;
use crate::{
    frame::{WIDTH, picture, shortened, x_axis, y_axis},
    scale::Scale,
};
use maud::{Markup, html};
use std::fmt::Write as _;

/// A chart of curves.
pub struct Lines<'a> {
    /// What it shows.
    pub title: String,
    /// What is said to those who don't see it.
    pub says: String,
    /// In a chart's own units, of which it is 380 wide.
    pub height: f64,
    /// The axis below, over [`ACROSS`].
    pub x: Scale,
    /// The axis at the left, over [`Lines::upright`].
    pub y: Scale,
    /// Below its axis, with the unit.
    pub x_name: &'a str,
    /// Above its axis, with the unit.
    pub y_name: &'a str,
    /// Its ticks as text.
    pub x_tick: &'a dyn Fn(f64) -> String,
    /// Likewise.
    pub y_tick: &'a dyn Fn(f64) -> String,
    /// What lies below the curves: the others' curves, in grey.
    pub behind: Markup,
    /// Those in front.
    pub curves: Vec<Curve>,
    /// Level lines, each with its name.
    pub levels: Vec<(f64, String)>,
}

/// One curve.
#[derive(Default)]
pub struct Curve {
    /// Of the element: its ink, its dashes.
    pub class: String,
    /// Which model it is of, so that it can be hidden.
    pub model: Option<usize>,
    /// In the axes' units.
    pub points: Vec<(f64, f64)>,
    /// Around it.
    pub band: Option<Band>,
    /// A dot at each point; one that is doubtful is hollow.
    pub dots: Vec<bool>,
    /// Written at its end.
    pub name: String,
    /// What is said when somebody points at it.
    pub tip: String,
}

/// What lies around a curve: the lower edge and the upper.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band {
    /// The lower edge.
    pub low: Vec<(f64, f64)>,
    /// The upper.
    pub high: Vec<(f64, f64)>,
}

/// Where curves lie in a chart of this kind, left to right.
pub const ACROSS: (f64, f64) = (48.0, WIDTH - 70.0);
const TOP: f64 = 18.0;

impl Lines<'_> {
    /// Where curves lie in a chart of this height, bottom to top.
    pub fn upright(height: f64) -> (f64, f64) {
        (height - 34.0, TOP)
    }

    /// The chart.
    pub fn draw(&self) -> Markup {
        let (bottom, top) = Self::upright(self.height);
        let inside = html! {
            (x_axis(&self.x, (top, bottom), self.x_name, 5, self.x_tick))
            (y_axis(&self.y, ACROSS, 5, self.y_tick))
            text.axis x="2" y="10" { (self.y_name) }
            @for (value, name) in &self.levels {
                @let y = self.y.place(*value);
                line.rule x1=(at(ACROSS.0)) x2=(at(ACROSS.1)) y1=(at(y)) y2=(at(y)) {}
                text.tick x=(at(ACROSS.0 + 4.0)) y=(at(y - 4.0)) { (name) }
            }
            (self.behind)
            @for curve in &self.curves { (self.draw_curve(curve)) }
            @for (from, to, name) in self.names() {
                @if (to - from).abs() > 4.0 {
                    path.leader d=(path(&[(ACROSS.1 + 1.0, from), (ACROSS.1 + 8.0, to)])) {}
                }
                text.end x=(at(ACROSS.1 + 10.0)) y=(at(to + 3.5)) { (shortened(&name, WIDTH - ACROSS.1 - 10.0)) }
            }
        };
        picture(self.height, &self.title, &self.says, &inside)
    }

    fn draw_curve(&self, curve: &Curve) -> Markup {
        let places = curve
            .points
            .iter()
            .map(|(x, y)| (self.x.place(*x), self.y.place(*y)));
        let places: Vec<(f64, f64)> = places.collect();
        html! {
            g class={ "curve " (curve.class) } data-m=[curve.model] {
                @if !curve.tip.is_empty() { title { (curve.tip) } }
                @if let Some(band) = &curve.band { path.band d=(self.outline(band)) {} }
                path.line d=(path(&places)) {}
                @for ((x, y), doubtful) in places.iter().zip(&curve.dots) {
                    circle.doubtful[*doubtful] cx=(at(*x)) cy=(at(*y)) r="2.8" {}
                }
            }
        }
    }

    fn outline(&self, band: &Band) -> String {
        let back = band.high.iter().rev();
        let edge = band.low.iter().chain(back);
        let places: Vec<_> = edge
            .map(|(x, y)| (self.x.place(*x), self.y.place(*y)))
            .collect();
        path(&places) + "z"
    }

    /// Names at the ends of curves, moved apart where they would lie on each other: where the end is,
    /// where the name is.
    fn names(&self) -> Vec<(f64, f64, String)> {
        const APART: f64 = 11.0;
        let ends = self.curves.iter().filter(|curve| !curve.name.is_empty());
        let ends = ends.filter_map(|curve| {
            let (_, y) = curve.points.last()?;
            let y = self.y.place(*y);
            Some((y, y, curve.name.clone()))
        });
        let mut names: Vec<(f64, f64, String)> = ends.collect();
        names.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut least = f64::NEG_INFINITY;
        for (_, y, _) in &mut names {
            *y = y.max(least);
            least = *y + APART;
        }
        // What was pushed out at the bottom pushes back.
        let mut most = self.height - 20.0;
        for (_, y, _) in names.iter_mut().rev() {
            *y = y.min(most);
            most = *y - APART;
        }
        names
    }
}

/// Points as the outline of a path, each relative to the one before: that takes least room.
pub fn path(places: &[(f64, f64)]) -> String {
    let tenths = |place: f64| (place * 10.0).round() as i64;
    let number = |tenths: i64| match tenths % 10 {
        0 => (tenths / 10).to_string(),
        _ => format!("{:.1}", tenths as f64 / 10.0),
    };
    let (mut text, mut before) = (String::new(), None);
    for (x, y) in places {
        let here = (tenths(*x), tenths(*y));
        let _ = match before {
            None => write!(text, "M{},{}", number(here.0), number(here.1)),
            Some(before) if before == here => continue,
            Some((x, y)) => write!(text, "l{},{}", number(here.0 - x), number(here.1 - y)),
        };
        before = Some(here);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::Kind;

    fn chart(names: &[&str]) -> Lines<'static> {
        let curves = names.iter().map(|name| Curve {
            points: vec![(0.0, 1.0), (10.0, 50.0)],
            dots: vec![false, true],
            name: (*name).to_owned(),
            ..Curve::default()
        });
        Lines {
            title: "Rate".to_owned(),
            says: "it rises".to_owned(),
            height: 200.0,
            x: Scale::between(Kind::Linear, 0.0, 10.0, ACROSS),
            y: Scale::between(Kind::Log, 1.0, 100.0, Lines::upright(200.0)),
            x_name: "x",
            y_name: "y",
            x_tick: &|x| format!("{x:.0}"),
            y_tick: &|y| format!("{y:.0}"),
            behind: html! {},
            curves: curves.collect(),
            levels: vec![(10.0, "target".to_owned())],
        }
    }

    #[test]
    fn names_at_the_ends_do_not_lie_on_each_other() {
        let names: Vec<f64> = chart(&["a", "b", "c", "d"])
            .names()
            .iter()
            .map(|n| n.1)
            .collect();
        assert!(
            names.windows(2).all(|pair| pair[1] - pair[0] >= 11.0),
            "{names:?}"
        );
        let text = chart(&["a", "b"]).draw().into_string();
        assert!(text.contains("aria-label=\"Rate. it rises\""), "{text}");
        assert_eq!(text.matches("class=\"doubtful\"").count(), 2);
    }

    #[test]
    fn a_path_is_as_short_as_its_points_allow() {
        let places = [(10.0, 20.0), (10.04, 20.0), (15.5, 19.0), (15.5, 29.0)];
        assert_eq!(path(&places), "M10,20l5.5,-1l0,10");
        assert_eq!(path(&[]), "");
    }
}
