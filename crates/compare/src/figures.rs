//! Which figures of a report are compared, with one value per trial.
//!
//! A new figure is a new line here, or a new function beside [`closed`], [`memory`] and [`open`] that
//! [`figures`] calls. Figures are compared by their `id`, so what must be equal for them to be
//! comparable (connections, an offered rate) belongs into it. Which of them decide is for
//! [`report::primary::primary_figures`] to say, by their ids.

use analysis::{
    prompt,
    step::{cpu_us_per_request, rate_per_s, server_cpus_us_per_request},
    times::{PERCENTILES, named, of_trial},
};
use memory::ladder::{kernel_bytes, over_all, user_bytes};
use report::{
    check::{FigureVerdict, Slack, Status},
    comparison::{Better, RESPONSE_TIME},
    model::{ModelReport, Peak, Scheduled, Times},
    trial::{Load, Step, Trial},
};
use std::iter;

/// One figure of one report.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its path in the summary, and what must be equal on both sides.
    pub id: String,
    /// In words.
    pub label: String,
    /// Of the values.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
    /// Block and value, trial by trial.
    pub values: Vec<(u32, f64)>,
    /// How far the truth may lie beyond it, where it is a bound.
    pub slack: Slack,
}

/// Whether the figure of this id is measured under this load.
pub(crate) fn is_of(id: &str, load: &Load) -> bool {
    let prefix = match load {
        Load::Idle { .. } => "memory.",
        Load::Closed { .. } => "closed.",
        Load::Open { .. } => "open.",
        Load::Churn { .. } | Load::Capacity { .. } => return false,
    };
    id.starts_with(prefix)
}

/// All figures of a report that are measured and aren't invalid: of what some trials couldn't measure the
/// others' values are no figure. It reads histograms, which takes its time.
pub fn figures(report: &ModelReport) -> Vec<Figure> {
    let mut figures = memory(report);
    for step in &report.summary.closed_ladder {
        figures.extend(closed(report, step));
    }
    for step in &report.summary.open_ladder {
        figures.extend(open(report, step));
    }
    figures.retain(|figure| !figure.values.is_empty() && is_sound(report, &figure.id));
    for figure in &mut figures {
        let verdict = report.verdict.figures.get(&figure.id);
        figure.slack = verdict.map_or(Slack::default(), FigureVerdict::slack);
    }
    figures
}

fn is_sound(report: &ModelReport, id: &str) -> bool {
    let verdict = report.verdict.figures.get(id);
    let unsound = [Status::Invalid, Status::NotMeasured];
    verdict.is_none_or(|verdict| !unsound.contains(&verdict.status))
}

/// The figures of each.
pub(crate) fn of_all(reports: &[&ModelReport]) -> Vec<Vec<Figure>> {
    reports.iter().map(|report| figures(report)).collect()
}

/// The check that makes a figure invalid: what it claims did not happen, so it compares with nothing.
pub(crate) fn invalid_by<'a>(report: &'a ModelReport, id: &str) -> Option<&'a str> {
    let verdict = report.verdict.figures.get(id)?;
    let check = verdict.check.as_deref().unwrap_or_default();
    (verdict.status == Status::Invalid).then_some(check)
}

/// Closed load over one count of connections.
fn closed(report: &ModelReport, at: &Peak) -> Vec<Figure> {
    let load = Load::Closed {
        outstanding: at.outstanding,
    };
    let over = at.connections;
    let figure = |id: &str, label: String, unit: &str, better, of: Value| Figure {
        id: format!("{}.{id}", at.place()),
        label,
        unit: unit.to_owned(),
        better,
        values: values(
            report,
            |its| *its == load,
            |step| step.connections == over,
            of,
        ),
        slack: Slack::default(),
    };
    let rate = format!("closed-load rate over {over}");
    let rate = figure("rate_per_s", rate, "1/s", Better::Higher, |step| {
        Some(rate_per_s(step))
    });
    let cpu = CPU.map(|(id, whose, of)| {
        let label = format!("CPU of {whose}, closed load over {over}");
        figure(id, label, "us/request", Better::Lower, of)
    });
    iter::once(rate).chain(cpu).collect()
}

/// What is taken from a window.
type Value = fn(&Step) -> Option<f64>;

/// What a request takes of the server's CPUs, and whose time that is.
const CPU: [(&str, &str, Value); 2] = [
    (
        "server_cpu_us_per_request",
        "the process",
        cpu_us_per_request,
    ),
    (
        "server_cpus_us_per_request",
        "its CPUs",
        server_cpus_us_per_request,
    ),
];

/// Block and value of each trial under this load, at this step of it.
fn values<T>(
    report: &ModelReport,
    is_load: impl Fn(&Load) -> bool,
    is_step: impl Fn(&Step) -> bool,
    of: fn(&Step) -> Option<T>,
) -> Vec<(u32, T)> {
    let trials = accepted(report).filter(|trial| is_load(&trial.load));
    let values = trials.filter_map(|trial| {
        let step = trial.steps.iter().find(|step| is_step(step))?;
        Some((trial.block, of(step)?))
    });
    values.collect()
}

/// Idle load: slopes over the ladder of connections.
fn memory(report: &ModelReport) -> Vec<Figure> {
    let per_connection = |of: &dyn Fn(&Trial) -> Option<f64>| {
        let trials = accepted(report);
        let idle = trials.filter(|trial| matches!(trial.load, Load::Idle { .. }));
        idle.filter_map(|trial| Some((trial.block, of(trial)?)))
            .collect()
    };
    vec![
        Figure {
            id: "memory.user_bytes_per_connection".to_owned(),
            label: "user memory".to_owned(),
            unit: "B/conn".to_owned(),
            better: Better::Lower,
            values: per_connection(&|trial| over_all(trial, trial.server_empty_bytes, user_bytes)),
            slack: Slack::default(),
        },
        Figure {
            id: "memory.kernel_bytes_per_connection".to_owned(),
            label: "kernel memory".to_owned(),
            unit: "B/conn".to_owned(),
            better: Better::Lower,
            values: per_connection(&|trial| over_all(trial, None, kernel_bytes)),
            slack: Slack::default(),
        },
    ]
}

/// Open load at one offered rate over so many connections: percentiles compare at the same only.
fn open(report: &ModelReport, at: &Scheduled) -> Vec<Figure> {
    let (over, rate_per_s) = (at.connections, at.offered_rate_per_s);
    let is_open = |load: &Load| matches!(load, Load::Open { .. });
    let is_here = |step: &Step| step.rate_per_s == Some(rate_per_s) && step.connections == over;
    let figure = |id: &str, label: &str, unit: &str, values| Figure {
        id: format!("{}.{id}", at.place()),
        label: format!("{label} at {rate_per_s}/s over {over}"),
        unit: unit.to_owned(),
        better: Better::Lower,
        values,
        slack: Slack::default(),
    };
    let [less_lag, measured] = RESPONSE_TIME;
    let prompt = at.prompt_response_time_us.as_ref();
    let ways: [(&str, Option<&Times>, TimesOf); 2] = [
        (less_lag, prompt, prompt_times),
        (measured, Some(&at.response_time_us), times_of),
    ];
    // Each window's histograms are read once, for all percentiles.
    let of_trials =
        ways.map(|(name, known, of)| (name, known, values(report, is_open, is_here, of)));
    let times = PERCENTILES.iter().flat_map(|(percentile, _)| {
        let label = format!("response time {}", percentile.replace('_', "."));
        of_trials.each_ref().map(|(name, known, trials)| {
            // What isn't published isn't compared either: trials that have it may be the faster ones.
            let is_known = known.is_some_and(|times| named(times, percentile).is_some());
            let trials = trials.iter().filter(|_| is_known);
            let values = trials.filter_map(|(block, of)| Some((*block, named(of, percentile)?)));
            let id = format!("{name}.{percentile}");
            figure(&id, &label, "us", values.collect())
        })
    });
    let cpu = CPU.map(|(id, whose, of)| {
        let values = values(report, is_open, is_here, of);
        figure(id, &format!("CPU of {whose}"), "us/request", values)
    });
    times.chain(cpu).collect()
}

/// Percentiles of one window.
type TimesOf = fn(&Step) -> Option<Times>;

/// Less the generator's own lag.
fn prompt_times(step: &Step) -> Option<Times> {
    prompt::of_window(step).ok()?
}

/// The response times of a window, as far as its requests allow them.
fn times_of(step: &Step) -> Option<Times> {
    let window = step.window.scheduled.as_ref()?;
    Some(of_trial(&window.response_time_us, window.offered))
}

/// Trials of blocks that weren't made again.
fn accepted(report: &ModelReport) -> impl Iterator<Item = &Trial> {
    report.trials.iter().filter(|trial| !trial.made_again)
}
