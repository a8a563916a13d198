//! The page of a run: reports go in, one HTML file comes out.
//!
//! | module | |
//! |---|---|
//! | `sections` | the parts of a page, in their order |
//! | `pictures` | charts as files of their own |
//! | `front` | several runs, each with a link to its page |
//!
//! A page asks nobody for anything: its style and the little script that sorts, hides and shows values
//! are in it, and without the script all of it can still be read. What comes from reports is escaped by
//! maud, which checks the templates when they are built.

#![forbid(unsafe_code)]

mod front;
mod pictures;
mod sections;

pub use front::{Entry, front};
pub use pictures::pictures;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use render::numbers::whole;
use report::{model::ModelReport, run::RunReport};
use sections::{
    answer, course, memory, method, more, pairs, rate, scoreboard, side_by_side, threads, times,
    verdicts,
};
use view::View;

/// The palettes, the charts, the page around them.
const STYLE: &str = concat!(
    ":root {",
    include_str!("../assets/light.css"),
    "} @media (prefers-color-scheme: dark) { :root {",
    include_str!("../assets/dark.css"),
    "} }\n",
    include_str!("../assets/chart.css"),
    include_str!("../assets/page.css"),
);
const SCRIPT: &str = include_str!("../assets/page.js");

/// Name of a run's page, beside its `run.json`.
pub const FILE: &str = "report.html";

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

/// What is around the inside of a page. `reload_s` are the seconds after which it reloads itself.
fn document(title: &str, reload_s: Option<u32>, inside: &Markup) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(seconds) = reload_s { meta http-equiv="refresh" content=(seconds); }
                title { "Millionfold: " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (patterns())
                main { (inside) }
                footer { "Made by Millionfold from saved reports; " code { "runner report" } " makes it again." }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    markup.into_string()
}

/// What a run asked, in a few words.
fn title(run: &RunReport) -> String {
    let plan = &run.plan;
    let models = match plan.models.as_slice() {
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        several => format!("{} models", several.len()),
    };
    let scenario = plan.scenario.as_ref();
    let scenario = scenario.map_or_else(String::new, |name| format!("{name}: "));
    format!(
        "{scenario}{models}, {} of {} bytes",
        plan.workload,
        whole(plan.payload_bytes.into())
    )
}

/// The hatching that marks what is doubtful, for all charts.
fn patterns() -> Markup {
    html! {
        svg.defs aria-hidden="true" { (chart::hatching()) }
    }
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

/// A run's verdict, and where and when it was made.
fn origin(view: &View<'_>) -> Markup {
    let run = view.run;
    let environment = &run.environment;
    let status = run.verdict.status;
    html! {
        p.meta {
            span class={ "badge " (scoreboard::badge(status)) } { (status.word()) }
            @if run.interrupted && !view.goes_on { " " span class="badge is-suspect" { "interrupted" } }
            " run " (run.run) " · " (environment.cpu.as_deref().unwrap_or("unknown CPU"))
            @if let Some(cpus) = environment.cpus { ", " (cpus) " CPUs" }
            @if let Some(kernel) = &environment.kernel { " · Linux " (kernel) }
            " · " (blocks(view))
        }
    }
}

/// How many there are; of a run that ended before all of them, how many of those planned.
fn blocks(view: &View<'_>) -> String {
    let planned = view.run.plan.blocks;
    let done = view.blocks_done().filter(|done| *done < planned);
    let done = done.map_or_else(String::new, |done| format!("{done} of "));
    format!(
        "{done}{planned} block{}",
        if planned == 1 { "" } else { "s" }
    )
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
