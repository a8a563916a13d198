//! From trials to the summary, and from there to a model's verdict.

use crate::{
    check::Verdict,
    model::{Load, Memory, ModelReport, Peak, Step, Summary, Trial},
    rules,
    stats::{HistogramError, Line, add_histograms, line, median, percentiles, range, spread},
};
use std::collections::BTreeMap;

/// Fills in what follows from a report's trials: summary, reasons for what is missing, and the
/// verdict.
///
/// # Errors
/// A histogram in a trial can't be read.
pub fn conclude(report: &mut ModelReport) -> Result<(), HistogramError> {
    let trials = &report.trials;
    report.summary = Summary {
        memory: memory(trials),
        peak: peak(trials)?,
    };
    report.not_measured = reasons(report);
    let mut checks: Vec<_> = trials.iter().flat_map(rules::of_trial).collect();
    match &report.failure {
        Some(failure) => checks.push(rules::failed(failure)),
        None => checks.extend(rules::of_summary(report)),
    }
    report.verdict = Verdict::of(checks);
    Ok(())
}

fn reasons(report: &ModelReport) -> BTreeMap<String, String> {
    let why = |load: &str| match &report.failure {
        Some(failure) => failure.reason.clone(),
        None if report.interrupted => "the run was interrupted before".to_owned(),
        None => format!("the run had no {load} load"),
    };
    let mut reasons = BTreeMap::new();
    match &report.summary.memory {
        None => {
            reasons.insert("summary.memory".to_owned(), why("idle"));
        }
        Some(memory) => {
            if memory.user_bytes_per_connection.is_none() {
                let reason = "fewer than two counts of connections, or no access to the \
                              server's smaps_rollup";
                reasons.insert("summary.memory.user_*".to_owned(), reason.to_owned());
            }
            if memory.kernel_bytes_per_connection.is_none() {
                let reason = "fewer than two counts of connections, or no Slab in /proc/meminfo";
                reasons.insert("summary.memory.kernel_*".to_owned(), reason.to_owned());
            }
        }
    }
    if report.summary.peak.is_none() {
        reasons.insert("summary.peak".to_owned(), why("closed"));
    }
    reasons
}

fn memory(trials: &[Trial]) -> Option<Memory> {
    let ladders: Vec<&Trial> = trials
        .iter()
        .filter(|trial| matches!(trial.load, Load::Idle { .. }))
        .collect();
    let connections_max = ladders
        .iter()
        .flat_map(|trial| &trial.steps)
        .map(|step| step.connections_open)
        .max()?;
    let user = lines(&ladders, |step| step.server.pss_bytes);
    let kernel = lines(&ladders, |step| step.machine.slab_bytes);
    let slopes = |lines: &[Line]| lines.iter().map(|line| line.slope).collect::<Vec<_>>();
    let starts: Vec<f64> = user.iter().map(|line| line.start).collect();
    Some(Memory {
        user_bytes_per_connection: median(&slopes(&user)),
        user_bytes_per_connection_range: range(&slopes(&user)),
        user_base_bytes: median(&starts),
        kernel_bytes_per_connection: median(&slopes(&kernel)),
        kernel_bytes_per_connection_range: range(&slopes(&kernel)),
        connections_max,
        user_fit_r2: user.iter().map(|line| line.r2).min_by(f64::total_cmp),
    })
}

/// One line per trial: bytes over connections.
fn lines(ladders: &[&Trial], bytes: impl Fn(&Step) -> Option<u64>) -> Vec<Line> {
    ladders
        .iter()
        .filter_map(|trial| {
            let points: Option<Vec<_>> = trial
                .steps
                .iter()
                .map(|step| Some((f64::from(step.connections_open), bytes(step)? as f64)))
                .collect();
            line(&points?)
        })
        .collect()
}

fn peak(trials: &[Trial]) -> Result<Option<Peak>, HistogramError> {
    let steps: Vec<(u32, &Step)> = trials
        .iter()
        .filter_map(|trial| match trial.load {
            Load::Closed { outstanding } => Some((outstanding, trial)),
            Load::Idle { .. } => None,
        })
        .flat_map(|(outstanding, trial)| trial.steps.iter().map(move |step| (outstanding, step)))
        .collect();
    // Every closed trial of a run has the same counts of connections; the peak is the one with
    // the highest median rate.
    let mut by_connections: BTreeMap<u32, Vec<(u32, &Step)>> = BTreeMap::new();
    for &(outstanding, step) in &steps {
        by_connections
            .entry(step.connections)
            .or_default()
            .push((outstanding, step));
    }
    let rates = |steps: &[(u32, &Step)]| -> Vec<f64> {
        steps.iter().map(|(_, step)| rate_per_s(step)).collect()
    };
    let best = by_connections
        .into_iter()
        .filter_map(|(connections, steps)| Some((spread(&rates(&steps))?, connections, steps)))
        .max_by(|(a, ..), (b, ..)| a.median.total_cmp(&b.median));
    let Some((rate_per_s, connections, steps)) = best else {
        return Ok(None);
    };
    let values = |of: fn(&Step) -> f64| -> Vec<f64> { steps.iter().map(|(_, s)| of(s)).collect() };
    let histograms = steps
        .iter()
        .map(|(_, step)| step.window.service_time_histogram.as_str());
    let Some(histogram) = add_histograms(histograms)? else {
        return Ok(None);
    };
    let cpu_per_request: Vec<f64> = values(cpu_us_per_request);
    let Some(server_cpu_us_per_request) = spread(&cpu_per_request) else {
        return Ok(None);
    };
    Ok(Some(Peak {
        rate_per_s,
        connections,
        outstanding: steps.first().map_or(1, |(outstanding, _)| *outstanding),
        generator_bound: steps
            .iter()
            .any(|(_, step)| rules::is_generator_bound(step)),
        server_cpu_us_per_request,
        server_cpus_used: median(&values(|step| cpus_used(step, &step.server))).unwrap_or(0.0),
        generator_cpus_used: median(&values(|step| cpus_used(step, &step.generator)))
            .unwrap_or(0.0),
        service_time_us: percentiles(&histogram),
    }))
}

fn rate_per_s(step: &Step) -> f64 {
    step.window.requests as f64 / (step.window.length_us as f64 / 1e6)
}

fn cpu_us_per_request(step: &Step) -> f64 {
    let cpu_s = step.server.cpu_user_s + step.server.cpu_system_s;
    cpu_s * 1e6 / step.window.requests.max(1) as f64
}

fn cpus_used(step: &Step, process: &crate::model::ProcessUse) -> f64 {
    (process.cpu_user_s + process.cpu_system_s) / (step.window.length_us as f64 / 1e6)
}
