//! Each trial's course: its rate and its p99 in 50 ms steps, and what disturbed it.

use analysis::rules::is_disturbed;
use chart::{
    Kind, Scale, path,
    text::{at, short, time},
    thinned,
};
use maud::{Markup, html};
use render::numbers::whole;
use report::trial::{Load, Series, Step, Trial};
use view::{Seen, View};

/// Of one trial: as many of them stand side by side as there is room for.
const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 56.0;
/// Room for the block's number.
const HEAD: f64 = 13.0;
/// More points than this a line of this width doesn't show.
const POINTS: usize = 120;

/// A small chart for each trial's window, model by model.
pub(crate) fn course(view: &View<'_>) -> Markup {
    if view
        .models
        .iter()
        .all(|model| model.report.trials.is_empty())
    {
        return html! { p { "These reports came without their trials (" code { "MODEL.trials.json.gz" } "), or no trial was finished." } };
    }
    let places = places(view);
    html! {
        p {
            "A small chart for each trial: the area is its rate, the line its p99, both in steps as long as \
             the report has them (some 50 ms), and on axes that are the same for all trials of a load. Hatched: \
             something from outside disturbed this window. Struck through: its block was made again, and it is \
             in no figure."
        }
        (again(view))
        div.chips { @for model in &view.models {
            details.course data-m=(model.ink.model) open[view.models.len() == 1] {
                summary { (model.ink.swatch()) strong { (model.name()) } " " span.note { (in_short(model)) } }
                @for place in &places { (trials_at(model, place)) }
                (memory_ladders(model))
            }
        } }
    }
}

/// A load at a step of its ladder, with axes for all trials there.
struct Place {
    load: &'static str,
    connections: u32,
    rate_per_s: Option<f64>,
    rate: Scale,
    p99: Scale,
}

fn is_shown(load: &Load) -> bool {
    !matches!(load, Load::Idle { .. })
}

fn series(step: &Step) -> Option<&Series> {
    step.window
        .series
        .as_ref()
        .filter(|series| series.requests.len() > 1)
}

fn places(view: &View<'_>) -> Vec<Place> {
    let trials = view.models.iter().flat_map(|model| &model.report.trials);
    let shown: Vec<(&Trial, &Step)> = trials
        .filter(|trial| is_shown(&trial.load))
        .flat_map(|trial| trial.steps.iter().map(move |step| (trial, step)))
        .filter(|(_, step)| series(step).is_some())
        .collect();
    let mut keys: Vec<(&'static str, u32, Option<f64>)> = Vec::new();
    for (trial, step) in &shown {
        let key = key(trial, step);
        // A search tries rates of its own for each model.
        if !keys.contains(&key) && !matches!(trial.load, Load::Capacity { .. }) {
            keys.push(key);
        }
    }
    let place = |of: (&'static str, u32, Option<f64>)| {
        let here = || {
            shown
                .iter()
                .filter(|(trial, step)| key(trial, step) == of)
                .filter_map(|(_, step)| series(step))
        };
        let rates = here().flat_map(|series| rates(series).into_iter().map(|point| point.1));
        let times = here().flat_map(|series| series.p99_us.iter().copied());
        let upright = (HEIGHT, HEAD);
        Place {
            load: of.0,
            connections: of.1,
            rate_per_s: of.2,
            rate: Scale::over(Kind::Linear, rates, upright),
            p99: Scale::over(Kind::Log, times, upright),
        }
    };
    keys.into_iter().map(place).collect()
}

fn key(trial: &Trial, step: &Step) -> (&'static str, u32, Option<f64>) {
    (trial.load.word(), step.connections, step.rate_per_s)
}

/// Share of the window, and requests per second.
fn rates(series: &Series) -> Vec<(f64, f64)> {
    let length_s = (series.interval_us.max(1)) as f64 / 1e6;
    let count = series.requests.len().max(2) as f64 - 1.0;
    let points = series.requests.iter().enumerate();
    points
        .map(|(index, requests)| (index as f64 / count, *requests as f64 / length_s))
        .collect()
}

fn trials_at(model: &Seen<'_>, place: &Place) -> Markup {
    let trials = model.report.trials.iter().flat_map(|trial| {
        let here = (place.load, place.connections, place.rate_per_s);
        let steps = trial
            .steps
            .iter()
            .filter(move |step| key(trial, step) == here);
        steps.filter_map(move |step| Some((trial, step, series(step)?)))
    });
    let mut trials: Vec<(&Trial, &Step, &Series)> = trials.collect();
    trials.sort_by_key(|(trial, _, _)| trial.block);
    if trials.is_empty() {
        return html! {};
    }
    let load = place
        .rate_per_s
        .map_or_else(String::new, |rate| format!(" at {}/s", whole(rate)));
    let title = format!(
        "{} load{load} over {} connections",
        place.load,
        whole(place.connections.into())
    );
    html! {
        figure.trials {
            figcaption {
                (title) span.note {
                    " rate up to " (short(place.rate.high)) "/s, p99 from " (time(place.p99.low)) " to " (time(place.p99.high))
                }
            }
            div.cells role="img" aria-label={ (model.name()) ", " (title) ": " (says(&trials)) } {
                @for (trial, step, series) in &trials {
                    svg viewBox=(format!("0 0 {WIDTH} {}", HEIGHT + 2.0)) { (cell(trial, step, series, place)) }
                }
            }
        }
    }
}

fn says(trials: &[(&Trial, &Step, &Series)]) -> String {
    let each = trials.iter().map(|(trial, step, _)| {
        let rate = analysis::step::rate_per_s(step);
        format!(
            "block {}: {}/s{}",
            trial.block,
            whole(rate),
            state(trial, step)
        )
    });
    each.collect::<Vec<_>>().join("; ")
}

/// What has to be known of a window, in words.
fn state(trial: &Trial, step: &Step) -> String {
    let disturbed = if is_disturbed(step) {
        ", disturbed from outside"
    } else {
        ""
    };
    let again = if trial.made_again { ", made again" } else { "" };
    let unsteady = if step.steady == Some(false) {
        ", not steady when it began"
    } else {
        ""
    };
    format!("{disturbed}{again}{unsteady}")
}

fn cell(trial: &Trial, step: &Step, series: &Series, place: &Place) -> Markup {
    let x = Scale::between(Kind::Linear, 0.0, 1.0, (2.0, WIDTH - 4.0));
    let rates = thinned(&rates(series), POINTS);
    let count = series.p99_us.len().max(2) as f64 - 1.0;
    let p99 = series
        .p99_us
        .iter()
        .enumerate()
        .filter(|(_, us)| **us > 0.0);
    let p99: Vec<(f64, f64)> = p99.map(|(index, us)| (index as f64 / count, *us)).collect();
    let line = |points: &[(f64, f64)], y: &Scale| -> Vec<(f64, f64)> {
        points
            .iter()
            .map(|point| (x.place(point.0), y.place(point.1)))
            .collect()
    };
    let mut area = line(&rates, &place.rate);
    if let (Some(first), Some(last)) = (area.first().copied(), area.last().copied()) {
        area.insert(0, (first.0, HEIGHT));
        area.push((last.0, HEIGHT));
    }
    let width = at(WIDTH - 6.0);
    html! {
        g.again[trial.made_again] {
            title { "block " (trial.block) (state(trial, step)) }
            rect.ground x="2" y=(at(HEAD)) width=(width) height=(at(HEIGHT - HEAD)) {}
            @if is_disturbed(step) {
                rect.hatch x="2" y=(at(HEAD)) width=(width) height=(at(HEIGHT - HEAD)) {}
            }
            path.rate d={ (path(&area)) "z" } {}
            path.p99 d=(path(&line(&thinned(&p99, POINTS), &place.p99))) {}
            text.tick x="3" y="9.5" { "block " (trial.block) @if trial.made_again { " – made again" } @else if is_disturbed(step) { " – disturbed" } }
            @if trial.made_again {
                path.strike d={ "M2," (at(HEIGHT)) "L" (at(WIDTH - 4.0)) "," (at(HEAD)) } {}
            }
        }
    }
}

/// What a model's trials come to, before anybody opens them.
fn in_short(model: &Seen<'_>) -> String {
    let trials = &model.report.trials;
    let disturbed = trials
        .iter()
        .filter(|trial| trial.steps.iter().any(is_disturbed))
        .count();
    let again = trials.iter().filter(|trial| trial.made_again).count();
    format!(
        "{disturbed} disturbed, {again} made again, of {}",
        trials.len()
    )
}

/// Which blocks were made again.
fn again(view: &View<'_>) -> Markup {
    let trials = view.models.iter().flat_map(|model| &model.report.trials);
    let mut blocks: Vec<(u32, &str)> = trials
        .filter(|trial| trial.made_again)
        .map(|trial| (trial.block, trial.load.word()))
        .collect();
    blocks.sort_unstable();
    blocks.dedup();
    let names: Vec<String> = blocks
        .iter()
        .map(|(block, load)| format!("block {block} ({load})"))
        .collect();
    html! {
        @if names.is_empty() {
            p { "No block was made again." }
        } @else {
            p {
                "Made again, because something from outside disturbed them (steal, throttling, swap, other \
                 programs, CPUs that moved, for which a turn may have been taken once more by itself; never what \
                 a server did): " (names.join(", ")) ". Figures over all blocks, these \
                 included, are in the reports too; where they differ, a figure is suspect by \"selection\"."
            }
        }
    }
}

/// The server's memory at each step of its ladders.
fn memory_ladders(model: &Seen<'_>) -> Markup {
    let idle = model
        .report
        .trials
        .iter()
        .filter(|trial| !is_shown(&trial.load));
    let ladders: Vec<(u32, Vec<(u32, u64)>)> = idle
        .map(|trial| {
            let steps = trial
                .steps
                .iter()
                .filter_map(|step| Some((step.connections, step.server.pss_bytes?)));
            (trial.block, steps.collect())
        })
        .collect();
    let has_any = ladders.iter().any(|(_, steps)| !steps.is_empty());
    html! {
        @if has_any {
            details.numbers {
                summary { "Idle load: the server's memory (PSS) at each step" }
                div.scroll tabindex="0" { table {
                    @for (block, steps) in &ladders {
                        tr {
                            th scope="row" { "block " (block) }
                            @for (connections, bytes) in steps {
                                td { (whole(f64::from(*connections))) ": " (chart::text::bytes(*bytes as f64)) }
                            }
                        }
                    }
                } }
            }
        }
    }
}
