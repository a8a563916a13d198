//! HdrHistogram's own formats: percentile distributions and interval logs, which its plotters read.
//!
//! Sources: <https://github.com/HdrHistogram/HdrHistogram>, `outputPercentileDistribution` and
//! `HistogramLogWriter`.

use hdrhistogram::{
    Histogram,
    serialization::{
        V2DeflateSerializer,
        interval_log::{IntervalLogWriterBuilder, Tag},
    },
};
use report::{
    model::ModelReport,
    trial::{Load, Step, Trial},
};
use stats::{HistogramError, add_histograms, decode};
use std::{collections::BTreeMap, fmt::Write as _, time::Duration};
use thiserror::Error;

/// Histograms are kept in nanoseconds and shown in microseconds.
const NS_IN_A_US: f64 = 1e3;

/// Lines for each halving of the distance to 100 %, as HdrHistogram's own programs have them.
const TICKS_PER_HALF: u32 = 5;

/// Why there is no text.
#[derive(Debug, Error)]
pub enum ExportError {
    /// A report's histogram can't be read.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
    /// A log can't be written.
    #[error("an interval log can't be written: {0}")]
    Log(String),
}

/// A file's name, and what is in it.
pub type NamedText = (String, String);

/// A percentile distribution (`.hgrm`) for each model, load, count of connections and rate: response
/// times in open load, service times in closed load, of all blocks together, in microseconds.
///
/// # Errors
/// A histogram can't be read.
pub fn distributions(reports: &[ModelReport]) -> Result<Vec<NamedText>, ExportError> {
    let mut texts = Vec::new();
    for report in reports {
        let mut places: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (trial, step) in windows(report) {
            let texts = places.entry(place(trial, step)).or_default();
            texts.push(histogram(step));
        }
        for (place, histograms) in places {
            if let Some(sum) = add_histograms(histograms)? {
                let name = format!("{}.{place}.hgrm", report.model.name);
                texts.push((name, distribution(&sum)));
            }
        }
    }
    Ok(texts)
}

/// All windows as an interval log (`.hlog`), tagged with model, load, connections and rate; an
/// interval's start counts blocks, not seconds. Values are in nanoseconds, the divisor for people is
/// that of microseconds.
///
/// # Errors
/// A histogram can't be read or written.
pub fn log(reports: &[ModelReport]) -> Result<String, ExportError> {
    let failed = |error: &dyn std::fmt::Debug| ExportError::Log(format!("{error:?}"));
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("Millionfold: a line for each window")
        .with_max_value_divisor(NS_IN_A_US)
        .begin_log_with(&mut bytes, &mut serializer)
        .map_err(|error| failed(&error))?;
    for report in reports {
        for (trial, step) in windows(report) {
            let tag = format!("{}.{}", report.model.name, place(trial, step));
            // A tag has neither commas nor blanks.
            let tag = tag.replace([',', ' ', '\n', '\r'], "_");
            log.write_histogram(
                &decode(histogram(step))?,
                Duration::from_secs(trial.block.into()),
                Duration::from_micros(step.window.length_us),
                Tag::new(&tag),
            )
            .map_err(|error| failed(&error))?;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Of blocks that weren't made again, and not of the memory's ladder.
fn windows(report: &ModelReport) -> impl Iterator<Item = (&Trial, &Step)> {
    let is_wanted = |trial: &&Trial| {
        !trial.made_again && !matches!(trial.load, Load::Idle { .. } | Load::Capacity { .. })
    };
    let trials = report.trials.iter().filter(is_wanted);
    trials.flat_map(|trial| trial.steps.iter().map(move |step| (trial, step)))
}

/// `closed-100`, `open-100-40000_per_s`
fn place(trial: &Trial, step: &Step) -> String {
    let rate = step.rate_per_s.filter(|_| trial.load.is_scheduled());
    let rate = rate.map_or(String::new(), |rate| format!("-{rate}_per_s"));
    format!("{}-{}{rate}", trial.load.word(), step.connections)
}

fn histogram(step: &Step) -> &str {
    match &step.window.scheduled {
        Some(scheduled) => &scheduled.response_time_histogram,
        None => &step.window.service_time_histogram,
    }
}

fn distribution(histogram: &Histogram<u64>) -> String {
    let us = |ns: u64| ns as f64 / NS_IN_A_US;
    let mut text = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let mut count = 0;
    // Writing to a string doesn't fail.
    for step in histogram.iter_quantiles(TICKS_PER_HALF) {
        count += step.count_since_last_iteration();
        let (value, share) = (us(step.value_iterated_to()), step.quantile_iterated_to());
        let _ = match share < 1.0 {
            true => writeln!(
                text,
                "{value:12.3} {share:.12} {count:10} {:14.2}",
                1.0 / (1.0 - share)
            ),
            false => writeln!(text, "{value:12.3} {share:.12} {count:10}"),
        };
    }
    let _ = writeln!(
        text,
        "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]\n\
         #[Max     = {:12.3}, Total count    = {:12}]\n\
         #[Buckets = {:12}, SubBuckets     = {:12}]",
        histogram.mean() / NS_IN_A_US,
        histogram.stdev() / NS_IN_A_US,
        us(histogram.max()),
        histogram.len(),
        histogram.buckets(),
        (2 * 10_u64.pow(histogram.sigfig().into())).next_power_of_two(),
    );
    text
}
