//! Which figures a report has, and which windows stand behind each.

use super::seen::Seen;
use crate::{
    rules,
    times::{PERCENTILES, named},
};
use report::{
    check::{Check, Effect, FigureKind, Status},
    comparison::{CPU_PER_REQUEST, RESPONSE_TIME, SERVICE_TIME},
    model::{ModelReport, Peak, Range, Scheduled, Spread, Summary, Times},
    trial::{Load, Step},
};

/// A published figure.
pub(super) struct Figure<'a> {
    /// Its path in the summary; what must be equal for it to be comparable is part of it.
    pub id: String,
    pub kind: FigureKind,
    pub is_headline: bool,
    pub value: Option<f64>,
    /// Half of its interval, or where it has none of the range of its trials, as a share of it.
    pub half_width_share: Option<f64>,
    /// The checks of each trial.
    pub trials: Vec<Vec<&'a Check>>,
}

/// Of the figures that a report has at all, one after the other.
pub(super) fn figures<'a>(report: &ModelReport, seen: &'a [Seen<'a>]) -> Vec<Figure<'a>> {
    let summary = &report.summary;
    let mut figures = memory(report, seen);
    if let Some(peak) = &summary.peak {
        figures.extend(closed("peak", peak, seen, true));
    }
    for step in &summary.closed_ladder {
        figures.extend(closed(&step.place(), step, seen, false));
    }
    for (index, step) in summary.open_ladder.iter().enumerate() {
        let is_open = |load: &Load| matches!(load, Load::Open { .. });
        figures.extend(scheduled(&step.place(), step, seen, is_open, index == 0));
    }
    if let Some(churn) = &summary.churn {
        let is_churn = |load: &Load| matches!(load, Load::Churn { .. });
        figures.extend(scheduled("churn", churn, seen, is_churn, false));
        figures.push(Figure {
            id: "churn.connect_time_us".to_owned(),
            kind: FigureKind::ConnectTime,
            is_headline: false,
            value: churn.connect_time_us.as_ref().and_then(|times| times.p50),
            half_width_share: None,
            trials: of_windows(seen, is_churn, |_| true),
        });
    }
    figures.extend(capacity(report, seen));
    let decide = deciding(summary);
    for figure in &mut figures {
        figure.is_headline |= decide.contains(&figure.id);
    }
    figures
}

/// Ids of the figures under load that decide, as `report::primary` has them: at the most connections of a
/// load, whatever a row shows beside them.
fn deciding(summary: &Summary) -> Vec<String> {
    let (closed, open) = (summary.closed_ladder.last(), &summary.open_ladder);
    let most = open.last().map(|step| step.connections);
    let open = open.iter().find(|step| Some(step.connections) == most);
    let rate = closed.map(|step| format!("{}.rate_per_s", step.place()));
    let times =
        open.map(|step| headline_times(&step.place(), step.prompt_response_time_us.as_ref()));
    let place = open.map(Scheduled::place).or(closed.map(Peak::place));
    let cpu = place.map(|place| CPU_PER_REQUEST.map(|name| format!("{place}.{name}")));
    let ids = times.into_iter().flatten().chain(cpu.into_iter().flatten());
    rate.into_iter().chain(ids).collect()
}

fn memory<'a>(report: &ModelReport, seen: &'a [Seen<'a>]) -> Vec<Figure<'a>> {
    let Some(memory) = &report.summary.memory else {
        return Vec::new();
    };
    // One for each trial, with the checks of all steps of its ladder.
    let idle = seen
        .iter()
        .filter(|seen| matches!(seen.trial.load, Load::Idle { .. }));
    let checks = |trial: &'a Seen<'a>| trial.windows().flat_map(|(_, checks)| checks).collect();
    let trials: Vec<Vec<&Check>> = idle.map(checks).collect();
    [
        (
            "memory.user_bytes_per_connection",
            FigureKind::UserMemory,
            memory.user_bytes_per_connection,
        ),
        (
            "memory.kernel_bytes_per_connection",
            FigureKind::KernelMemory,
            memory.kernel_bytes_per_connection,
        ),
    ]
    .map(|(id, kind, value)| Figure {
        id: id.to_owned(),
        kind,
        is_headline: true,
        value,
        half_width_share: None,
        trials: trials.clone(),
    })
    .into()
}

fn closed<'a>(
    place: &str,
    peak: &Peak,
    seen: &'a [Seen<'a>],
    is_headline: bool,
) -> Vec<Figure<'a>> {
    let trials = of_windows(
        seen,
        |load| matches!(load, Load::Closed { .. }),
        |step| step.connections == peak.connections,
    );
    let rate = Some(peak.rate_per_s);
    let mut figures = vec![spread_figure(
        place,
        "rate_per_s",
        FigureKind::Rate,
        rate,
        &trials,
    )];
    if let Some(interval) = peak.rate_per_s_interval {
        figures[0].half_width_share = half_width_share(peak.rate_per_s.median, interval);
    }
    figures.extend(cpu(
        place,
        (
            peak.server_cpu_us_per_request,
            peak.server_cpus_us_per_request,
        ),
        &trials,
    ));
    for figure in &mut figures {
        figure.is_headline = is_headline;
    }
    let [without_lag, measured] = SERVICE_TIME;
    figures.extend(times(place, measured, &peak.service_time_us, &trials));
    let server_time = peak.server_time_us.as_ref();
    figures.extend(times_without_lag(place, without_lag, server_time, &trials));
    figures
}

fn scheduled<'a>(
    place: &str,
    step: &Scheduled,
    seen: &'a [Seen<'a>],
    is_load: impl Fn(&Load) -> bool,
    is_headline: bool,
) -> Vec<Figure<'a>> {
    let is_at = |at: &Step| {
        at.connections == step.connections && at.rate_per_s == Some(step.offered_rate_per_s)
    };
    let trials = of_windows(seen, is_load, is_at);
    let [without_lag, measured] = RESPONSE_TIME;
    let prompt = step.prompt_response_time_us.as_ref();
    let mut figures = times(place, measured, &step.response_time_us, &trials);
    figures.extend(times_without_lag(place, without_lag, prompt, &trials));
    // Tails are often touched by what leaves all else alone; the row says so in a sentence.
    let headline = headline_times(place, prompt);
    for figure in figures.iter_mut().filter(|_| is_headline) {
        figure.is_headline = headline.contains(&figure.id);
    }
    figures.extend(cpu(
        place,
        (
            step.server_cpu_us_per_request,
            step.server_cpus_us_per_request,
        ),
        &trials,
    ));
    figures
}

/// Those that are known.
fn times_without_lag<'a>(
    place: &str,
    name: &str,
    known: Option<&Times>,
    trials: &[Vec<&'a Check>],
) -> Vec<Figure<'a>> {
    let figures = known.map(|of| times(place, name, of, trials));
    let mut figures = figures.unwrap_or_default();
    figures.retain(|figure| figure.value.is_some());
    figures.iter_mut().for_each(leave_out_lag);
    figures
}

/// The generator's lag, which percentiles without it are free of.
const OF_LAG: [&str; 2] = ["lag", "read_lag"];

/// But one that is so large a share of the percentile leaves little of it to believe.
const LAG_MAX: f64 = 0.5;

fn leave_out_lag(figure: &mut Figure<'_>) {
    let kind = figure.kind;
    let is_large = |check: &Check| {
        let mut touches = check.touches.iter().filter(|touch| touch.figure == kind);
        touches.any(|touch| match touch.effect {
            Effect::Biases { up_to_share, .. } => up_to_share.is_none_or(|share| share > LAG_MAX),
            _ => false,
        })
    };
    for checks in &mut figure.trials {
        checks.retain(|check| !OF_LAG.contains(&check.id.as_str()) || is_large(check));
    }
}

/// Ids of the percentiles that a row is judged by.
fn headline_times(place: &str, prompt: Option<&Times>) -> [String; 2] {
    let [without_lag, measured] = RESPONSE_TIME;
    ["p50", "p90"].map(|percentile| {
        let is_there = prompt.is_some_and(|times| named(times, percentile).is_some());
        let name = if is_there { without_lag } else { measured };
        format!("{place}.{name}.{percentile}")
    })
}

/// The highest rate that meets a target rests on the windows that decided its search: what is wrong in one
/// of them spoils it, and beyond the generator's own limit it is a floor.
fn capacity<'a>(report: &ModelReport, seen: &'a [Seen<'a>]) -> Option<Figure<'a>> {
    let capacity = report.summary.capacity.as_ref()?;
    // One for each trial, with the checks of the windows that decided it. What disturbed one that met the
    // target all the same changes nothing.
    let of_trial = |seen: &'a Seen<'a>| -> Option<Vec<&'a Check>> {
        let Load::Capacity { slo, .. } = seen.trial.load else {
            return None;
        };
        let decisive = seen
            .windows()
            .filter(|(step, _)| rules::is_decisive(seen.trial, &slo, step));
        let counts = decisive.flat_map(|(step, checks)| {
            let is_met = rules::meets(step, &slo);
            let counts = move |check: &&Check| !is_met || check.fails_as == Status::Invalid;
            checks.into_iter().filter(counts)
        });
        Some(counts.collect())
    };
    let trials: Vec<_> = seen.iter().filter_map(of_trial).collect();
    Some(spread_figure(
        "capacity",
        "rate_per_s",
        FigureKind::Rate,
        capacity.rate_per_s,
        &trials,
    ))
}

fn cpu<'a>(
    place: &str,
    (of_process, of_cpus): (Option<Spread>, Option<Spread>),
    trials: &[Vec<&'a Check>],
) -> [Figure<'a>; 2] {
    let figure = |name, spread| spread_figure(place, name, FigureKind::Cpu, spread, trials);
    [
        figure("server_cpu_us_per_request", of_process),
        figure("server_cpus_us_per_request", of_cpus),
    ]
}

fn spread_figure<'a>(
    place: &str,
    name: &str,
    kind: FigureKind,
    spread: Option<Spread>,
    trials: &[Vec<&'a Check>],
) -> Figure<'a> {
    Figure {
        id: format!("{place}.{name}"),
        kind,
        is_headline: false,
        value: spread.map(|spread| spread.median),
        half_width_share: spread
            .and_then(|Spread { median, low, high }| half_width_share(median, Range { low, high })),
        trials: trials.to_vec(),
    }
}

fn times<'a>(place: &str, name: &str, times: &Times, trials: &[Vec<&'a Check>]) -> Vec<Figure<'a>> {
    let figures = PERCENTILES.iter().map(|(percentile, kind)| {
        let value = named(times, percentile);
        let range = times.ranges.get(*percentile);
        Figure {
            id: format!("{place}.{name}.{percentile}"),
            kind: *kind,
            is_headline: false,
            value,
            half_width_share: value
                .zip(range)
                .and_then(|(value, range)| half_width_share(value, *range)),
            trials: trials.to_vec(),
        }
    });
    figures.collect()
}

/// 0 with one trial.
fn half_width_share(middle: f64, range: Range) -> Option<f64> {
    (middle > 0.0).then(|| (range.high - range.low) / 2.0 / middle)
}

/// The checks of each window under a load that is wanted, at a step that is wanted.
fn of_windows<'a>(
    seen: &'a [Seen<'a>],
    is_load: impl Fn(&Load) -> bool,
    is_step: impl Fn(&Step) -> bool,
) -> Vec<Vec<&'a Check>> {
    let trials = seen.iter().filter(|seen| is_load(&seen.trial.load));
    let windows = trials.flat_map(Seen::windows);
    windows
        .filter(|(step, _)| is_step(step))
        .map(|(_, checks)| checks)
        .collect()
}
