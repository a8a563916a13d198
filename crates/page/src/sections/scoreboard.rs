//! All models in the figures that people ask for first: one table.

use chart::text::{capital, figure};
use maud::{Markup, html};
use report::check::Status;
use view::names::{label, unit};
use view::{CAPACITY, Seen, View};

/// A figure in the first table.
pub(crate) struct Column {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) unit: &'static str,
    pub(crate) is_higher_better: bool,
    pub(crate) is_primary: bool,
}

/// The figures that decide, then others that people ask for.
pub(crate) fn columns(view: &View<'_>) -> Vec<Column> {
    let primary = view.primary();
    let mut ids = primary.clone();
    if let Some(at) = super::rate::common(view) {
        let place = at.place();
        ids.push(format!("{place}.{}.p99", view::response(at)));
    }
    let has = |id: &String| view.any(|model| model.value(id));
    let mut others = vec![CAPACITY.to_owned(), "churn.connect_time_us.p50".to_owned()];
    let mut models = view.models.iter();
    if let Some(churn) = models.find_map(|model| model.report.summary.churn.as_ref()) {
        others.push(format!("churn.{}.p50", view::response(churn)));
    }
    ids.extend(others.into_iter().filter(has));
    ids.into_iter()
        .map(|id| Column {
            is_primary: primary.contains(&id),
            label: label(&id),
            unit: unit(&id),
            is_higher_better: id.ends_with("rate_per_s"),
            id,
        })
        .collect()
}

/// All models in the figures of the columns: a bar for the value, bold for who may be best.
pub(crate) fn scoreboard(view: &View<'_>, columns: &[Column]) -> Markup {
    let models = columns.first().map_or_else(
        || view.models.iter().collect(),
        |first| view.by(&first.id, first.is_higher_better),
    );
    html! {
        p.note {
            "Bars: from nothing to the greatest of the column. "
            @if view.models.len() > 1 { "Bold with a star: may be best, for all that the blocks tell. " }
            "Hatched: don't believe it without its reason."
        }
        div.scroll tabindex="0" {
            table.scores.sortable {
                thead { tr {
                    th scope="col" { "model" }
                    @for column in columns {
                        th scope="col" { (capital(&column.label)) span.better { @if column.is_higher_better { "more is better" } @else { "less is better" } @if !column.is_primary { ", exploratory" } } }
                    }
                    th scope="col" { "verdict" }
                } }
                tbody { @for model in models {
                    tr data-m=(model.ink.model) {
                        th scope="row" { (model.ink.swatch()) span { (model.name()) } }
                        @for column in columns { (cell(view, model, column)) }
                        @let status = worst(model, columns);
                        td { span class={ "badge " (badge(status)) } { (status.word()) } }
                    }
                } }
            }
        }
    }
}

/// The worst of the model's headline figures and of those in its row that decide, so that none is
/// marked beside a word that says otherwise: a ladder's headline figures are of other steps.
fn worst(model: &Seen<'_>, columns: &[Column]) -> Status {
    let decide = columns.iter().filter(|column| column.is_primary);
    let marks = decide.map(|column| model.mark(&column.id));
    let doubtful = marks.filter(chart::Mark::is_doubtful);
    doubtful
        .map(|mark| mark.status)
        .fold(model.report.verdict.status, Status::max)
}

/// Of the style sheet.
pub(crate) fn badge(status: Status) -> &'static str {
    match status {
        Status::Valid => "is-valid",
        Status::NotMeasured => "is-missing",
        Status::Suspect => "is-suspect",
        Status::Invalid => "is-invalid",
    }
}

fn cell(view: &View<'_>, model: &Seen<'_>, column: &Column) -> Markup {
    let Some(value) = model.value(&column.id) else {
        return html! { td.missing data-v="" title=(model.missing(&column.id)) { "–" span.why { (model.missing(&column.id)) } } };
    };
    let all = view
        .models
        .iter()
        .filter_map(|model| model.value(&column.id));
    let greatest = all.map(|value| value.middle).fold(0.0, f64::max);
    let mark = model.mark(&column.id);
    let ranking = view
        .ranking(&column.id)
        .filter(|ranking| ranking.pairs_decided > 0);
    let place = ranking.and_then(|ranking| {
        ranking
            .contestants
            .iter()
            .find(|one| one.model == model.name())
    });
    let may_be_best = column.is_primary && place.is_some_and(|one| one.ranks.best == 1);
    let width = (value.middle / greatest * 100.0).clamp(0.0, 100.0);
    html! {
        td class={ (mark.class()) @if may_be_best { " best" } } data-v=(value.middle) title=(mark.note()) {
            span.number { (mark.sign()) (figure(value.middle, column.unit)) @if may_be_best { " ★" } }
            @if value.middle > 0.0 { span.bar { span style={ "width:" (format!("{width:.0}")) "%" } {} } }
        }
    }
}
