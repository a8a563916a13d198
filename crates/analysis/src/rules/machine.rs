//! Was the machine to itself: steal, other programs, scarce memory, overflowing queues.

use super::touch::{JUDGED_FROM_S, SHARE_MAX, TIMES, biases, exposed, exposed_times};
use report::{
    check::{Check, Direction, FigureKind},
    trial::{Load, Step},
};

/// CPU time that the hypervisor gave to others: above this a rate is touched.
pub const STEAL_MAX: f64 = SHARE_MAX;

/// CPU time of other programs, in CPUs, likewise.
pub const OTHER_CPUS_MAX: f64 = SHARE_MAX;

/// A page that comes from a disk takes this long at most.
const PAGE_S: f64 = 0.01;

const PAGE_BYTES: f64 = 4096.0;

/// Swapped-out memory that weighs more than this share of the server's own is missing in it.
const SWAPPED_MAX: f64 = 0.01;

/// What shared the machine with a window, and what of its memory was scarce.
pub(super) fn of_step(step: &Step, load: Load) -> Vec<Check> {
    let mut checks = vec![accept_queue(step, load)];
    let idle = match load {
        // It has no CPU per request.
        Load::Idle { .. } => None,
        _ => step.machine.server_cpus_idle_share,
    };
    checks.extend(steal(step, 1.0 - idle.unwrap_or(0.0)));
    checks.extend(other_load(step));
    checks.extend(throttled(step));
    checks.extend(swap(step));
    checks.extend(pressure(step));
    checks
}

fn accept_queue(step: &Step, load: Load) -> Check {
    let overflows = step.machine.listen_overflows;
    let share = overflows.unwrap_or(0) as f64 / step.window.requests.max(1) as f64;
    let mut touches = Vec::new();
    if share > 0.0 {
        touches = biases(&[FigureKind::ConnectTime], Direction::High, None);
        if matches!(load, Load::Churn { .. }) {
            touches.extend(exposed_times(share));
        }
    }
    let detail = match overflows {
        Some(n) => format!("the accept queue overflowed {n} times"),
        None => "overflows of the accept queue can't be read here".to_owned(),
    };
    let advice = "sysctl -w net.core.somaxconn=65535";
    Check::new("accept_queue", touches, detail, advice)
        .values(overflows.map_or(f64::NAN, |n| n as f64), 0.0)
}

/// A CPU that sleeps is taken away when it is to wake. The kernel's clocks count that time as idle and
/// as stolen, and take it from what runs next: so of CPU time it is a share of what was used, which
/// the server's CPUs were `busy` for, 0 to 1. Source: kernel/sched/core.c, `update_rq_clock_task`;
/// kernel/time/tick-sched.c, `get_cpu_idle_time_us`.
fn steal(step: &Step, busy: f64) -> Option<Check> {
    let share = step.machine.steal_share?;
    let judged = judged(share, step);
    let mut touches = exposed(judged);
    touches.retain(|touch| touch.figure != FigureKind::Cpu);
    let of_used = (judged / busy.max(1e-9)).min(1.0);
    if of_used > SHARE_MAX {
        touches.extend(biases(&[FigureKind::Cpu], Direction::Either, Some(of_used)));
    }
    let detail = format!(
        "{:.1} % of the CPU time went to other guests",
        share * 100.0
    );
    let advice = "measure again, or on a machine of your own";
    let check = Check::new("steal", touches, detail, advice);
    Some(check.values(share, STEAL_MAX))
}

/// `None` in older reports, which count what the kernel does for a server among the others' time.
fn other_load(step: &Step) -> Option<Check> {
    let machine = &step.machine;
    let cpus = machine.programs_cpus_used?;
    let names: Vec<&str> = machine.programs_s.keys().map(String::as_str).collect();
    let names = match names.is_empty() {
        true => String::new(),
        false => format!(" ({})", names.join(", ")),
    };
    let check = Check::new(
        "other_load",
        exposed(judged(cpus, step).min(1.0)),
        format!("other programs used {cpus:.2} CPUs{names}"),
        "end what else is running, and measure again",
    );
    Some(check.values(cpus, OTHER_CPUS_MAX))
}

fn throttled(step: &Step) -> Option<Check> {
    let throttled_us = step.machine.throttled_us?;
    let share = throttled_us as f64 / step.window.length_us.max(1) as f64;
    let check = Check::new(
        "throttled",
        exposed(share.min(1.0)),
        format!("a CPU quota stopped this container for {throttled_us} us"),
        "lift the quota (cpu.max, docker --cpus), or measure outside of the container",
    );
    Some(check.values(share, SHARE_MAX))
}

fn swap(step: &Step) -> Option<Check> {
    let (read, written) = (step.machine.swap_in_pages?, step.machine.swap_out_pages?);
    let share = read as f64 * PAGE_S / window_s(step);
    let mut touches = exposed_times(share.min(1.0));
    let missing = written as f64 * PAGE_BYTES / step.server.pss_bytes.unwrap_or(0).max(1) as f64;
    if missing > SWAPPED_MAX {
        touches.extend(biases(
            &[FigureKind::UserMemory],
            Direction::Low,
            Some(missing.min(1.0)),
        ));
    }
    let check = Check::new(
        "swap",
        touches,
        format!("{written} pages went to swap, {read} came from it"),
        "fewer --connections, or more memory; swapoff -a keeps it from being hidden",
    );
    Some(check.values((read + written) as f64, 0.0))
}

/// Time in which some task waited for memory. (Waiting for a CPU is what a server under load does;
/// waiting in io_uring counts as waiting for a disk, so that says nothing about disks.)
fn pressure(step: &Step) -> Option<Check> {
    let share = step.machine.pressure_memory_share?;
    let mut touches = exposed_times(share);
    if share > SHARE_MAX {
        touches.extend(biases(&[FigureKind::Rate], Direction::Low, Some(share)));
    }
    let check = Check::new(
        "pressure",
        touches,
        format!(
            "tasks waited for memory in {:.1} % of the window",
            share * 100.0
        ),
        "fewer --connections, or end what else is running",
    );
    Some(check.values(share, SHARE_MAX))
}

/// A share of CPU time as far as it is more than a few ticks.
fn judged(share: f64, step: &Step) -> f64 {
    if share * window_s(step) < JUDGED_FROM_S {
        return 0.0;
    }
    share
}

fn window_s(step: &Step) -> f64 {
    step.window.length_us.max(1) as f64 / 1e6
}

/// Whether anything touched a window from outside, which is a reason to make it again: what the
/// server itself does (its rate, its times) isn't looked at.
pub fn is_disturbed(step: &Step) -> bool {
    let outside = [
        steal(step, 1.0),
        other_load(step),
        throttled(step),
        swap(step),
    ];
    let touched = |check: &Check| {
        let mut figures = check.touches.iter().map(|touch| touch.figure);
        figures.any(|figure| !TIMES[2..].contains(&figure))
    };
    outside.iter().flatten().any(touched)
}
