//! The highest rate in closed load.

use crate::{
    prompt, rules,
    step::{cpu_us_per_request, cpus_used, per_request, rate_per_s, server_cpus_us_per_request},
    times::times,
};
use report::{
    model::Peak,
    trial::{Load, Step, Trial},
};
use stats::{HistogramError, median, sign_flip_interval, spread};
use std::collections::BTreeMap;

/// Closed load at each count of connections, from the fewest to the most.
pub(super) fn closed_ladder(trials: &[Trial]) -> Result<Vec<Peak>, HistogramError> {
    let mut by_connections: BTreeMap<u32, Vec<(u32, &Step)>> = BTreeMap::new();
    for trial in trials {
        let Load::Closed { outstanding } = trial.load else {
            continue;
        };
        for step in &trial.steps {
            let steps = by_connections.entry(step.connections).or_default();
            steps.push((outstanding, step));
        }
    }
    let ladder = by_connections.into_iter().map(|(n, steps)| at(n, &steps));
    Ok(ladder
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// The step of the ladder with the highest median rate.
pub(super) fn peak(ladder: &[Peak]) -> Option<Peak> {
    let rate = |peak: &Peak| peak.rate_per_s.median;
    ladder
        .iter()
        .max_by(|a, b| rate(a).total_cmp(&rate(b)))
        .cloned()
}

/// `None` when there is nothing to tell.
fn at(connections: u32, steps: &[(u32, &Step)]) -> Result<Option<Peak>, HistogramError> {
    let values = |of: fn(&Step) -> f64| -> Vec<f64> { steps.iter().map(|(_, s)| of(s)).collect() };
    let histograms = steps
        .iter()
        .map(|(_, step)| step.window.service_time_histogram.as_str());
    // What isn't known of one trial isn't known.
    let known = |of: fn(&Step) -> Option<f64>| -> Vec<f64> {
        let values: Option<Vec<f64>> = steps.iter().map(|(_, s)| of(s)).collect();
        values.unwrap_or_default()
    };
    let (Some(rate), service_time) = (spread(&values(rate_per_s)), times(histograms)?) else {
        return Ok(None);
    };
    Ok(Some(Peak {
        rate_per_s: rate,
        rate_per_s_interval: sign_flip_interval(&values(rate_per_s), 0.95, 0),
        connections,
        outstanding: steps.first().map_or(1, |(outstanding, _)| *outstanding),
        served_least: steps.iter().map(|(_, step)| step.window.served_least).min(),
        served_most: steps.iter().map(|(_, step)| step.window.served_most).max(),
        generator_bound: steps
            .iter()
            .any(|(_, step)| rules::is_generator_bound(step)),
        server_cpu_us_per_request: spread(&known(cpu_us_per_request)),
        server_cpus_us_per_request: spread(&known(server_cpus_us_per_request)),
        server_cpu_user_us_per_request: spread(&known(|step| {
            per_request(step.server.cpu_user_s? * 1e6, step.window.requests)
        })),
        server_cpu_system_us_per_request: spread(&known(|step| {
            per_request(step.server.cpu_system_s? * 1e6, step.window.requests)
        })),
        // Of those trials in which they were counted, in a window of their own.
        server_syscalls_per_request: spread(
            &steps
                .iter()
                .filter_map(|(_, step)| syscalls_per_request(step))
                .collect::<Vec<_>>(),
        ),
        server_switches_per_request: spread(&known(switches_per_request)),
        server_cpus_used: median(&known(|step| cpus_used(step, &step.server))),
        generator_cpus_used: median(&known(|step| cpus_used(step, &step.generator))),
        service_time_us: service_time.unwrap_or_default(),
        server_time_us: prompt::times(steps.iter().map(|(_, step)| *step))?,
    }))
}

fn switches_per_request(step: &Step) -> Option<f64> {
    let switches = step.server.voluntary_switches? + step.server.involuntary_switches?;
    per_request(switches as f64, step.window.requests)
}

/// From the window in which they were counted.
fn syscalls_per_request(step: &Step) -> Option<f64> {
    let window = step.syscall_window?;
    per_request(step.server.syscalls? as f64, window.requests)
}
