//! Response times: how they spread, what load does to them, how much of them was the generator.

use super::{
    figures::{READING, Shown, strip},
    panels::{Context, HEIGHT, Panel, panel},
    rate::common,
};
use chart::{
    ACROSS, Band, Curve, Kind, Lines, Scale, Table,
    text::{short, time},
};
use maud::{Markup, html};
use render::numbers::{percent, whole};
use report::{model::Scheduled, numbers::Range};
use view::window::Window;
use view::{Seen, View, of_scheduled, response};

const PERCENTILES: [(&str, &str); 3] = [("p50", "p50"), ("p99", "p99"), ("p99_9", "p99.9")];

/// Nothing where the run had no open load.
pub(crate) fn times(view: &View<'_>) -> Option<Markup> {
    let at = common(view)?;
    let place = at.place();
    let of = response(at);
    let rate = whole(at.offered_rate_per_s);
    let strips = ["p50", "p90", "p99"].map(|percentile| {
        let over = whole(at.connections.into());
        let title = format!("{percentile} at {rate}/s over {over} connections");
        let axis = "response time, logarithmic";
        let id = format!("{place}.{of}.{percentile}");
        strip(view, Shown::of(&id, &title, "us", axis, Kind::Log))
    });
    let is_less_lag = of != "response_time_us";
    Some(html! {
        p {
            "In open load requests arrive on a schedule that doesn't care how the server is doing, and \
             each time counts from the moment at which its request was due. "
            @if is_less_lag { "Times are less the generator's own lag." }
            @else { "These reports don't know the generator's lag in reading: it is part of the times." }
        }
        p.note { (READING) }
        div.charts { @for strip in &strips { (strip) } }
        h3 { "How times spread" }
        p.note {
            "A curve for each offered rate, the lowest drawn thickest; around it a band from the least to \
             the greatest of the blocks; in grey all models at the lowest rate. To the right each step is \
             ten times rarer. (The generator's lag in sending is taken off, that in reading is not.)"
        }
        (spreads(view, at.connections))
        h3 { "What the rate does to them" }
        p.note {
            "From below: p50, p99 (with the range of its blocks) and p99.9 of response times against the offered rate; dashed the same of \
             service times, which count from when a request was sent; dotted p99 of the generator's own \
             lag in sending. A model is drawn as far as it was given rates; hollow points are suspect or invalid."
            @if is_less_lag { " Service times still have the generator's lag in reading in them, so that they may lie above." }
        }
        (against_rate(view, at.connections))
        (own_lag(view, at))
    })
}

/// The model's windows over so many connections.
fn windows<'a>(model: &'a Seen<'_>, connections: u32) -> impl Iterator<Item = &'a Window> {
    let windows = model.windows.iter();
    windows.filter(move |window| window.connections == connections && !window.curve.is_empty())
}

fn share_name(share: f64) -> String {
    match share.round() as u64 {
        1 => "p0".to_owned(),
        10 => "p90".to_owned(),
        100 => "p99".to_owned(),
        1_000 => "p99.9".to_owned(),
        _ => "p99.99".to_owned(),
    }
}

fn spreads(view: &View<'_>, connections: u32) -> Markup {
    let all = || {
        view.models
            .iter()
            .flat_map(|model| windows(model, connections))
    };
    let edge = |window: &Window| {
        let band = window.band.iter().flat_map(|band| &band.high);
        window
            .curve
            .iter()
            .chain(band)
            .map(|point| point.1)
            .collect::<Vec<f64>>()
    };
    let farthest = all()
        .flat_map(|window| &window.curve)
        .map(|point| point.0)
        .fold(10.0, f64::max);
    let x = Scale::between(Kind::Log, 1.0, farthest, ACROSS);
    let y = Scale::over(Kind::Log, all().flat_map(edge), Lines::upright(HEIGHT));
    let lowest = |model: &Seen<'_>| {
        windows(model, connections)
            .next()
            .map(|window| window.curve.clone())
    };
    let shapes = view
        .models
        .iter()
        .filter_map(|model| Some((model.ink.model, lowest(model)?)));
    let context = Context::of(&format!("{}-spread", view.prefix), shapes.collect(), &x, &y);
    let panels = view.models.iter().map(|model| {
        let rates: Vec<&Window> = windows(model, connections).collect();
        let mut table = Table::new(["rate, 1/s", "p50", "p90", "p99", "p99.9"]);
        let curves = rates.iter().enumerate().map(|(index, window)| {
            let mut steps = self::rates(model, connections).into_iter();
            let step = steps.find(|step| step.offered_rate_per_s == window.rate_per_s);
            let sign = |percentile: &str| {
                let id =
                    step.map(|step| format!("{}.{}.{percentile}", step.place(), response(step)));
                id.map_or("", |id| model.mark(&id).sign())
            };
            let near = |share: f64, percentile| {
                let mut points = window.curve.iter();
                let found = points.find(|point| (point.0 / share - 1.0).abs() < 0.01);
                found.map_or_else(
                    || "–".to_owned(),
                    |point| format!("{}{}", sign(percentile), time(point.1)),
                )
            };
            table.row([
                whole(window.rate_per_s),
                near(10f64.powf(0.3), "p50"),
                near(10.0, "p90"),
                near(100.0, "p99"),
                near(1000.0, "p99_9"),
            ]);
            Curve {
                class: format!("{} rate-{}", model.ink.class(), index.min(3)),
                points: window.curve.clone(),
                band: window.band.clone(),
                name: format!("{}/s", short(window.rate_per_s)),
                tip: format!("{} at {}/s", model.name(), whole(window.rate_per_s)),
                ..Curve::default()
            }
        });
        let curves: Vec<Curve> = curves.collect();
        panel(
            view,
            model,
            &context,
            Panel {
                x,
                y,
                curves,
                x_name: "share of requests that took no longer",
                y_name: "",
                x_tick: &share_name,
                y_tick: &time,
                says: "percentile curves; the table has the numbers",
                missing: "no open load",
            },
            &table,
        )
    });
    let panels: Vec<Markup> = panels.collect();
    html! { (context.defs) div.charts { @for panel in &panels { (panel) } } }
}

/// The model's loads at these connections, from the lowest rate.
pub(crate) fn rates<'a>(model: &Seen<'a>, connections: u32) -> Vec<&'a Scheduled> {
    let ladder = model.report.summary.open_ladder.iter();
    ladder
        .filter(|step| step.connections == connections)
        .collect()
}

fn against_rate(view: &View<'_>, connections: u32) -> Markup {
    let all: Vec<&Scheduled> = view
        .models
        .iter()
        .flat_map(|model| rates(model, connections))
        .collect();
    let shown = |step: &&Scheduled| {
        let times = [response(step), "service_time_us"];
        let ids = times
            .into_iter()
            .flat_map(|of| PERCENTILES.map(|(name, _)| format!("{of}.{name}")));
        ids.filter_map(|id| Some(of_scheduled(step, &id)?.middle))
            .collect::<Vec<f64>>()
    };
    let x = Scale::over(
        Kind::Linear,
        all.iter().map(|step| step.offered_rate_per_s),
        ACROSS,
    );
    let y = Scale::over(
        Kind::Log,
        all.iter().flat_map(shown),
        Lines::upright(HEIGHT),
    );
    let p99 = |model: &Seen<'_>| {
        let steps = rates(model, connections).into_iter();
        let points = steps.filter_map(|step| {
            let value = of_scheduled(step, &format!("{}.p99", response(step)))?;
            Some((step.offered_rate_per_s, value.middle))
        });
        points.collect::<Vec<_>>()
    };
    let shapes = view
        .models
        .iter()
        .map(|model| (model.ink.model, p99(model)));
    let context = Context::of(&format!("{}-rate", view.prefix), shapes.collect(), &x, &y);
    let panels = view.models.iter().map(|model| {
        let steps = rates(model, connections);
        let mut table = Table::new([
            "rate, 1/s",
            "p50",
            "p99",
            "p99.9",
            "service p99",
            "lag p99",
            "not sustained",
        ]);
        for step in &steps {
            table.row(numbers(model, step));
        }
        panel(
            view,
            model,
            &context,
            Panel {
                x,
                y,
                curves: hockey(model, &steps),
                x_name: "offered, requests per second",
                y_name: "",
                x_tick: &short,
                y_tick: &time,
                says: "response times against the offered rate; the table has the numbers",
                missing: "no open load",
            },
            &table,
        )
    });
    let panels: Vec<Markup> = panels.collect();
    html! { (context.defs) div.charts { @for panel in &panels { (panel) } } }
}

fn hockey(model: &Seen<'_>, steps: &[&Scheduled]) -> Vec<Curve> {
    let along = |id: &dyn Fn(&Scheduled) -> String| {
        let points = steps.iter().filter_map(|step| {
            let name = id(step);
            let value = of_scheduled(step, &name)?;
            let is_doubtful = model
                .mark(&format!("{}.{name}", step.place()))
                .is_doubtful();
            Some((
                step.offered_rate_per_s,
                value.middle,
                value.span,
                is_doubtful,
            ))
        });
        points.collect::<Vec<_>>()
    };
    let line = |class: &str, name: &str, points: &[(f64, f64, Option<Range>, bool)]| Curve {
        class: format!("{} {class}", model.ink.class()),
        points: points.iter().map(|point| (point.0, point.1)).collect(),
        name: name.to_owned(),
        tip: format!("{} {name}", model.name()),
        ..Curve::default()
    };
    let mut curves = Vec::new();
    for (percentile, shown) in PERCENTILES {
        let service = along(&|_| format!("service_time_us.{percentile}"));
        curves.push(line("service", "", &service));
        let points = along(&|step| format!("{}.{percentile}", response(step)));
        let spans = points
            .iter()
            .filter_map(|(x, _, span, _)| Some((*x, (*span)?)));
        let spans: Vec<(f64, Range)> = spans.collect();
        curves.push(Curve {
            band: (percentile == "p99" && spans.len() > 1).then(|| Band {
                low: spans.iter().map(|(x, span)| (*x, span.low)).collect(),
                high: spans.iter().map(|(x, span)| (*x, span.high)).collect(),
            }),
            dots: points.iter().map(|point| point.3).collect(),
            ..line("", shown, &points)
        });
    }
    curves.push(line("lag", "", &along(&|_| "lag_us.p99".to_owned())));
    curves.retain(|curve| !curve.points.is_empty());
    curves
}

fn numbers(model: &Seen<'_>, step: &Scheduled) -> [String; 7] {
    let of = |id: String| {
        let mark = model.mark(&format!("{}.{id}", step.place()));
        let value = of_scheduled(step, &id);
        value.map_or_else(
            || "–".to_owned(),
            |value| format!("{}{}", mark.sign(), time(value.middle)),
        )
    };
    let response = |percentile: &str| of(format!("{}.{percentile}", response(step)));
    [
        whole(step.offered_rate_per_s),
        response("p50"),
        response("p99"),
        response("p99_9"),
        of("service_time_us.p99".to_owned()),
        of("lag_us.p99".to_owned()),
        percent(step.achieved_share.map(|share| (1.0 - share).max(0.0))),
    ]
}

/// How much of the times at the common rate was the generator's doing.
fn own_lag(view: &View<'_>, at: &Scheduled) -> Markup {
    let mut table = Table::new([
        "model",
        "p99 as measured",
        "p99 less the generator's lag",
        "generator's share",
        "lag in sending, p99",
        "lag in reading, p99",
    ]);
    for model in &view.models {
        let here = rates(model, at.connections).into_iter();
        let Some(step) = here.into_iter().find(|step| step.place() == at.place()) else {
            continue;
        };
        let of = |id: &str| of_scheduled(step, id).map(|value| value.middle);
        let text = |us: Option<f64>| us.map_or_else(|| "not measured".to_owned(), time);
        let (measured, prompt) = (
            of("response_time_us.p99"),
            of("prompt_response_time_us.p99"),
        );
        let share = measured
            .zip(prompt)
            .map(|(with, without)| (1.0 - without / with).max(0.0) * 100.0);
        table.row([
            model.name().to_owned(),
            text(measured),
            text(prompt),
            share.map_or_else(|| "not known".to_owned(), |share| format!("{share:.0} %")),
            text(of("lag_us.p99")),
            text(of("read_lag_us.p99")),
        ]);
    }
    html! {
        h3 { "How much of it was the generator's own lag" }
        p.note { "At " (whole(at.offered_rate_per_s)) "/s, the rate that all models were given." }
        (table.draw())
    }
}
