//! Charts of a run as files of their own, for a README: light and dark.

use crate::sections::{
    figures::{Shown, row_picture},
    memory::USER,
    rate::{common, cpu_id},
    times::rates,
};
use chart::{Kind, hatching};
use maud::{Markup, PreEscaped, html};
use render::numbers::whole;
use report::{model::ModelReport, numbers::Range, run::RunReport};
use view::{View, of_scheduled, response};

const LIGHT: &str = include_str!("../assets/light.css");
const DARK: &str = include_str!("../assets/dark.css");
const CHART: &str = include_str!("../assets/chart.css");

/// How wide a chart is, in its own units; around it; above it.
const WIDTH: f64 = 380.0;
const MARGIN: f64 = 16.0;
const TITLE: f64 = 24.0;

/// Title, picture and height of a chart.
type Part = (String, Markup, f64);

/// Files by their names: `memory` and `load`, each `-light.svg` and `-dark.svg`. What the run did not
/// measure is not there.
pub fn pictures(run: &RunReport, models: &[ModelReport]) -> Vec<(String, String)> {
    let view = View::of(0, run, models);
    let mut files = Vec::new();
    for (name, parts) in [("memory", memory(&view)), ("load", load(&view))] {
        for (theme, colours) in [("light", LIGHT), ("dark", DARK)] {
            if !parts.is_empty() {
                files.push((format!("{name}-{theme}.svg"), file(&parts, colours)));
            }
        }
    }
    files
}

/// Charts side by side, in these colours.
fn file(parts: &[Part], colours: &str) -> String {
    let width = MARGIN + (WIDTH + MARGIN) * parts.len() as f64;
    let height = TITLE + parts.iter().map(|part| part.2).fold(0.0, f64::max);
    let markup = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(height) viewBox=(format!("0 0 {width} {height}")) {
            style { ":root{" (PreEscaped(colours)) "}" (PreEscaped(CHART)) "text.title{font-weight:600;font-size:12.5px}" }
            (hatching())
            rect width=(width) height=(height) fill="var(--bg)" {}
            @for (index, (title, picture, height)) in parts.iter().enumerate() {
                @let left = MARGIN + (WIDTH + MARGIN) * index as f64;
                text.title x=(left) y="17" { (title) }
                svg x=(left) y=(TITLE) width=(WIDTH) height=(height) { (picture) }
            }
        }
    };
    markup.into_string() + "\n"
}

fn memory(view: &View<'_>) -> Vec<Part> {
    let title = "User memory of the server for an idle connection";
    let axis = "bytes, logarithmic";
    let shown = Shown::of(USER, title, "B/conn", axis, Kind::Log);
    let (picture, height) = row_picture(view, &shown, &|_, _| ());
    let is_there = view.any(|model| model.value(USER));
    Vec::from_iter(is_there.then_some((shown.title, picture, height)))
}

/// CPU per request and p99 at the rate that all models were given, with what they are at higher ones.
fn load(view: &View<'_>) -> Vec<Part> {
    let Some(at) = common(view) else {
        return Vec::new();
    };
    let rate = whole(at.offered_rate_per_s);
    let cpu = cpu_id(view, &at.place());
    let p99 = format!("{}.{}.p99", at.place(), response(at));
    let of_cpu = (&*cpu, "CPU per request", "us/request", Kind::Linear);
    let of_p99 = (&*p99, "p99 of response times", "us", Kind::Log);
    let parts = [of_cpu, of_p99].map(|(id, name, unit, kind)| {
        let axis = "large: at that rate; small: at higher rates, where it holds them";
        let shown = Shown::of(id, &format!("{name} at {rate}/s"), unit, axis, kind);
        let end = id.trim_start_matches(&at.place()).trim_start_matches('.');
        let (picture, height) = row_picture(view, &shown, &|model, row| {
            let steps = rates(model, at.connections).into_iter();
            let values = steps.filter_map(|step| Some(of_scheduled(step, end)?.middle));
            row.points = values.collect();
            let low = row.points.iter().copied().reduce(f64::min);
            let high = row.points.iter().copied().reduce(f64::max);
            row.span = low.zip(high).map(|(low, high)| Range { low, high });
        });
        (shown.title, picture, height)
    });
    parts.into()
}
