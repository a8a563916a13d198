//! Loads with a schedule: open, churn and the search for the capacity.

use crate::{
    prompt, rules,
    step::{cpu_us_per_request, cpus_used, rate_per_s, server_cpus_us_per_request},
    times::times,
};
use report::{
    model::{Capacity, Scheduled},
    slo::Slo,
    trial::{Load, ScheduledWindow, Step, Trial},
};
use stats::{HistogramError, median, range, spread};

/// One for each count of connections and rate, from the fewest and the lowest.
pub(super) fn scheduled(
    trials: &[Trial],
    is_wanted: fn(&Load) -> bool,
) -> Result<Vec<Scheduled>, HistogramError> {
    let mut by_place: Vec<((u32, f64), Vec<&Step>)> = Vec::new();
    let steps = trials.iter().filter(|trial| is_wanted(&trial.load));
    for step in steps.flat_map(|trial| &trial.steps) {
        let Some(rate) = step.rate_per_s else {
            continue;
        };
        let place = (step.connections, rate);
        match by_place.iter_mut().find(|(known, _)| *known == place) {
            Some((_, steps)) => steps.push(step),
            None => by_place.push((place, vec![step])),
        }
    }
    by_place.sort_by(|((n, a), _), ((m, b), _)| n.cmp(m).then(a.total_cmp(b)));
    let all = by_place
        .iter()
        .map(|((_, rate), steps)| at_rate(*rate, steps));
    Ok(all
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect())
}

pub(super) fn capacity(trials: &[Trial]) -> Result<Option<Capacity>, HistogramError> {
    let searches: Vec<(Slo, &Trial)> = trials
        .iter()
        .filter_map(|trial| match trial.load {
            Load::Capacity { slo, .. } => Some((slo, trial)),
            _ => None,
        })
        .collect();
    let Some(&(slo, _)) = searches.first() else {
        return Ok(None);
    };
    let found: Vec<_> = searches
        .iter()
        .map(|(slo, trial)| rules::bounds(trial, slo))
        .collect();
    let met: Option<Vec<f64>> = found.iter().map(|(met, _)| *met).collect();
    let failed: Vec<f64> = found.iter().filter_map(|(_, failed)| *failed).collect();
    Ok(Some(Capacity {
        slo,
        rate_per_s: met.and_then(|rates| spread(&rates)),
        failed_rate_per_s: median(&failed),
        generator_bound: searches.iter().any(|(slo, trial)| {
            let mut failed = trial.steps.iter().filter(|step| !rules::meets(step, slo));
            failed.any(rules::is_generator_bound)
        }),
        curve: scheduled(trials, |load| matches!(load, Load::Capacity { .. }))?,
    }))
}

fn at_rate(rate: f64, steps: &[&Step]) -> Result<Option<Scheduled>, HistogramError> {
    let windows: Vec<_> = steps
        .iter()
        .filter_map(|step| step.window.scheduled.as_ref())
        .collect();
    let of_windows = |of: fn(&ScheduledWindow) -> Option<&str>| {
        times(windows.iter().filter_map(|window| of(window)))
    };
    let of_steps = |of: fn(&Step) -> Option<&str>| times(steps.iter().filter_map(|step| of(step)));
    let rates: Vec<f64> = steps.iter().map(|step| rate_per_s(step)).collect();
    let shares: Vec<f64> = steps
        .iter()
        .filter_map(|step| rules::achieved_share(step))
        .collect();
    let known = |of: fn(&Step) -> Option<f64>| -> Vec<f64> {
        let values: Option<Vec<f64>> = steps.iter().map(|step| of(step)).collect();
        values.unwrap_or_default()
    };
    let waited: u64 = windows.iter().map(|window| window.requests_waited).sum();
    let offered: u64 = windows.iter().map(|window| window.offered).sum();
    let Some(achieved_rate_per_s) = median(&rates) else {
        return Ok(None);
    };
    Ok(Some(Scheduled {
        offered_rate_per_s: rate,
        achieved_rate_per_s,
        achieved_share: range(&shares).map(|range| range.low),
        connections: steps.iter().map(|step| step.connections).max().unwrap_or(0),
        response_time_us: of_windows(|w| Some(&w.response_time_histogram))?.unwrap_or_default(),
        prompt_response_time_us: prompt::times(steps.iter().copied())?,
        service_time_us: of_steps(|step| Some(&step.window.service_time_histogram))?,
        lag_us: of_windows(|w| Some(&w.lag_histogram))?,
        read_lag_us: of_steps(|step| step.window.read_lag_histogram.as_deref())?,
        waited_share: (offered > 0).then(|| waited as f64 / offered as f64),
        replies_late: windows.iter().map(|window| window.replies_late).sum(),
        connect_time_us: of_windows(|w| w.connect_time_histogram.as_deref())?,
        server_cpu_us_per_request: spread(&known(cpu_us_per_request)),
        server_cpus_us_per_request: spread(&known(server_cpus_us_per_request)),
        server_cpus_used: median(&known(|step| cpus_used(step, &step.server))),
    }))
}
