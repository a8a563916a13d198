//! Was the machine to itself: steal, other programs, overflowing queues.

use report::{
    check::{Check, Status},
    trial::Step,
};

/// CPU time that the hypervisor gave to others.
pub const STEAL_MAX: f64 = 0.01;

/// CPU time of processes that have nothing to do with the trial, in CPUs.
pub const OTHER_CPUS_MAX: f64 = 0.25;

/// Time in which some task waited for memory. (Waiting for a CPU is what a server under load
/// does, and is left to `other_load`; waiting in io_uring counts as waiting for a disk, so that
/// says nothing about disks.)
const PRESSURE_MEMORY_MAX: f64 = 0.01;

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

pub(super) fn swap(step: &Step) -> Option<Check> {
    let pages = step.machine.swap_in_pages? + step.machine.swap_out_pages?;
    let check = Check::new(
        "swap",
        Status::Suspect,
        pages == 0,
        format!("{pages} pages went to or came from swap"),
        "fewer --connections, or more memory; swapoff -a keeps it from being hidden",
    );
    Some(check.values(pages as f64, 0.0))
}

pub(super) fn throttled(step: &Step) -> Option<Check> {
    let throttled_us = step.machine.throttled_us?;
    let check = Check::new(
        "throttled",
        Status::Suspect,
        throttled_us == 0,
        format!("a CPU quota stopped this container for {throttled_us} us"),
        "lift the quota (cpu.max, docker --cpus), or measure outside of the container",
    );
    Some(check.values(throttled_us as f64, 0.0))
}

pub(super) fn pressure(step: &Step) -> Option<Check> {
    let share = step.machine.pressure_memory_share?;
    let check = Check::new(
        "pressure",
        Status::Suspect,
        share <= PRESSURE_MEMORY_MAX,
        format!(
            "tasks waited for memory in {:.1} % of the window",
            share * 100.0
        ),
        "fewer --connections, or end what else is running",
    );
    Some(check.values(share, PRESSURE_MEMORY_MAX))
}
