//! What was used on each of the hosts that generate, over a whole run.

use report::{
    hosts::HostUse,
    model::ModelReport,
    trial::{MachineUse, Step},
};

/// What the columns of [`rows`] are, the most of any window each.
pub const HEADER: [&str; 6] = [
    "host",
    "generators, CPUs",
    "their memory, MB",
    "steal",
    "other programs, CPUs",
    "waited for memory",
];

/// A row for each host; none on one machine, and of runs from before hosts were sampled.
pub fn rows<'a>(reports: impl IntoIterator<Item = &'a ModelReport>) -> Vec<[String; 6]> {
    let trials = reports.into_iter().flat_map(|report| &report.trials);
    let steps: Vec<&Step> = trials.flat_map(|trial| &trial.steps).collect();
    let mut names: Vec<&str> = Vec::new();
    for share in steps.iter().flat_map(|step| &step.hosts) {
        if share.used.is_some() && !names.contains(&share.host.as_str()) {
            names.push(&share.host);
        }
    }
    names.into_iter().map(|name| row(name, &steps)).collect()
}

fn row(host: &str, steps: &[&Step]) -> [String; 6] {
    let windows = steps.iter().flat_map(|step| {
        let shares = step.hosts.iter().filter(|share| share.host == host);
        shares.filter_map(|share| Some((step.window.length_us, share.used.as_ref()?)))
    });
    let windows: Vec<(u64, &HostUse)> = windows.collect();
    let most = |of: &dyn Fn(u64, &HostUse) -> Option<f64>| {
        let known = windows.iter().filter_map(|&(us, used)| of(us, used));
        known.reduce(f64::max)
    };
    let shown = |value: Option<f64>, decimals| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
    };
    let percents = |of: fn(&MachineUse) -> Option<f64>| {
        let share = most(&|_, used| of(&used.machine));
        share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
    };
    let cpus = most(&|us, used| Some(used.generator.cpu_total_s()? * 1e6 / us.max(1) as f64));
    let bytes = most(&|_, used| Some(used.generator.pss_bytes? as f64));
    [
        host.to_owned(),
        shown(cpus, 2),
        shown(bytes.map(|bytes| bytes / 1e6), 0),
        percents(|machine| machine.steal_share),
        shown(most(&|_, used| used.machine.programs_cpus_used), 2),
        percents(|machine| machine.pressure_memory_share),
    ]
}
