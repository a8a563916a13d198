//! Several runs, model by model: ratios, and never a probability, because their blocks have nothing in
//! common.

use chart::{
    Table,
    text::{figure, ratio},
};
use maud::{Markup, html};
use render::numbers::whole;
use report::check::Status;
use view::{Seen, View};

/// The figures that decide, of each model in each run.
pub(crate) fn side_by_side(views: &[View<'_>]) -> Markup {
    let mut header = vec!["model, figure".to_owned()];
    for view in views {
        header.push(view.run.run.clone());
    }
    header.push("last to first".to_owned());
    let mut table = Table {
        header,
        rows: Vec::new(),
    };
    // Figures that one run alone has.
    let mut lonely = 0;
    let mut names: Vec<&str> = Vec::new();
    for model in views.iter().flat_map(|view| &view.models) {
        if !names.contains(&model.name()) {
            names.push(model.name());
        }
    }
    for name in names {
        let models: Vec<Option<&Seen<'_>>> = views
            .iter()
            .map(|view| view.models.iter().find(|model| model.name() == name))
            .collect();
        for kind in KINDS {
            let cells = cells(views, &models, kind);
            match cells.iter().flatten().count() {
                0 => {}
                1 => lonely += 1,
                _ => table.rows.push(row(&cells, format!("{name}, {}", kind.0))),
            }
        }
    }
    html! {
        p {
            "These are different runs, so nothing can be said of their figures but their ratio: whatever differs \
             between machines, settings and moments counts as a difference, too. Figures at rates that differ \
             are named with their rates."
        }
        @if !table.rows.is_empty() { (table.draw()) }
        @if lonely > 0 { p.note { "Left out: " (lonely) " figure" @if lonely != 1 { "s" } " that one of the runs alone has." } }
    }
}

/// Figures that most runs have, by the end of their ids.
const KINDS: [(&str, &str); 4] = [
    ("user memory", "user_bytes_per_connection"),
    ("peak rate", "rate_per_s"),
    ("CPU per request", "us_per_request"),
    ("p90", "p90"),
];

/// A model's figure in a run.
struct Cell {
    value: f64,
    is_invalid: bool,
    /// Of the load, in words; empty where the load has no rate.
    rate: String,
    text: String,
}

fn cells(
    views: &[View<'_>],
    models: &[Option<&Seen<'_>>],
    (_, end): (&str, &str),
) -> Vec<Option<Cell>> {
    let unit = match end {
        "user_bytes_per_connection" => "B/conn",
        "rate_per_s" => "1/s",
        "us_per_request" => "us/request",
        _ => "us",
    };
    let cells = views.iter().zip(models).map(|(view, model)| {
        let model = (*model)?;
        let id = view.primary().into_iter().find(|id| id.ends_with(end))?;
        let value = model.value(&id)?.middle;
        let rate = id
            .split_once("_connections.")
            .and_then(|(_, rest)| rest.split_once("_per_s."));
        let rate = rate.map_or_else(String::new, |(rate, _)| {
            let rate = rate.parse().map_or_else(|_| rate.to_owned(), whole);
            format!(" at {rate}/s")
        });
        let mark = model.mark(&id);
        Some(Cell {
            value,
            is_invalid: mark.status == Status::Invalid,
            text: format!("{}{}{rate}", mark.sign(), figure(value, unit)),
            rate,
        })
    });
    cells.collect()
}

fn row(cells: &[Option<Cell>], title: String) -> Vec<String> {
    let ends = (
        cells.first().and_then(Option::as_ref),
        cells.last().and_then(Option::as_ref),
    );
    let quotient = match ends {
        (Some(first), Some(last)) if first.is_invalid || last.is_invalid => "–".to_owned(),
        (Some(first), Some(last)) if first.rate == last.rate => ratio(last.value / first.value),
        (Some(first), Some(last)) if first.rate.is_empty() || last.rate.is_empty() => {
            "other load".to_owned()
        }
        (Some(_), Some(_)) => "other rates".to_owned(),
        _ => "–".to_owned(),
    };
    let texts = cells.iter().map(|cell| match cell {
        Some(cell) => cell.text.clone(),
        None => "–".to_owned(),
    });
    let mut row = vec![title];
    row.extend(texts);
    row.push(quotient);
    row
}
