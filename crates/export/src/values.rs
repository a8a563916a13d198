//! A report's figures, one value for each block, by the names that they have in its summary.

use analysis::{
    prompt,
    step::{cpu_us_per_request, rate_per_s, server_cpus_us_per_request},
    times::{PERCENTILES, named, of_trial},
};
use memory::ladder::{kernel_bytes, over_all, user_bytes};
use report::{
    check::{Direction, Effect, FigureVerdict, Status},
    comparison::{Better, CPU_PER_REQUEST, RESPONSE_TIME, SERVICE_TIME},
    model::{ModelReport, Times},
    trial::{Load, Step, Trial},
};
use stats::{median, range};
use std::collections::BTreeSet;

/// What a figure is of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subject {
    /// `idle`, `closed`, `open`, `churn`.
    pub(crate) load: &'static str,
    pub(crate) connections: u32,
    /// Offered, where a schedule was kept.
    pub(crate) rate_per_s: Option<f64>,
    /// `rate_per_s`, `response_time_us.p99`.
    pub(crate) figure: String,
}

/// A figure of one block.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) subject: Subject,
    pub(crate) block: u32,
    pub(crate) value: f64,
}

/// A figure over all blocks: their median, as it is published, and their range.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) subject: Subject,
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) verdict: Option<FigureVerdict>,
}

impl Subject {
    /// As a verdict knows it.
    fn id(&self) -> String {
        let Self {
            load,
            connections,
            rate_per_s,
            figure,
        } = self;
        match (*load, rate_per_s) {
            ("idle", _) => format!("memory.{figure}"),
            ("closed", _) => format!("closed.{connections}_connections.{figure}"),
            ("open", Some(rate)) => {
                format!("open.{connections}_connections.{rate}_per_s.{figure}")
            }
            (other, _) => format!("{other}.{figure}"),
        }
    }

    /// The figure's verdict, which is the model's in reports from before there was one for each; `None`
    /// where nothing is said of it.
    pub(crate) fn verdict(&self, report: &ModelReport) -> Option<FigureVerdict> {
        report.verdict.of_figure_or_windows(&self.id())
    }

    /// One of the times that a window has.
    fn is_percentile(&self) -> bool {
        self.figure.contains("_time_us.")
    }

    /// Whether it comes from the same windows.
    fn is_beside(&self, other: &Self) -> bool {
        let place = |of: &Self| (of.load, of.connections, of.rate_per_s);
        place(self) == place(other)
    }

    /// In which unit its values are.
    pub(crate) fn unit(&self) -> &'static str {
        match self.figure.as_str() {
            figure if figure.ends_with("rate_per_s") => "1/s",
            figure if figure.ends_with("bytes_per_connection") => "B/connection",
            figure if figure.ends_with("us_per_request") => "us/request",
            _ => "us",
        }
    }

    /// Which way is better.
    pub(crate) fn better(&self) -> Better {
        match self.unit() {
            "1/s" => Better::Higher,
            _ => Better::Lower,
        }
    }

    /// `closed, 100 connections`, `open, 100 connections, 40000/s`
    pub(crate) fn place(&self) -> String {
        let rate = self.rate_per_s;
        let rate = rate.map_or(String::new(), |rate| format!(", {rate}/s"));
        format!("{}, {} connections{rate}", self.load, self.connections)
    }
}

/// Of all blocks that weren't made again. A percentile that one of them can't tell isn't told, as in the
/// report: the others may be those in which the server was fast.
pub(crate) fn values(report: &ModelReport) -> Vec<Value> {
    let accepted = report.trials.iter().filter(|trial| !trial.made_again);
    let values: Vec<Value> = accepted.flat_map(of_one).collect();
    let is_told = |subject: &Subject| {
        let beside = values
            .iter()
            .filter(|value| value.subject.is_beside(subject));
        let blocks: BTreeSet<u32> = beside.clone().map(|value| value.block).collect();
        let told = beside.filter(|value| value.subject == *subject).count();
        !subject.is_percentile() || told >= blocks.len()
    };
    let told = values.iter().filter(|value| is_told(&value.subject));
    told.cloned().collect()
}

/// Over those blocks, in the order in which the first of them has them.
pub(crate) fn figures(report: &ModelReport) -> Vec<Figure> {
    let values = values(report);
    let mut figures: Vec<Figure> = Vec::new();
    for first in &values {
        let is_known = |figure: &Figure| figure.subject == first.subject;
        if figures.iter().any(is_known) {
            continue;
        }
        let same = values.iter().filter(|value| value.subject == first.subject);
        let all: Vec<f64> = same.map(|value| value.value).collect();
        let (Some(value), Some(range)) = (median(&all), range(&all)) else {
            continue;
        };
        figures.push(Figure {
            subject: first.subject.clone(),
            value,
            low: range.low,
            high: range.high,
            verdict: first.subject.verdict(report),
        });
    }
    figures
}

/// Those whose value may be drawn without a word beside it.
pub(crate) fn believable(report: &ModelReport) -> Vec<Figure> {
    let mut figures = figures(report);
    figures.retain(|figure| {
        let verdict = figure.verdict.as_ref();
        verdict.is_none_or(|verdict| verdict.status != Status::Invalid)
    });
    figures
}

/// The word of a figure's verdict; empty where there is none.
pub(crate) fn word(verdict: Option<&FigureVerdict>) -> &'static str {
    verdict.map_or("", |verdict| verdict.status.word())
}

/// Whether the truth is `at_least` or `at_most` the value; empty where the value isn't a bound.
pub(crate) fn bound(verdict: Option<&FigureVerdict>) -> &'static str {
    match verdict.and_then(|verdict| verdict.bound) {
        Some(Effect::Bounds { direction, .. }) => match direction {
            Direction::Low => "at_least",
            Direction::High => "at_most",
            Direction::Either => "either",
        },
        _ => "",
    }
}

fn of_one(trial: &Trial) -> Vec<Value> {
    let of = |step: &Step, figure: String, value: f64| Value {
        subject: Subject {
            load: trial.load.word(),
            connections: step.connections,
            rate_per_s: step.rate_per_s.filter(|_| trial.load.is_scheduled()),
            figure,
        },
        block: trial.block,
        value,
    };
    let of_step = |step: &Step| {
        let found = match trial.load {
            Load::Closed { .. } => of_closed(step),
            Load::Open { .. } | Load::Churn { .. } => of_scheduled(step),
            // A ladder's memory is of all its steps, and a search's rate of none.
            Load::Idle { .. } | Load::Capacity { .. } => Vec::new(),
        };
        let values = found.into_iter();
        values
            .map(|(name, value)| of(step, name, value))
            .collect::<Vec<_>>()
    };
    let mut values: Vec<Value> = trial.steps.iter().flat_map(of_step).collect();
    if let (Load::Idle { .. }, Some(top)) = (trial.load, trial.steps.last()) {
        let user = over_all(trial, trial.server_empty_bytes, user_bytes);
        let kernel = over_all(trial, None, kernel_bytes);
        let memory = [("user", user), ("kernel", kernel)];
        values.extend(memory.into_iter().filter_map(|(whose, value)| {
            Some(of(top, format!("{whose}_bytes_per_connection"), value?))
        }));
    }
    values
}

fn of_closed(step: &Step) -> Vec<(String, f64)> {
    let window = &step.window;
    let [less_lag, measured] = SERVICE_TIME;
    let mut values = vec![("rate_per_s".to_owned(), rate_per_s(step))];
    values.extend(cpu(step));
    values.extend(times(less_lag, prompt::of_window(step).ok().flatten()));
    let all = of_trial(&window.service_time_us, window.service_time_count);
    values.extend(times(measured, Some(all)));
    values
}

fn of_scheduled(step: &Step) -> Vec<(String, f64)> {
    let [less_lag, measured] = RESPONSE_TIME;
    let mut values = vec![("achieved_rate_per_s".to_owned(), rate_per_s(step))];
    values.extend(cpu(step));
    values.extend(times(less_lag, prompt::of_window(step).ok().flatten()));
    let scheduled = step.window.scheduled.as_ref();
    let all = scheduled.map(|window| of_trial(&window.response_time_us, window.offered));
    values.extend(times(measured, all));
    values
}

fn cpu(step: &Step) -> impl Iterator<Item = (String, f64)> {
    let [of_cpus, of_process] = CPU_PER_REQUEST;
    let both = [
        (of_cpus, server_cpus_us_per_request(step)),
        (of_process, cpu_us_per_request(step)),
    ];
    both.into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
}

fn times(name: &str, times: Option<Times>) -> Vec<(String, f64)> {
    let Some(times) = times else {
        return Vec::new();
    };
    let of = |(percentile, _): &(&str, _)| {
        Some((format!("{name}.{percentile}"), named(&times, percentile)?))
    };
    PERCENTILES.iter().filter_map(of).collect()
}
