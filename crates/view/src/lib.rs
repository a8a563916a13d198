//! A run as its page looks at it.
//!
//! What several sections need is drawn once, here; what they make of it is in `page`.

#![forbid(unsafe_code)]

pub mod names;
pub mod window;

use analysis::times::named;
use chart::{Ink, Mark};
use compare::{Figure, Options, RunComparison, compare_run, figures};
use render::blocks;
use report::{
    comparison::{CPU_PER_REQUEST, FigureRanking, RESPONSE_TIME},
    model::{ModelReport, Peak, Scheduled, Spread, Times},
    numbers::Range,
    run::RunReport,
};
use window::Window;

/// A run and its models.
#[derive(Debug)]
pub struct View<'a> {
    /// Begins the ids of elements: several runs may be on one page.
    pub prefix: String,
    /// As it was saved.
    pub run: &'a RunReport,
    /// In the order of the plan.
    pub models: Vec<Seen<'a>>,
    /// Of all models with each other.
    pub compared: RunComparison,
    /// The run isn't over, so that its blocks are those until now.
    pub goes_on: bool,
}

/// One of the models.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Its colour.
    pub ink: Ink,
    /// As it was saved.
    pub report: &'a ModelReport,
    /// Block by block.
    figures: Vec<Figure>,
    /// All windows with a schedule, with their times.
    pub windows: Vec<Window>,
}

/// Id of the highest rate that meets a target.
pub const CAPACITY: &str = "capacity.rate_per_s";

/// A figure of one model, from its summary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    /// The median of the blocks.
    pub middle: f64,
    /// An interval where there is one, else from the least to the greatest of the blocks.
    pub span: Option<Range>,
}

impl<'a> View<'a> {
    /// Of the run that is so many-th on the page, counted from 0.
    pub fn of(index: usize, run: &'a RunReport, reports: &'a [ModelReport]) -> Self {
        let all: Vec<Vec<Figure>> = reports.iter().map(figures).collect();
        let each: Vec<&ModelReport> = reports.iter().collect();
        let compared = match reports.len() {
            0 | 1 => RunComparison::default(),
            _ => compare_run(run, &each, &all, &Options::default()),
        };
        let models = reports.iter().zip(all).enumerate();
        let models = models.map(|(model, (report, figures))| Seen {
            ink: Ink { model },
            report,
            figures,
            windows: Window::of_report(report),
        });
        Self {
            prefix: format!("r{index}"),
            run,
            models: models.collect(),
            compared,
            goes_on: false,
        }
    }

    /// Blocks that are finished of each load; of the load that has the fewest. `None` of reports that
    /// came without their trials.
    pub fn blocks_done(&self) -> Option<u32> {
        let of_loads = blocks::of_loads(self.models.iter().map(|model| model.report));
        of_loads.into_values().min()
    }

    /// Ids of the figures that decide, those first that the reports have in another way.
    pub fn primary(&self) -> Vec<String> {
        let ([of_cpus, of_processes], [prompt, measured]) = (CPU_PER_REQUEST, RESPONSE_TIME);
        let is_there = |id: &String| self.models.iter().any(|model| model.value(id).is_some());
        let as_reported = |id: String| match is_there(&id) {
            true => id,
            false => {
                let less = id.replace(of_cpus, of_processes).replace(prompt, measured);
                [
                    id.replace(of_cpus, of_processes),
                    id.replace(prompt, measured),
                    less.clone(),
                ]
                .into_iter()
                .find(is_there)
                .unwrap_or(less)
            }
        };
        self.run
            .plan
            .primary()
            .into_iter()
            .map(as_reported)
            .filter(is_there)
            .collect()
    }

    /// This figure over all models.
    pub fn ranking(&self, id: &str) -> Option<&FigureRanking> {
        self.compared
            .rankings
            .iter()
            .find(|ranking| ranking.id == id)
    }

    /// Models from the best to the worst in this figure, those without it last.
    pub fn by(&self, id: &str, is_higher_better: bool) -> Vec<&Seen<'a>> {
        let mut models: Vec<&Seen<'_>> = self.models.iter().collect();
        let key = |model: &Seen<'_>| {
            let value = model.value(id).map(|value| value.middle);
            match (value, is_higher_better) {
                (None, _) => f64::INFINITY,
                (Some(value), true) => -value,
                (Some(value), false) => value,
            }
        };
        models.sort_by(|a, b| key(a).total_cmp(&key(b)));
        models
    }

    /// Whether any model has this.
    pub fn any<T>(&self, of: impl Fn(&Seen<'_>) -> Option<T>) -> bool {
        self.models.iter().any(|model| of(model).is_some())
    }
}

impl Seen<'_> {
    /// As in the table.
    pub fn name(&self) -> &str {
        &self.report.model.name
    }

    /// How a figure is drawn, by its verdict.
    pub fn mark(&self, id: &str) -> Mark {
        match id == CAPACITY && self.report.has_untold_floor() {
            true => Mark::at_least("beyond it the generator was at its limit"),
            false => Mark::of(self.report, id),
        }
    }

    /// One value for each block that counts.
    pub fn blocks(&self, id: &str) -> Vec<f64> {
        let figure = self.figures.iter().find(|figure| figure.id == id);
        let values = figure.map(|figure| figure.values.iter().map(|(_, value)| *value).collect());
        values.unwrap_or_default()
    }

    /// The figure of this id, which is its path with the load in front.
    pub fn value(&self, id: &str) -> Option<Value> {
        let summary = &self.report.summary;
        if let Some(of) = id.strip_prefix("memory.") {
            let memory = summary.memory.as_ref()?;
            let (middle, range) = match of {
                "user_bytes_per_connection" => (
                    memory.user_bytes_per_connection,
                    memory.user_bytes_per_connection_range,
                ),
                "kernel_bytes_per_connection" => (
                    memory.kernel_bytes_per_connection,
                    memory.kernel_bytes_per_connection_range,
                ),
                _ => (None, None),
            };
            return Some(Value {
                middle: middle?,
                span: range.filter(varies),
            });
        }
        if let Some(of) = id.strip_prefix("churn.") {
            return of_scheduled(summary.churn.as_ref()?, of);
        }
        if id == CAPACITY {
            return spread(summary.capacity.as_ref()?.rate_per_s);
        }
        let strip = |place: &str| id.strip_prefix(place)?.strip_prefix('.').map(str::to_owned);
        let closed = summary.closed_ladder.iter().chain(&summary.peak);
        if let Some((step, of)) = closed.filter_map(|s| Some((s, strip(&s.place())?))).next() {
            return of_closed(step, &of);
        }
        let open = summary.open_ladder.iter();
        let (step, of) = open.filter_map(|s| Some((s, strip(&s.place())?))).next()?;
        of_scheduled(step, &of)
    }

    /// Why it has no such figure.
    pub fn missing(&self, id: &str) -> String {
        if let Some(failure) = &self.report.failure {
            return format!("failed: {}", failure.reason);
        }
        let verdict = self.report.verdict.figures.get(id);
        let because = verdict.and_then(|verdict| verdict.because.clone());
        let path = format!("summary.{}", id.split('.').next().unwrap_or(id));
        let reasons = &self.report.not_measured;
        let exact = reasons.get(&format!("summary.{id}"));
        let reason = exact.or_else(|| {
            let mut under = reasons.iter().filter(|(known, _)| known.starts_with(&path));
            under.next().map(|(_, reason)| reason)
        });
        because
            .or(reason.cloned())
            .unwrap_or_else(|| "not measured".to_owned())
    }
}

fn of_closed(step: &Peak, of: &str) -> Option<Value> {
    match of {
        "rate_per_s" => Some(Value {
            middle: step.rate_per_s.median,
            span: step.rate_per_s_interval.or(span(&step.rate_per_s)),
        }),
        "server_cpu_us_per_request" => spread(step.server_cpu_us_per_request),
        "server_cpus_us_per_request" => spread(step.server_cpus_us_per_request),
        of => {
            let (whose, percentile) = of.split_once('.')?;
            match whose {
                "server_time_us" => percentile_of(step.server_time_us.as_ref(), percentile),
                _ => percentile_of(Some(&step.service_time_us), percentile),
            }
        }
    }
}

/// A figure of a load with a schedule, by the end of its id.
pub fn of_scheduled(step: &Scheduled, of: &str) -> Option<Value> {
    match of {
        "server_cpu_us_per_request" => spread(step.server_cpu_us_per_request),
        "server_cpus_us_per_request" => spread(step.server_cpus_us_per_request),
        of => {
            let (whose, percentile) = of.split_once('.')?;
            let times = match whose {
                "prompt_response_time_us" => step.prompt_response_time_us.as_ref(),
                "response_time_us" => Some(&step.response_time_us),
                "service_time_us" => step.service_time_us.as_ref(),
                "connect_time_us" => step.connect_time_us.as_ref(),
                "lag_us" => step.lag_us.as_ref(),
                "read_lag_us" => step.read_lag_us.as_ref(),
                _ => None,
            };
            percentile_of(times, percentile)
        }
    }
}

fn percentile_of(times: Option<&Times>, percentile: &str) -> Option<Value> {
    let times = times?;
    let span = times.ranges.get(percentile).copied().filter(varies);
    Some(Value {
        middle: named(times, percentile)?,
        span,
    })
}

fn spread(of: Option<Spread>) -> Option<Value> {
    of.map(|of| Value {
        middle: of.median,
        span: span(&of),
    })
}

fn span(of: &Spread) -> Option<Range> {
    let Spread { low, high, .. } = *of;
    Some(Range { low, high }).filter(varies)
}

/// One trial says nothing about how much a figure varies.
fn varies(range: &Range) -> bool {
    range.low < range.high
}

/// The end of the id of response times less the generator's own lag, where that is known at this step.
pub fn response(step: &Scheduled) -> &'static str {
    let [prompt, measured] = RESPONSE_TIME;
    let is_known = step
        .prompt_response_time_us
        .as_ref()
        .is_some_and(|times| times.p50.is_some());
    if is_known { prompt } else { measured }
}
