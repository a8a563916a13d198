//! Which figures are doubtful, and why: a figure is marked the same wherever it is drawn.

use super::scoreboard::badge;
use chart::Table;
use maud::{Markup, html};
use render::doubts::{is_superseded, name_and_place};
use report::check::{Check, Status};
use std::collections::BTreeMap;
use view::{Seen, View};

/// What the marks mean, who failed, and which check touched which figures.
pub(crate) fn verdicts(view: &View<'_>) -> Markup {
    let failed = view
        .models
        .iter()
        .filter(|model| model.report.failure.is_some());
    html! {
        (legend())
        @for model in failed { (failure(model)) }
        (causes(view))
    }
}

fn legend() -> Markup {
    let sample = |class: &str| {
        html! {
            svg class={ "sample row ink-0 " (class) } viewBox="0 0 44 16" aria-hidden="true" {
                rect.span x="2" y="3" width="40" height="10" rx="2" {}
                circle.marker cx="22" cy="8" r="4.4" {}
            }
        }
    };
    html! {
        ul.legend {
            li { (sample("")) "valid: it stands" }
            li { (sample("")) strong { "≥ ≤" } " valid as a bound: the truth is at least, or at most, this" }
            li { (sample("suspect")) strong { "?" } " suspect: off by a named cause" }
            li { (sample("invalid")) strong { "✗" } " invalid: what it claims did not happen" }
        }
        p.note { "How precise a figure is says its interval, never its verdict." }
    }
}

fn failure(model: &Seen<'_>) -> Markup {
    let Some(failure) = &model.report.failure else {
        return html! {};
    };
    html! {
        div.failure {
            p {
                span class={ "badge " (badge(Status::Invalid)) } { "failed" } " " strong { (model.name()) }
                " (" (failure.phase.word()) "): " (failure.reason)
                @if let Some(way_out) = &failure.way_out { ". What helps: " (way_out) }
            }
            @if !failure.stderr_tail.trim().is_empty() { pre { (failure.stderr_tail.trim_end()) } }
        }
    }
}

/// One check, what it made of figures, and whose.
#[derive(Default)]
struct Cause<'a> {
    status: Status,
    is_headline: bool,
    advice: Option<&'a str>,
    /// Model, figure, why.
    figures: Vec<[String; 3]>,
}

fn causes(view: &View<'_>) -> Markup {
    let mut causes: BTreeMap<&str, Cause<'_>> = BTreeMap::new();
    for model in &view.models {
        for (id, of) in &model.report.verdict.figures {
            let is_told = id.starts_with("peak.") && model.report.summary.peak.is_some();
            let Some(check) = of
                .check
                .as_deref()
                .filter(|_| of.status > Status::NotMeasured)
            else {
                continue;
            };
            if is_told || is_superseded(model.report, id) {
                continue;
            }
            let cause = causes.entry(check).or_default();
            cause.status = cause.status.max(of.status);
            cause.is_headline |= of.is_headline;
            cause.advice = cause.advice.or_else(|| advice(model, check));
            let mark = model.mark(id);
            cause
                .figures
                .push([model.name().to_owned(), name_and_place(id), mark.note()]);
        }
        if model.report.verdict.figures.is_empty() {
            of_older(model, &mut causes);
        }
    }
    let mut causes: Vec<(&str, Cause<'_>)> = causes.into_iter().collect();
    causes.sort_by_key(|(_, cause)| {
        std::cmp::Reverse((cause.status, cause.is_headline, cause.figures.len()))
    });
    html! {
        @if causes.is_empty() { p { "No figure is suspect or invalid." } }
        @for (check, cause) in &causes { (draw(check, cause)) }
    }
}

/// Reports of before figures had verdicts: each failed check touched them all.
fn of_older<'a>(model: &Seen<'a>, causes: &mut BTreeMap<&'a str, Cause<'a>>) {
    let checks = model.report.verdict.checks.iter();
    let failed = checks.filter(|check| !check.passed && check.id != "model_ran");
    for check in failed {
        let cause = causes.entry(&check.id).or_default();
        cause.status = cause.status.max(check.fails_as);
        cause.advice = cause.advice.or(Some(&check.advice));
        let place = check.trial.clone().unwrap_or_else(|| "all".to_owned());
        cause.figures.push([
            model.name().to_owned(),
            format!("all figures ({place})"),
            check.detail.clone(),
        ]);
    }
}

fn advice<'a>(model: &Seen<'a>, id: &str) -> Option<&'a str> {
    let mut checks = model.report.verdict.checks.iter();
    let check: &Check = checks.find(|check| check.id == id && !check.passed)?;
    Some(&check.advice)
}

fn draw(check: &str, cause: &Cause<'_>) -> Markup {
    let mut models: Vec<&str> = cause
        .figures
        .iter()
        .map(|figure| figure[0].as_str())
        .collect();
    models.dedup();
    let mut table = Table::new(["model", "figure", "why"]);
    cause
        .figures
        .iter()
        .for_each(|figure| table.row(figure.clone()));
    html! {
        details.cause {
            summary {
                span class={ "badge " (badge(cause.status)) } { (cause.status.word()) } " "
                strong { (check) } " touches " (cause.figures.len()) " figure" @if cause.figures.len() != 1 { "s" }
                " of " @if models.len() > 4 { (models.len()) " models" } @else { (chart::text::listed(&models)) }
                @if let Some(advice) = cause.advice { span.note { " What helps: " (advice) } }
            }
            (table.draw())
        }
    }
}
