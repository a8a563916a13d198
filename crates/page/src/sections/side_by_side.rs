//! Several runs, model by model: ratios, and never a probability, because their blocks have nothing in
//! common.

use chart::{
    Table,
    text::{figure, ratio},
};
use maud::{Markup, html};
use render::numbers::whole;
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
            table.rows.extend(row(views, &models, name, kind));
        }
    }
    html! {
        p {
            "These are different runs, so nothing can be said of their figures but their ratio: whatever differs \
             between machines, settings and moments counts as a difference, too. Figures at rates that differ \
             are named with their rates."
        }
        (table.draw())
    }
}

/// Figures that most runs have, by the end of their ids.
const KINDS: [(&str, &str); 4] = [
    ("user memory", "user_bytes_per_connection"),
    ("peak rate", "rate_per_s"),
    ("CPU per request", "us_per_request"),
    ("p90", "p90"),
];

fn row(
    views: &[View<'_>],
    models: &[Option<&Seen<'_>>],
    name: &str,
    (label, end): (&str, &str),
) -> Option<Vec<String>> {
    let cells = views.iter().zip(models).map(|(view, model)| {
        let model = (*model)?;
        let id = view.primary().into_iter().find(|id| id.ends_with(end))?;
        let value = model.value(&id)?.middle;
        let unit = match end {
            "user_bytes_per_connection" => "B/conn",
            "rate_per_s" => "1/s",
            "us_per_request" => "us/request",
            _ => "us",
        };
        let rate = id
            .split_once("_connections.")
            .and_then(|(_, rest)| rest.split_once("_per_s."));
        let rate = rate.map_or_else(String::new, |(rate, _)| {
            format!(
                " at {}/s",
                rate.parse().map_or_else(|_| rate.to_owned(), whole)
            )
        });
        Some((
            value,
            rate.clone(),
            format!("{}{}{rate}", model.mark(&id).sign(), figure(value, unit)),
        ))
    });
    let cells: Vec<Option<(f64, String, String)>> = cells.collect();
    cells.iter().any(Option::is_some).then(|| {
        let (first, last) = (
            cells.first().cloned().flatten(),
            cells.last().cloned().flatten(),
        );
        let quotient = match (first, last) {
            (Some(first), Some(last)) if first.1 == last.1 => ratio(last.0 / first.0),
            (Some(_), Some(_)) => "other rates".to_owned(),
            _ => "–".to_owned(),
        };
        let texts = cells
            .into_iter()
            .map(|cell| cell.map_or_else(|| "–".to_owned(), |(_, _, text)| text));
        let mut row = vec![format!("{name}, {label}")];
        row.extend(texts);
        row.push(quotient);
        row
    })
}
