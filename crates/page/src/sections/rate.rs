//! The highest rate, and CPU time per request.

use super::figures::{READING, Shown, strip};
use chart::{
    ACROSS, Curve, Kind, Lines, Rule, Scale, Table, captioned,
    text::{capital, figure, short},
};
use maud::{Markup, html};
use render::numbers::whole;
use report::{
    comparison::CPU_PER_REQUEST,
    model::{Peak, Scheduled},
};
use view::{Seen, View};

/// Nothing where the run had neither closed nor open load.
pub(crate) fn rate(view: &View<'_>) -> Option<Markup> {
    let counts = connections(view);
    let charts: Vec<Markup> = match counts.as_slice() {
        [] => Vec::new(),
        [one] => vec![peak(view, *one), cpu_at_peak(view, *one)],
        [.., most] => vec![
            ladder(view, Ladder::Rate),
            ladder(view, Ladder::Cpu),
            peak(view, *most),
            cpu_at_peak(view, *most),
        ],
    };
    let common = common(view).map(|at| cpu_at(view, at));
    let above = render::table::above_ceiling(view.models.iter().map(|model| model.report));
    (!charts.is_empty() || common.is_some()).then(|| {
        html! {
            p {
                "In closed load each connection sends its next request when the reply is there: that gives \
                 the highest rate. CPU time is that of the server's CPUs where it had some of its own, else \
                 that of its processes. At a rate that is the same for all it is the sharpest figure there is, \
                 and no generator limits it."
            }
            p.note { (READING) }
            @if let Some(above) = above { p.note { (capital(&above)) "." } }
            div.charts { @for chart in charts { (chart) } @if let Some(chart) = common { (chart) } }
        }
    })
}

/// Counts of connections in closed load, ascending.
fn connections(view: &View<'_>) -> Vec<u32> {
    let steps = view.models.iter().flat_map(|model| steps(model));
    let mut counts: Vec<u32> = steps.map(|step| step.connections).collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// Of closed load; of old reports the peak alone.
fn steps<'a>(model: &'a Seen<'_>) -> Vec<&'a Peak> {
    let summary = &model.report.summary;
    match summary.closed_ladder.is_empty() {
        true => summary.peak.iter().collect(),
        false => summary.closed_ladder.iter().collect(),
    }
}

/// The step at the rate that all models were given, over the most connections.
pub(crate) fn common<'a>(view: &'a View<'_>) -> Option<&'a Scheduled> {
    let all = view
        .models
        .iter()
        .flat_map(|model| &model.report.summary.open_ladder);
    all.min_by(|a, b| {
        let key = |step: &Scheduled| (std::cmp::Reverse(step.connections), step.offered_rate_per_s);
        let ((more, rate), (other, than)) = (key(a), key(b));
        more.cmp(&other).then(rate.total_cmp(&than))
    })
}

/// That of the server's CPUs, where any model has it here.
pub(crate) fn cpu_id(view: &View<'_>, place: &str) -> String {
    let [of_cpus, of_processes] = CPU_PER_REQUEST.map(|name| format!("{place}.{name}"));
    let is_known = view.any(|model| model.value(&of_cpus));
    if is_known { of_cpus } else { of_processes }
}

fn peak(view: &View<'_>, connections: u32) -> Markup {
    let ceilings = view
        .models
        .iter()
        .filter_map(|model| model.report.ceiling.as_ref());
    let mut ceilings: Vec<f64> = ceilings.map(|ceiling| ceiling.over(connections)).collect();
    ceilings.dedup();
    let rules = ceilings.first().map(|value| Rule {
        value: *value,
        name: format!("ceiling: {}/s", short(*value)),
    });
    let id = format!("closed.{connections}_connections.rate_per_s");
    let title = format!("Peak rate over {} connections", whole(connections.into()));
    let shown = Shown {
        is_higher_better: true,
        rules: rules.into_iter().collect(),
        ..Shown::of(&id, &title, "1/s", "requests per second", Kind::Linear)
    };
    strip(view, shown)
}

fn cpu_at_peak(view: &View<'_>, connections: u32) -> Markup {
    let place = format!("closed.{connections}_connections");
    let title = format!(
        "CPU per request at the peak, over {} connections",
        whole(connections.into())
    );
    cpu(view, &place, title)
}

fn cpu_at(view: &View<'_>, at: &Scheduled) -> Markup {
    let rate = whole(at.offered_rate_per_s);
    cpu(
        view,
        &at.place(),
        format!("CPU per request at {rate}/s, the same rate for all"),
    )
}

fn cpu(view: &View<'_>, place: &str, title: String) -> Markup {
    let (id, axis) = (cpu_id(view, place), "µs of CPU time per request");
    strip(
        view,
        Shown::of(&id, &title, "us/request", axis, Kind::Linear),
    )
}

/// What is drawn over counts of connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ladder {
    Rate,
    Cpu,
}

fn ladder(view: &View<'_>, of: Ladder) -> Markup {
    let (title, unit) = match of {
        Ladder::Rate => ("Peak rate over each count of connections", "1/s"),
        Ladder::Cpu => ("CPU per request at each peak", "us/request"),
    };
    let name = match of {
        Ladder::Rate => "rate_per_s",
        Ladder::Cpu => {
            CPU_PER_REQUEST[usize::from(!view.any(|model| {
                steps(model)
                    .iter()
                    .find_map(|step| step.server_cpus_us_per_request)
            }))]
        }
    };
    let mut table = Table::new(["model", "connections", "median", "verdict"]);
    let mut curves = Vec::new();
    for model in &view.models {
        let (mut points, mut dots) = (Vec::new(), Vec::new());
        for step in steps(model) {
            let id = format!("{}.{name}", step.place());
            let Some(value) = model.value(&id) else {
                continue;
            };
            let mark = model.mark(&id);
            points.push((f64::from(step.connections), value.middle));
            dots.push(mark.is_doubtful());
            table.row([
                model.name().to_owned(),
                whole(step.connections.into()),
                format!("{}{}", mark.sign(), figure(value.middle, unit)),
                mark.note(),
            ]);
        }
        curves.push(Curve {
            class: model.ink.class(),
            model: Some(model.ink.model),
            tip: model.name().to_owned(),
            name: if points.is_empty() {
                String::new()
            } else {
                model.name().to_owned()
            },
            points,
            dots,
            band: None,
        });
    }
    // As many names as there are models have to stand at the ends of the curves.
    let height = (60.0 + 13.0 * view.models.len() as f64).max(220.0);
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let ceilings = ceilings(view, of);
    let picture = Lines {
        title: title.to_owned(),
        says: format!(
            "{} curves over counts of connections; the table has the numbers",
            curves.len()
        ),
        height,
        x: Scale::over(Kind::Log, all().map(|point| point.0), ACROSS),
        y: Scale::over(
            Kind::Linear,
            all()
                .map(|point| point.1)
                .chain(ceilings.iter().map(|point| point.1)),
            Lines::upright(height),
        ),
        x_name: "connections, all active",
        y_name: if of == Ladder::Rate {
            "requests/s"
        } else {
            "µs/request"
        },
        x_tick: &short,
        y_tick: &short,
        behind: html! {},
        levels: Vec::new(),
        curves: curves
            .into_iter()
            .chain((!ceilings.is_empty()).then(|| ceiling(ceilings.clone())))
            .collect(),
    };
    let reading = "Hollow points: suspect or invalid. Dashed: the ceiling, where it was measured.";
    captioned(title, reading, &picture.draw(), &table)
}

fn ceiling(points: Vec<(f64, f64)>) -> Curve {
    Curve {
        class: "ceiling".to_owned(),
        name: "ceiling".to_owned(),
        points,
        ..Curve::default()
    }
}

/// Over each count of connections; none for CPU time.
fn ceilings(view: &View<'_>, of: Ladder) -> Vec<(f64, f64)> {
    if of == Ladder::Cpu {
        return Vec::new();
    }
    let known = view
        .models
        .iter()
        .find_map(|model| model.report.ceiling.as_ref());
    let steps = known
        .map(|ceiling| ceiling.steps.as_slice())
        .unwrap_or_default();
    steps
        .iter()
        .map(|step| (f64::from(step.connections), step.rate_per_s))
        .collect()
}
