//! The page of a run: reports go in, one HTML file comes out.
//!
//! | module | |
//! |---|---|
//! | `frame` | what all pages have |
//! | `sections` | the parts of a page, in their order |
//! | `pictures` | charts as files of their own |
//! | `front` | several runs, each with a link to its page |
//!
//! A page asks nobody for anything: its style and the little script that sorts, hides and shows values
//! are in it, and without the script all of it can still be read. What comes from reports is escaped by
//! maud, which checks the templates when they are built.

#![forbid(unsafe_code)]

mod frame;
mod front;
mod pictures;
mod sections;

pub use frame::FILE;
pub use front::{Entry, front};
pub use pictures::pictures;

use frame::{document, origin, title};
use maud::{Markup, html};
use report::{model::ModelReport, run::RunReport};
use sections::{
    answer, course, memory, method, more, pairs, rate, side_by_side, threads, times, verdicts,
};
use view::View;

/// The page of these runs, each with the reports of its models: one file, which asks for nothing
/// beside it. Of reports without their trials it shows what the summaries have.
pub fn page(runs: &[(&RunReport, &[ModelReport])]) -> String {
    of_runs(runs, None)
}

/// The page of a run that goes on: it says so, and reloads itself about as often as a block ends.
pub fn unfinished(run: &RunReport, models: &[ModelReport]) -> String {
    let blocks = f64::from(run.plan.blocks.max(1));
    // No more often than that: drawing it takes CPU time that the run could miss.
    let reload_s = (run.plan.expected_s / blocks).clamp(10.0, 600.0);
    of_runs(&[(run, models)], Some(reload_s as u32))
}

fn of_runs(runs: &[(&RunReport, &[ModelReport])], reload_s: Option<u32>) -> String {
    let views = runs.iter().enumerate();
    let views: Vec<View<'_>> = views
        .map(|(index, (run, models))| View {
            goes_on: reload_s.is_some(),
            ..View::of(index, run, models)
        })
        .collect();
    let title = match runs {
        [(run, _)] => title(run),
        several => format!("{} runs", several.len()),
    };
    let inside = html! {
        @if views.len() > 1 {
            header { h1 { (title) } }
            section { h2 { "Side by side" } (side_by_side::side_by_side(&views)) }
        }
        @if let Some(seconds) = reload_s {
            p.meta role="status" { "The run goes on. This page shows the blocks that are over, and reloads itself every " (seconds) " s." }
        }
        @for view in &views { (article(view)) }
    };
    document(&title, reload_s, &inside)
}

fn article(view: &View<'_>) -> Markup {
    let sections = sections(view);
    html! {
        article id=(view.prefix) {
            header {
                h1 { (title(view.run)) }
                (origin(view))
                nav aria-label="parts of the page" { @for (id, title, _) in &sections { a href={ "#" (view.prefix) "-" (id) } { (title) } } }
                (models(view))
            }
            @for (id, title, inside) in &sections {
                section id={ (view.prefix) "-" (id) } { h2 { (title) } (inside) }
            }
        }
    }
}

/// Id, title and content of each part that has something to show.
fn sections(view: &View<'_>) -> Vec<(&'static str, &'static str, Markup)> {
    let all = [
        ("answer", "The answer", Some(answer::answer(view))),
        (
            "verdicts",
            "What to believe",
            Some(verdicts::verdicts(view)),
        ),
        ("memory", "Memory", memory::memory(view)),
        ("rate", "Rate and CPU", rate::rate(view)),
        ("threads", "Threads", threads::threads(view)),
        ("times", "Response time", times::times(view)),
        ("pairs", "Comparisons", pairs::pairs(view)),
        ("capacity", "Capacity", more::capacity(view)),
        ("churn", "Churn", more::churn(view)),
        ("course", "Each trial", Some(course::course(view))),
        ("method", "Machine and method", Some(method::method(view))),
    ];
    all.into_iter()
        .filter_map(|(id, title, inside)| Some((id, title, inside?)))
        .collect()
}

/// The models with their markers; the script makes switches of them.
fn models(view: &View<'_>) -> Markup {
    html! {
        @if view.models.len() > 1 {
            ul.models aria-label="models" {
                @for model in &view.models {
                    li { button type="button" data-hides=(model.ink.model) title=(model.report.model.title) aria-pressed="true" { (model.ink.swatch()) span { (model.name()) } } }
                }
            }
        }
    }
}
