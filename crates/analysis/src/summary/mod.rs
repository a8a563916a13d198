//! From trials to the summary, and from there to a model's verdict.

mod peak;
mod scheduled;

use crate::{threads::shares, verdict};
use memory::{
    figures::{caches_missing, memory},
    held::held,
};
use peak::{closed_ladder, peak, syscalls_missing, use_missing};
use report::{
    model::{ModelReport, Summary},
    trial::Load,
};
use scheduled::{capacity, scheduled};
use stats::HistogramError;
use std::{collections::BTreeMap, mem};

/// Fills in what follows from a report's trials: summary, reasons for what is missing, and the
/// verdict. Blocks that were made again are left out; what the figures are with them stands beside.
///
/// # Errors
/// A histogram in a trial can't be read.
pub fn conclude(report: &mut ModelReport) -> Result<(), HistogramError> {
    report.all_blocks.clear();
    if report.trials.iter().any(|trial| trial.made_again) {
        draw(report)?;
        report.all_blocks = verdict::values(report);
    }
    let trials = mem::take(&mut report.trials);
    let (again, accepted): (Vec<_>, Vec<_>) =
        trials.into_iter().partition(|trial| trial.made_again);
    report.trials = accepted;
    let drawn = draw(report);
    if !report.all_blocks.is_empty() {
        verdict::judge_selection(report);
    }
    report.trials.extend(again);
    drawn
}

/// The same, from all trials that there are.
fn draw(report: &mut ModelReport) -> Result<(), HistogramError> {
    let trials = &report.trials;
    let open_ladder = scheduled(trials, |load| matches!(load, Load::Open { .. }))?;
    let churn = scheduled(trials, |load| matches!(load, Load::Churn { .. }))?;
    let closed_ladder = closed_ladder(trials)?;
    report.summary = Summary {
        memory: memory(trials),
        peak: peak(&closed_ladder),
        closed_ladder,
        open: open_ladder.first().cloned(),
        open_ladder,
        churn: churn.into_iter().next(),
        capacity: capacity(trials)?,
        held: held(trials),
        thread_shares: shares(trials),
    };
    report.not_measured = reasons(report);
    report.verdict = verdict::verdict(report);
    Ok(())
}

fn reasons(report: &ModelReport) -> BTreeMap<String, String> {
    let why = |load: &str| match &report.failure {
        Some(failure) => format!("not asked for, or not before this: {}", failure.reason),
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
            let owners = memory.by_owner.as_ref();
            if owners.is_some_and(|by| by.server_kernel_bytes_per_connection.is_none()) {
                let reason = "the kernel shows no cache of these sockets (Unix, or not as root)";
                reasons.insert("summary.memory.by_owner".to_owned(), reason.to_owned());
            }
            if memory.kernel_by_cache_bytes_per_connection.is_empty() {
                reasons.insert(
                    "summary.memory.kernel_by_cache_bytes_per_connection".to_owned(),
                    caches_missing(&report.trials),
                );
            }
        }
    }
    if report.ceiling.is_none() {
        let told = report.not_measured.get("ceiling").cloned();
        let reason = told.unwrap_or_else(|| "the run ended before it was measured".to_owned());
        reasons.insert("ceiling".to_owned(), reason);
    }
    if report.profile.is_none() {
        let told = report.not_measured.get("profile").cloned();
        let reason = told.unwrap_or_else(|| "not asked for: --profile takes one".to_owned());
        reasons.insert("profile".to_owned(), reason);
    }
    let peak = report.summary.peak.as_ref();
    if peak.is_some_and(|peak| peak.rate_per_s_interval.is_none()) {
        let reason = "fewer than six trials are too few for an interval, and for a comparison";
        reasons.insert(
            "summary.peak.rate_per_s_interval".to_owned(),
            reason.to_owned(),
        );
    }
    if peak.is_some_and(|peak| peak.server_syscalls_per_request.is_none()) {
        let reason = syscalls_missing(&report.trials);
        reasons.insert(
            "summary.peak.server_syscalls_per_request".to_owned(),
            reason,
        );
    }
    if peak.is_some_and(|peak| peak.server_cpu_us_per_request.is_none()) {
        let reason = use_missing(&report.trials);
        reasons.insert("summary.peak.server_cpu*".to_owned(), reason.clone());
        reasons.insert(
            "summary.peak.server_switches_per_request".to_owned(),
            reason,
        );
    }
    let parts = [
        ("peak", "closed", report.summary.peak.is_none()),
        ("open", "open", report.summary.open.is_none()),
        ("churn", "churn", report.summary.churn.is_none()),
        ("capacity", "capacity", report.summary.capacity.is_none()),
    ];
    for (part, load, _) in parts.into_iter().filter(|(.., is_missing)| *is_missing) {
        reasons.insert(format!("summary.{part}"), why(load));
    }
    reasons
}
