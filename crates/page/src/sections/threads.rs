//! What more threads of a server bring.

use super::rate::cpu_id;
use analysis::threads::{OnThreads, on_threads};
use chart::{
    ACROSS, Curve, Kind, Lines, Scale, Table, captioned,
    text::{figure, short},
};
use maud::{Markup, html};
use render::numbers::percents;
use view::View;

/// Nothing where the run had no ladder of threads.
pub(crate) fn threads(view: &View<'_>) -> Option<Markup> {
    let steps = on_threads(view.models.iter().map(|model| model.report));
    (!steps.is_empty()).then(|| html! {
        p {
            "Each model with each number of threads, on as many of the CPUs that servers have; " code { "name@2" }
            " has two. Efficiency is the rate of each thread, of that which the same model's fewest threads "
            "have each. Where the kernel or an accept loop spreads connections over threads, the shares say "
            "how evenly: who has the most is full first."
        }
        div.charts {
            (chart(view, &steps, ("Peak rate", "1/s", "requests/s"), |place| format!("{place}.rate_per_s")))
            (chart(view, &steps, ("CPU per request at the peak", "us/request", "µs/request"), |place| cpu_id(view, place)))
        }
    })
}

/// A curve for each model: of the rate, or of what the id at its peak says.
fn chart(
    view: &View<'_>,
    steps: &[OnThreads<'_>],
    (what, unit, y_name): (&str, &str, &str),
    id: impl Fn(&str) -> String,
) -> Markup {
    let title = format!("{what} over numbers of threads");
    let mut table = Table::new([
        "model",
        "threads",
        "median",
        "efficiency",
        "connections on each",
        "requests on each",
        "verdict",
    ]);
    let mut curves: Vec<Curve> = Vec::new();
    for step in steps {
        let Some(seen) = view
            .models
            .iter()
            .find(|model| model.name() == step.report.model.name)
        else {
            continue;
        };
        let id = id(&step.peak.place());
        let Some(value) = seen.value(&id) else {
            continue;
        };
        let mark = seen.mark(&id);
        if curves.last().is_none_or(|curve| curve.name != step.model) {
            curves.push(Curve {
                class: seen.ink.class(),
                tip: step.model.to_owned(),
                name: step.model.to_owned(),
                ..Curve::default()
            });
        }
        if let Some(curve) = curves.last_mut() {
            curve.points.push((f64::from(step.threads), value.middle));
            curve.dots.push(mark.is_doubtful());
        }
        let shares = &step.report.summary.thread_shares;
        table.row([
            step.model.to_owned(),
            step.threads.to_string(),
            format!("{}{}", mark.sign(), figure(value.middle, unit)),
            step.efficiency
                .map_or_else(String::new, |share| percents([share])),
            percents(shares.iter().map(|share| share.connections)),
            percents(shares.iter().map(|share| share.requests)),
            mark.note(),
        ]);
    }
    let height = (60.0 + 13.0 * curves.len() as f64).max(220.0);
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let picture = Lines {
        title: title.clone(),
        says: "a curve for each model; the table has the numbers".to_owned(),
        height,
        x: Scale::over(Kind::Log, all().map(|point| point.0), ACROSS),
        y: Scale::over(
            Kind::Linear,
            all().map(|point| point.1).chain([0.0]),
            Lines::upright(height),
        ),
        x_name: "threads of the server",
        y_name,
        x_tick: &short,
        y_tick: &short,
        behind: html! {},
        levels: Vec::new(),
        curves,
    };
    let reading = "Hollow points: suspect or invalid.";
    captioned(&title, reading, &picture.draw(), &table)
}
