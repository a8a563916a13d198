//! Do the figures over all trials rest on enough.

use crate::ladder::bend_bytes;
use report::{
    check::{Check, Status},
    model::{Memory, ModelReport},
    trial::Trial,
};
use std::collections::BTreeMap;

/// A memory slope whose line explains less of the points than this is a guess.
const FIT_R2_MIN: f64 = 0.95;

/// Bytes per connection below which a line's fit says nothing: noise of a few pages then is as
/// large as what is measured.
const FIT_MATTERS_BYTES: f64 = 100.0;

/// Between two steps of the ladder the bytes per connection may differ from the whole ladder's by
/// this share, and by so many bytes in any case.
const BEND_MAX: f64 = 0.15;
const BEND_MATTERS_BYTES: f64 = 200.0;

/// What the machine lost may differ from what is accounted for by this share.
const UNACCOUNTED_MAX: f64 = 0.10;

/// Listing /proc/PID/fd leaves an inode and a dentry behind for each descriptor, some 900 bytes.
const PROC_INODES_MAX_BYTES: f64 = 50.0;

/// Other programs take and give some megabytes at any time, so a difference of this much says nothing;
/// and there is nothing to reconcile where hardly more was lost.
const OTHERS_BYTES: f64 = 64e6;
const RECONCILED_FROM_BYTES: f64 = 200e6;

/// A ladder shorter than this can't tell a few pages of memory from what a connection costs.
const LADDER_MIN: u32 = 1_000;

/// Half of the 95 % interval of the peak rate, as a share of the rate.
const INTERVAL_WIDTH_MAX: f64 = 0.10;

/// Trials that a figure should rest on.
const TRIALS_MIN: usize = 3;

pub(super) fn of_summary(report: &ModelReport) -> Vec<Check> {
    let memory = report.summary.memory.as_ref();
    let mut checks = vec![trials_enough(&report.trials, report.interrupted)];
    checks.extend(memory.map(memory_ladder));
    checks.extend(memory.and_then(memory_fit));
    checks.extend(memory.and_then(memory_bend));
    checks.extend(memory.and_then(memory_reconciled));
    checks.extend(memory.and_then(memory_observed));
    checks.extend(interval_width(report));
    checks
}

fn trials_enough(trials: &[Trial], interrupted: bool) -> Check {
    let mut by_load: BTreeMap<&str, usize> = BTreeMap::new();
    for trial in trials {
        *by_load.entry(trial.load.word()).or_default() += 1;
    }
    let least = by_load.values().copied().min().unwrap_or(0);
    Check::new(
        "trials_enough",
        Status::Suspect,
        least >= TRIALS_MIN,
        match (least, interrupted) {
            (1, false) => "one trial of each load".to_owned(),
            (_, false) => format!("{least} trials of each load"),
            (_, true) => format!("{least} finished trials of each load in an interrupted run"),
        },
        if interrupted {
            "let it run to its end"
        } else {
            "--trials 3 shows how much a figure varies; a comparison needs six"
        },
    )
    .values(least as f64, TRIALS_MIN as f64)
}

fn memory_ladder(memory: &Memory) -> Check {
    Check::new(
        "memory_ladder",
        Status::Suspect,
        memory.connections_max >= LADDER_MIN,
        format!(
            "memory was measured up to {} connections",
            memory.connections_max
        ),
        "a few pages weigh as much as these connections: --connections 1000 or more",
    )
    .values(memory.connections_max.into(), LADDER_MIN.into())
}

fn memory_fit(memory: &Memory) -> Option<Check> {
    let r2 = memory.user_fit_r2?;
    let slope = memory.user_bytes_per_connection?;
    let check = Check::new(
        "memory_fit",
        Status::Suspect,
        r2 >= FIT_R2_MIN || slope.abs() < FIT_MATTERS_BYTES,
        format!("the line through the memory ladder has r2 = {r2:.3}"),
        "memory doesn't grow evenly: more --connections, or look at the steps in the report",
    );
    Some(check.values(r2, FIT_R2_MIN))
}

/// `None` where no ladder has three steps.
fn memory_bend(memory: &Memory) -> Option<Check> {
    let bend = memory.bend.as_ref()?;
    let allowed = (bend.line_bytes_per_connection.abs() * BEND_MAX).max(BEND_MATTERS_BYTES);
    let check = Check::new(
        "memory_bend",
        Status::Suspect,
        bend_bytes(bend) <= allowed,
        format!(
            "{} memory grows by {:.0} bytes a connection from {} to {}, by {:.0} over all",
            bend.line,
            bend.bytes_per_connection,
            bend.from_connections,
            bend.to_connections,
            bend.line_bytes_per_connection
        ),
        "one slope doesn't tell what a connection costs: look at the steps in the report",
    );
    Some(check.values(bend_bytes(bend), allowed))
}

/// `None` where too little was lost to tell it from what other programs do.
fn memory_reconciled(memory: &Memory) -> Option<Check> {
    let machine = memory.machine.as_ref()?;
    if machine.lost_bytes < RECONCILED_FROM_BYTES {
        return None;
    }
    let share = machine.unaccounted_share;
    let allowed = UNACCOUNTED_MAX.max(OTHERS_BYTES / machine.lost_bytes);
    let check = Check::new(
        "memory_reconciled",
        Status::Suspect,
        share.abs() <= allowed,
        format!(
            "the machine lost {:.0} MB, {:.0} MB are accounted for: {:+.1} % aren't",
            machine.lost_bytes / 1e6,
            machine.accounted_bytes / 1e6,
            share * 100.0
        ),
        "something else took or gave memory meanwhile, or a server hides some: measure again",
    );
    Some(check.values(share.abs(), allowed))
}

/// `None` where caches can't be read, or none of this kind grows.
fn memory_observed(memory: &Memory) -> Option<Check> {
    let caches = &memory.kernel_by_cache_bytes_per_connection;
    let bytes = *caches.get("proc_inode_cache")?;
    let check = Check::new(
        "memory_observed",
        Status::Suspect,
        bytes <= PROC_INODES_MAX_BYTES,
        format!("inodes of /proc take {bytes:.0} bytes of kernel memory a connection"),
        "something lists the open files of all processes (/proc/PID/fd: lsof, ss -p, a monitor), and \
         the kernel remembers each: end it, and measure again",
    );
    Some(check.values(bytes, PROC_INODES_MAX_BYTES))
}

/// `None` with too few trials for an interval: `trials_enough` speaks of those.
fn interval_width(report: &ModelReport) -> Option<Check> {
    let peak = report.summary.peak.as_ref()?;
    let interval = peak.rate_per_s_interval?;
    let width = (interval.high - interval.low) / 2.0 / peak.rate_per_s.median;
    let check = Check::new(
        "interval_width",
        Status::Suspect,
        width <= INTERVAL_WIDTH_MAX,
        format!("the peak rate is known to within {:.0} %", width * 100.0),
        "more --trials, a longer --duration, or a quieter machine",
    );
    Some(check.values(width, INTERVAL_WIDTH_MAX))
}
