//! What all pages have: the document around their inside, and how a run is named on them.

use crate::sections::scoreboard;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use render::numbers::whole;
use report::run::RunReport;
use view::View;

/// Name of a run's page, beside its `run.json`.
pub const FILE: &str = "report.html";

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

/// What is around the inside of a page. `reload_s` are the seconds after which it reloads itself.
pub(crate) fn document(title: &str, reload_s: Option<u32>, inside: &Markup) -> String {
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

/// The hatching that marks what is doubtful, for all charts.
fn patterns() -> Markup {
    html! {
        svg.defs aria-hidden="true" { (chart::hatching()) }
    }
}

/// What a run asked, in a few words.
pub(crate) fn title(run: &RunReport) -> String {
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

/// A run's verdict, and where and when it was made.
pub(crate) fn origin(view: &View<'_>) -> Markup {
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
