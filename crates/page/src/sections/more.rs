//! What only some runs have: the search for the capacity, churn.

use chart::{
    ACROSS, Curve, Kind, Lines, Scale, Table, captioned,
    text::{figure, short, time},
};
use maud::{Markup, html};
use render::numbers::{percent, whole};
use report::{
    model::{Capacity, Scheduled, Spread},
    slo::Percentile,
};
use view::{CAPACITY, Seen, View, of_scheduled, response};

const HEIGHT: f64 = 280.0;

/// Nothing where the run searched for no capacity.
pub(crate) fn capacity(view: &View<'_>) -> Option<Markup> {
    let found: Vec<(usize, &Capacity)> = view
        .models
        .iter()
        .enumerate()
        .filter_map(|(index, model)| Some((index, model.report.summary.capacity.as_ref()?)))
        .collect();
    let slo = found.first()?.1.slo;
    let name = percentile(slo.percentile);
    let mut table = Table::new([
        "model",
        "highest rate that meets it",
        "from",
        "to",
        "lowest that doesn't",
    ]);
    let mut curves = Vec::new();
    for (index, capacity) in &found {
        let model = &view.models[*index];
        table.row(row(model, capacity));
        let points = capacity.curve.iter().filter_map(|step| {
            let value = of_scheduled(step, &format!("response_time_us.{name}"))?;
            Some((step.offered_rate_per_s, value.middle))
        });
        curves.push(Curve {
            class: model.ink.class(),
            model: Some(model.ink.model),
            points: points.collect(),
            dots: vec![false; capacity.curve.len()],
            name: model.name().to_owned(),
            tip: model.name().to_owned(),
            band: None,
        });
    }
    curves.iter_mut().for_each(|curve| curve.points.dedup());
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let limit = slo.limit_us;
    let title = format!("{} against the offered rate", name.replace('_', "."));
    let picture = Lines {
        title: title.clone(),
        says: "the table has the numbers".to_owned(),
        height: HEIGHT,
        x: Scale::over(Kind::Linear, all().map(|point| point.0), ACROSS),
        y: Scale::over(
            Kind::Log,
            all().map(|point| point.1).chain([limit]),
            Lines::upright(HEIGHT),
        ),
        x_name: "offered, requests per second",
        y_name: "",
        x_tick: &short,
        y_tick: &time,
        behind: html! {},
        levels: vec![(limit, format!("target: {slo}"))],
        curves,
    };
    Some(html! {
        p { "The highest rate at which " (slo) " holds, with everything that the search tried." }
        div.charts {
            (captioned(&title, "Each point is a rate that was tried.", &picture.draw(), &Table::default()))
            figure.chart { figcaption { strong { "Capacity" } } (table.draw()) }
        }
    })
}

fn percentile(of: Percentile) -> &'static str {
    match of {
        Percentile::P50 => "p50",
        Percentile::P90 => "p90",
        Percentile::P99 => "p99",
        Percentile::P99_9 => "p99_9",
        Percentile::Max => "max",
    }
}

fn row(model: &Seen<'_>, capacity: &Capacity) -> [String; 5] {
    let sign = model.mark(CAPACITY).sign();
    let rate = |of: fn(Spread) -> f64| {
        let rate = capacity.rate_per_s.map(of);
        rate.map_or_else(|| "–".to_owned(), |rate| format!("{}/s", whole(rate)))
    };
    let middle = match capacity.rate_per_s {
        Some(_) => format!("{sign}{}", rate(|rate| rate.median)),
        None => "not every trial found one".to_owned(),
    };
    let failed = capacity.failed_rate_per_s;
    [
        model.name().to_owned(),
        middle,
        rate(|rate| rate.low),
        rate(|rate| rate.high),
        failed.map_or_else(|| "–".to_owned(), |rate| format!("{}/s", whole(rate))),
    ]
}

/// Nothing where the run had no churn.
pub(crate) fn churn(view: &View<'_>) -> Option<Markup> {
    let first = view
        .models
        .iter()
        .find_map(|model| model.report.summary.churn.as_ref())?;
    let mut table = Table::new([
        "model",
        "answered of offered",
        "connect time, p50",
        "response time, p50",
        "response time, p99",
        "CPU per connection",
    ]);
    for model in &view.models {
        let Some(churn) = &model.report.summary.churn else {
            let reason = model.missing("churn");
            table.row([
                model.name().to_owned(),
                reason,
                "–".into(),
                "–".into(),
                "–".into(),
                "–".into(),
            ]);
            continue;
        };
        let of = |id: String, unit: &str| {
            cell(model.mark(&format!("churn.{id}")).sign(), churn, &id, unit)
        };
        let response = response(churn);
        table.row([
            model.name().to_owned(),
            percent(churn.achieved_share),
            of("connect_time_us.p50".to_owned(), "us"),
            of(format!("{response}.p50"), "us"),
            of(format!("{response}.p99"), "us"),
            of("server_cpu_us_per_request".to_owned(), "us/request"),
        ]);
    }
    Some(html! {
        p { "Connections that are opened, ask once and are closed, " (whole(first.offered_rate_per_s)) " of them a second." }
        (table.draw())
    })
}

fn cell(sign: &str, step: &Scheduled, id: &str, unit: &str) -> String {
    let value = of_scheduled(step, id);
    value.map_or_else(
        || "–".to_owned(),
        |value| format!("{sign}{}", figure(value.middle, unit)),
    )
}
