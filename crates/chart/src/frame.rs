//! The picture around the marks: size, title, axes.

use crate::scale::Scale;
use crate::text::at;
use maud::{Markup, html};

/// How wide a chart is, in its own units.
pub(crate) const WIDTH: f64 = 380.0;

/// As much of a name as so many units have room for; the whole is in the title of its row.
pub(crate) fn shortened(name: &str, room: f64) -> String {
    let mut left = room;
    let fits = |letter: &char| {
        left -= width(*letter);
        left >= 0.0
    };
    let start: String = name.chars().take_while(fits).collect();
    if start.len() == name.len() {
        return start;
    }
    let kept = start.chars().count().saturating_sub(1);
    start.chars().take(kept).chain(['…']).collect()
}

/// At the size of a chart's text, in the widest of usual fonts.
fn width(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => 3.7,
        'f' | 'r' | 't' | '-' | '(' | ')' | '/' => 4.9,
        'm' | 'w' | 'W' | 'M' | '@' | '%' | '<' | '>' => 11.3,
        letter if letter.is_ascii_lowercase() || letter.is_ascii_digit() => 7.35,
        letter if letter.is_ascii() => 8.9,
        // Of other scripts some are as wide as they are high.
        _ => 11.5,
    }
}

/// The whole picture: `title` names it and `says` is what somebody hears who doesn't see it.
pub(crate) fn picture(height: f64, title: &str, says: &str, inside: &Markup) -> Markup {
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", at(height))) role="img" aria-label=(format!("{title}. {says}")) {
            (inside)
        }
    }
}

/// A grid across a chart with an axis below it, whose name stands under it.
pub(crate) fn x_axis(
    scale: &Scale,
    (top, bottom): (f64, f64),
    name: &str,
    count: usize,
    text: &dyn Fn(f64) -> String,
) -> Markup {
    let (left, right) = (scale.place(scale.low), scale.place(scale.high));
    html! {
        @for tick in scale.ticks(count) {
            @let x = at(scale.place(tick));
            line.grid x1=(x) x2=(x) y1=(at(top)) y2=(at(bottom)) {}
            text.tick x=(x) y=(at(bottom + 13.0)) text-anchor="middle" { (text(tick)) }
        }
        text.axis x=(at((left + right) / 2.0)) y=(at(bottom + 27.0)) text-anchor="middle" { (name) }
    }
}

/// A grid across a chart with an axis left of it.
pub(crate) fn y_axis(
    scale: &Scale,
    (left, right): (f64, f64),
    count: usize,
    text: &dyn Fn(f64) -> String,
) -> Markup {
    html! {
        @for tick in scale.ticks(count) {
            @let y = scale.place(tick);
            line.grid x1=(at(left)) x2=(at(right)) y1=(at(y)) y2=(at(y)) {}
            text.tick x=(at(left - 4.0)) y=(at(y + 3.5)) text-anchor="end" { (text(tick)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_where_the_room_ends() {
        assert_eq!(shortened("uring-oneshot", 90.0), "uring-oneshot");
        assert_eq!(shortened(&"long".repeat(50), 90.0), "longlonglongl…");
        assert_eq!(shortened("<<<<<<<<<<<<", 90.0).chars().count(), 7);
        assert_eq!(shortened("", 90.0), "");
    }
}
