//! The highest rate in closed load.

use crate::{
    model::Peak,
    rules,
    stats::{HistogramError, add_histograms, bootstrap_interval, median, percentiles, spread},
    trial::{Load, ProcessUse, Step, Trial},
};
use std::collections::BTreeMap;

/// With fewer, resampling has nothing to draw from.
const TRIALS_FOR_AN_INTERVAL: usize = 6;

pub(super) fn peak(trials: &[Trial]) -> Result<Option<Peak>, HistogramError> {
    let steps: Vec<(u32, &Step)> = trials
        .iter()
        .filter_map(|trial| match trial.load {
            Load::Closed { outstanding } => Some((outstanding, trial)),
            _ => None,
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
    let Some((rate, connections, steps)) = best else {
        return Ok(None);
    };
    let rate_per_s_interval = (steps.len() >= TRIALS_FOR_AN_INTERVAL)
        .then(|| bootstrap_interval(&rates(&steps), 0.95, 0))
        .flatten();
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
        rate_per_s: rate,
        rate_per_s_interval,
        connections,
        outstanding: steps.first().map_or(1, |(outstanding, _)| *outstanding),
        generator_bound: steps
            .iter()
            .any(|(_, step)| rules::is_generator_bound(step)),
        server_cpu_us_per_request,
        server_cpu_user_us_per_request: spread(&values(|step| {
            per_request(step.server.cpu_user_s * 1e6, step.window.requests)
        })),
        server_cpu_system_us_per_request: spread(&values(|step| {
            per_request(step.server.cpu_system_s * 1e6, step.window.requests)
        })),
        server_syscalls_per_request: spread(
            &steps
                .iter()
                .filter_map(|(_, step)| syscalls_per_request(step))
                .collect::<Vec<_>>(),
        ),
        server_switches_per_request: spread(&values(switches_per_request)),
        server_cpus_used: median(&values(|step| cpus_used(step, &step.server))).unwrap_or(0.0),
        generator_cpus_used: median(&values(|step| cpus_used(step, &step.generator)))
            .unwrap_or(0.0),
        service_time_us: percentiles(&histogram),
    }))
}

/// Why system calls weren't counted, as the steps have it.
pub(super) fn syscalls_missing(trials: &[Trial]) -> String {
    let closed = trials
        .iter()
        .filter(|trial| matches!(trial.load, Load::Closed { .. }));
    closed
        .flat_map(|trial| &trial.steps)
        .find_map(|step| step.server.not_measured.get("syscalls").cloned())
        .unwrap_or_else(|| "no request was answered while system calls were counted".to_owned())
}

pub(crate) fn rate_per_s(step: &Step) -> f64 {
    step.window.requests as f64 / (step.window.length_us as f64 / 1e6)
}

pub(crate) fn cpu_us_per_request(step: &Step) -> f64 {
    per_request(step.server.cpu_total_s() * 1e6, step.window.requests)
}

fn switches_per_request(step: &Step) -> f64 {
    let switches = step.server.voluntary_switches + step.server.involuntary_switches;
    per_request(switches as f64, step.window.requests)
}

/// From the window in which they were counted.
fn syscalls_per_request(step: &Step) -> Option<f64> {
    let window = step.syscall_window.filter(|window| window.requests > 0)?;
    Some(per_request(step.server.syscalls? as f64, window.requests))
}

fn per_request(value: f64, requests: u64) -> f64 {
    value / requests.max(1) as f64
}

fn cpus_used(step: &Step, process: &ProcessUse) -> f64 {
    process.cpu_total_s() / (step.window.length_us as f64 / 1e6)
}
