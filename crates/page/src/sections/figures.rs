//! A strip of one figure over all models.

use chart::{
    Kind, Row, Rule, Strip, Table, captioned,
    text::{figure, short},
};
use maud::Markup;
use view::{Seen, View};

/// One figure, as a section shows it.
pub(crate) struct Shown<'a> {
    /// Of the figure.
    pub(crate) id: &'a str,
    pub(crate) title: String,
    pub(crate) unit: &'a str,
    pub(crate) axis: &'a str,
    pub(crate) is_higher_better: bool,
    pub(crate) kind: Kind,
    pub(crate) rules: Vec<Rule>,
}

impl<'a> Shown<'a> {
    /// One that is the better the lower it is, as most are.
    pub(crate) fn of(id: &'a str, title: &str, unit: &'a str, axis: &'a str, kind: Kind) -> Self {
        Self {
            id,
            title: title.to_owned(),
            unit,
            axis,
            is_higher_better: false,
            kind,
            rules: Vec::new(),
        }
    }
}

/// How to read every strip, said once in a section.
pub(crate) const READING: &str = "A row for each model, the best first. Large marker: median; small points: blocks; bar: interval, \
     or the range of the blocks. Hollow and hatched: suspect or invalid.";

/// The chart of a figure, the best model first.
pub(crate) fn strip(view: &View<'_>, shown: Shown<'_>) -> Markup {
    let mut table = Table::new(["model", "median", "from", "to", "blocks", "verdict"]);
    for model in view.by(shown.id, shown.is_higher_better) {
        table.row(numbers(model, &shown));
    }
    let (picture, _) = row_picture(view, &shown, &|_, _| ());
    captioned(&shown.title, "", &picture, &table)
}

/// The chart without its numbers, and how high it is; `change` may show something else in a row.
pub(crate) fn row_picture(
    view: &View<'_>,
    shown: &Shown<'_>,
    change: &dyn Fn(&Seen<'_>, &mut Row),
) -> (Markup, f64) {
    let models = view.by(shown.id, shown.is_higher_better);
    let rows = models.iter().map(|model| {
        let mut row = row(model, shown);
        change(model, &mut row);
        row
    });
    let tick = |value: f64| match shown.unit {
        "us" => chart::text::time(value),
        _ => short(value),
    };
    let picture = Strip {
        title: shown.title.clone(),
        axis: shown.axis,
        kind: shown.kind,
        rows: rows.collect(),
        rules: shown.rules.clone(),
        tick: &tick,
    };
    (picture.draw(), picture.height())
}

fn row(model: &Seen<'_>, shown: &Shown<'_>) -> Row {
    let value = model.value(shown.id);
    let mark = model.mark(shown.id);
    let text = value.map_or_else(
        || "no figure".to_owned(),
        |value| figure(value.middle, shown.unit),
    );
    let said = match value {
        Some(_) => format!("{}{text}", mark.sign()),
        None => model.missing(shown.id),
    };
    let note = mark.note();
    let note = if note.is_empty() || value.is_none() {
        note
    } else {
        format!(" ({note})")
    };
    Row {
        ink: model.ink,
        name: model.name().to_owned(),
        points: model.blocks(shown.id),
        middle: value.map(|value| value.middle),
        span: value.and_then(|value| value.span),
        tip: format!("{}: {said}{note}", model.name()),
        mark,
        text,
    }
}

fn numbers(model: &Seen<'_>, shown: &Shown<'_>) -> [String; 6] {
    let value = model.value(shown.id);
    let as_text = |value: f64| figure(value, shown.unit);
    let edge = |of: fn(report::numbers::Range) -> f64| {
        let span = value.and_then(|value| value.span);
        span.map_or_else(|| "–".to_owned(), |span| as_text(of(span)))
    };
    let mark = model.mark(shown.id);
    let verdict = match (value, mark.note()) {
        (None, _) => model.missing(shown.id),
        (Some(_), note) if note.is_empty() => "valid".to_owned(),
        (Some(_), note) => note,
    };
    [
        model.name().to_owned(),
        value.map_or_else(
            || "–".to_owned(),
            |value| format!("{}{}", mark.sign(), as_text(value.middle)),
        ),
        edge(|span| span.low),
        edge(|span| span.high),
        model.blocks(shown.id).len().to_string(),
        verdict,
    ]
}
