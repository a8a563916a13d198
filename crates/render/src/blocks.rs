//! How many blocks there are of each load, and whether those are enough for a comparison.
//!
//! Loads are counted apart, because a figure is compared over the blocks of its own load: a disturbed
//! block is made again for the loads that were disturbed, so that the blocks which all loads have in
//! common are fewer than any load has.

use report::{comparison::BLOCKS_MIN, model::ModelReport, run::RunReport};
use std::collections::BTreeMap;

/// Blocks that are finished, by the load's word: each model that didn't fail has as many trials of the
/// load in them as in its fullest. Empty for reports that came without their trials.
pub fn of_loads<'a>(
    reports: impl Iterator<Item = &'a ModelReport> + Clone,
) -> BTreeMap<&'static str, u32> {
    let sound = reports.filter(|report| report.failure.is_none());
    let trials = sound.clone().flat_map(|report| &report.trials);
    let loads = trials.map(|trial| trial.load.word());
    let finished = |load: &'static str| {
        let each = sound.clone().map(|report| of_load(report, load));
        (load, each.min().unwrap_or(0))
    };
    loads.map(finished).collect()
}

fn of_load(report: &ModelReport, load: &str) -> u32 {
    let mut trials_of = BTreeMap::<u32, u32>::new();
    let trials = report.trials.iter();
    for trial in trials.filter(|trial| !trial.made_again && trial.load.word() == load) {
        *trials_of.entry(trial.block).or_default() += 1;
    }
    let most = trials_of.values().max();
    trials_of.values().filter(|of| Some(*of) == most).count() as u32
}

/// Of which blocks there are too few to tell models apart: `1 block`, or where other loads have enough
/// `4 blocks of open load`. `None` where all have enough, or there is one model.
pub fn too_few<'a>(
    run: &RunReport,
    reports: impl Iterator<Item = &'a ModelReport> + Clone,
) -> Option<String> {
    if run.plan.models.len() < 2 {
        return None;
    }
    let loads = of_loads(reports);
    let few = || loads.iter().filter(|(_, blocks)| **blocks < BLOCKS_MIN);
    if loads.is_empty() || few().count() == loads.len() {
        let blocks = loads.values().copied().max().unwrap_or(run.plan.blocks);
        return (blocks < BLOCKS_MIN).then(|| counted(blocks));
    }
    let each = few().map(|(load, blocks)| format!("{} of {load} load", counted(*blocks)));
    let each: Vec<String> = each.collect();
    (!each.is_empty()).then(|| each.join(" and "))
}

fn counted(blocks: u32) -> String {
    format!("{blocks} block{}", if blocks == 1 { "" } else { "s" })
}
