//! Was the machine to itself: steal, other programs, overflowing queues.

use crate::{
    check::{Check, Status},
    trial::Step,
};

/// CPU time that the hypervisor gave to others.
pub const STEAL_MAX: f64 = 0.01;

/// CPU time of processes that have nothing to do with the trial, in CPUs.
pub const OTHER_CPUS_MAX: f64 = 0.25;

pub(super) fn accept_queue(step: &Step) -> Check {
    let overflows = step.machine.listen_overflows;
    Check::new(
        "accept_queue",
        Status::Suspect,
        overflows.unwrap_or(0) == 0,
        match overflows {
            Some(n) => format!("the accept queue overflowed {n} times"),
            None => "overflows of the accept queue can't be read here".to_owned(),
        },
        "sysctl -w net.core.somaxconn=65535",
    )
    .values(overflows.map_or(f64::NAN, |n| n as f64), 0.0)
}

pub(super) fn steal(step: &Step) -> Option<Check> {
    let share = step.machine.steal_share?;
    let check = Check::new(
        "steal",
        Status::Suspect,
        share <= STEAL_MAX,
        format!(
            "{:.1} % of the CPU time went to other guests",
            share * 100.0
        ),
        "measure again, or on a machine of your own",
    );
    Some(check.values(share, STEAL_MAX))
}

pub(super) fn other_load(step: &Step) -> Option<Check> {
    let cpus = step.machine.other_cpus_used?;
    let check = Check::new(
        "other_load",
        Status::Suspect,
        cpus <= OTHER_CPUS_MAX,
        format!("other programs used {cpus:.2} CPUs"),
        "end what else is running, and measure again",
    );
    Some(check.values(cpus, OTHER_CPUS_MAX))
}
