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
    let did_other_work = did_other_work(views);
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
                _ => {
                    let title = format!("{name}, {}", kind.0);
                    table.rows.push(row(&cells, title, did_other_work));
                }
            }
        }
    }
    html! {
        p {
            "These are different runs, so nothing can be said of their figures but their ratio: whatever differs \
             between machines, settings and moments counts as a difference, too. Figures over other numbers of \
             connections or at other rates are named with these, and have no ratio; nor have those of runs that \
             asked for other work."
        }
        @if !table.rows.is_empty() { (table.draw()) }
        @if lonely > 0 { p.note { "Left out: " (lonely) " figure" @if lonely != 1 { "s" } " that one of the runs alone has." } }
    }
}

/// Whether the first and the last of the runs were asked for different things.
fn did_other_work(views: &[View<'_>]) -> bool {
    let ends = views.first().zip(views.last());
    ends.is_some_and(|(first, last)| {
        !compare::plan_differences(&first.run.plan, &last.run.plan).is_empty()
    })
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
    /// Over how many connections and at which rate, in words; empty where the load has none of them.
    place: String,
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
        let place = place(&id);
        let mark = model.mark(&id);
        Some(Cell {
            value,
            is_invalid: mark.status == Status::Invalid,
            text: format!("{}{}{place}", mark.sign(), figure(value, unit)),
            place,
        })
    });
    cells.collect()
}

/// `closed.100_connections.rate_per_s`: over 100.
fn place(id: &str) -> String {
    let number = |text: &str| text.parse().map_or_else(|_| text.to_owned(), whole);
    let Some((load, of)) = id.split_once("_connections.") else {
        return String::new();
    };
    let over = load.rsplit('.').next().unwrap_or(load);
    let rate = of.split_once("_per_s.");
    let rate = rate.map_or_else(String::new, |(rate, _)| format!(" at {}/s", number(rate)));
    format!(" over {}{rate}", number(over))
}

fn row(cells: &[Option<Cell>], title: String, did_other_work: bool) -> Vec<String> {
    let ends = (
        cells.first().and_then(Option::as_ref),
        cells.last().and_then(Option::as_ref),
    );
    let quotient = match ends {
        (Some(first), Some(last)) if first.is_invalid || last.is_invalid => "–".to_owned(),
        (Some(first), Some(last)) if first.place != last.place => "other load".to_owned(),
        (Some(_), Some(_)) if did_other_work => "other work".to_owned(),
        (Some(first), Some(last)) => ratio(last.value / first.value),
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
