//! Was a machine to itself: steal, other programs, scarce memory, overflowing queues.
//!
//! All machines of a run are judged by the same rules. One that only generates can spoil what requests
//! tell, and neither the server's CPU time nor its memory.

use crate::{
    distance::cpus_moved,
    touch::{JUDGED_FROM_S, SHARE_MAX, TIMES, biases, exposed, exposed_times, lacking},
};
use report::{
    check::{Check, Direction, FigureKind},
    trial::{Load, MachineUse, ProcessUse, Step},
};

/// Checks that speak of what no server does, but what shares a machine with it.
pub const FROM_OUTSIDE: [&str; 6] = [
    "steal",
    "other_load",
    "throttled",
    "swap",
    "pressure",
    "cpus_moved",
];

/// CPU time that the hypervisor gave to others: above this a rate is touched.
pub const STEAL_MAX: f64 = SHARE_MAX;

/// CPU time of other programs, as a share of that of the CPUs under test, likewise.
pub const OTHER_LOAD_MAX: f64 = SHARE_MAX;

/// A page that comes from a disk takes this long at most.
const PAGE_S: f64 = 0.01;

const PAGE_BYTES: f64 = 4096.0;

/// Swapped-out memory that weighs more than this share of the server's own is missing in it.
const SWAPPED_MAX: f64 = 0.01;

/// One machine in a window, with what of ours ran there.
struct Place<'a> {
    machine: &'a MachineUse,
    ours: &'a ProcessUse,
    window_us: u64,
    /// The share of the window in which the server's CPUs had work; 1 where that isn't known.
    busy: f64,
    /// One that only generates, by its name; `None`: the one with the servers.
    generates: Option<&'a str>,
}

/// What shared the machines with a window, and what of their memory was scarce.
pub fn of_step(step: &Step, load: Load) -> Vec<Check> {
    let idle = match load {
        // It has no CPU per request.
        Load::Idle { .. } => None,
        _ => step.machine.server_cpus_idle_share,
    };
    let mut checks = vec![accept_queue(step, load)];
    for place in places(step, 1.0 - idle.unwrap_or(0.0)) {
        checks.extend(place.disturbances());
        checks.extend(place.named(place.pressure()));
    }
    checks
}

/// Whether anything touched a window from outside, which is a reason to make it again: what the
/// server itself does (its rate, its times) isn't looked at.
pub fn is_disturbed(step: &Step) -> bool {
    let touched = |check: &Check| {
        let mut figures = check.touches.iter().map(|touch| touch.figure);
        figures.any(|figure| !TIMES[2..].contains(&figure))
    };
    places(step, 1.0).any(|place| place.disturbances().any(|check| touched(&check)))
}

/// The servers' machine, or the only one, and then those that generate.
fn places(step: &Step, busy: f64) -> impl Iterator<Item = Place<'_>> {
    let of_servers = Place {
        machine: &step.machine,
        ours: &step.server,
        window_us: step.window.length_us,
        busy,
        generates: None,
    };
    let others = step.hosts.iter().filter_map(|share| {
        let used = share.used.as_ref()?;
        Some(Place {
            machine: &used.machine,
            ours: &used.generator,
            window_us: step.window.length_us,
            busy: 1.0,
            generates: Some(&share.host),
        })
    });
    std::iter::once(of_servers).chain(others)
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

impl Place<'_> {
    /// From outside of the run.
    fn disturbances(&self) -> impl Iterator<Item = Check> {
        let all = [
            self.steal(),
            self.other_load(),
            self.throttled(),
            self.swap(),
            cpus_moved(self.machine.cpus_apart.as_ref()),
        ];
        all.into_iter().filter_map(|check| self.named(check))
    }

    /// With the machine that it is about, and without what can't come from there.
    fn named(&self, check: Option<Check>) -> Option<Check> {
        let mut check = check?;
        if let Some(host) = self.generates {
            check.detail = format!("{host}: {}", check.detail);
            let of_servers = [FigureKind::Cpu, FigureKind::UserMemory];
            check
                .touches
                .retain(|touch| !of_servers.contains(&touch.figure));
        }
        Some(check)
    }

    /// A CPU that sleeps is taken away when it is to wake. The kernel's clocks count that time as idle and
    /// as stolen, and take it from what runs next: so of CPU time it is a share of what was used, which the
    /// server's CPUs were `busy` for, 0 to 1. Source: kernel/sched/core.c, `update_rq_clock_task`;
    /// kernel/time/tick-sched.c, `get_cpu_idle_time_us`.
    fn steal(&self) -> Option<Check> {
        let machine = self.machine;
        // In older reports that of all CPUs is there alone.
        let share = machine.ours_steal_share.or(machine.steal_share)?;
        let judged = judged(
            share,
            machine.ours_steal_s.unwrap_or(share * self.window_s()),
        );
        let mut touches = exposed(judged);
        touches.retain(|touch| touch.figure != FigureKind::Cpu);
        let of_used = (judged / self.busy.max(1e-9)).min(1.0);
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
    fn other_load(&self) -> Option<Check> {
        let machine = self.machine;
        let cpus = machine.programs_cpus_used?;
        // Older reports don't tell where they ran.
        let share = machine.programs_ours_share.unwrap_or(cpus);
        let used_s = machine.programs_ours_s.unwrap_or(cpus * self.window_s());
        let names: Vec<&str> = machine.programs_s.keys().map(String::as_str).collect();
        let names = match names.is_empty() {
            true => String::new(),
            false => format!(" ({})", names.join(", ")),
        };
        let check = Check::new(
            "other_load",
            exposed(judged(share, used_s).min(1.0)),
            format!("other programs used {cpus:.2} CPUs{names}"),
            "end what else is running, and measure again",
        );
        Some(check.values(share, OTHER_LOAD_MAX))
    }

    fn throttled(&self) -> Option<Check> {
        let throttled_us = self.machine.throttled_us?;
        let share = throttled_us as f64 / self.window_us.max(1) as f64;
        let check = Check::new(
            "throttled",
            exposed(share.min(1.0)),
            format!(
                "a CPU quota stopped the server, or all of this container, for {throttled_us} us"
            ),
            "lift the quota (cpu.max, docker --cpus), or measure outside of the container",
        );
        Some(check.values(share, SHARE_MAX))
    }

    fn swap(&self) -> Option<Check> {
        let (read, written) = (self.machine.swap_in_pages?, self.machine.swap_out_pages?);
        let share = read as f64 * PAGE_S / self.window_s();
        let mut touches = exposed_times(share.min(1.0));
        // Older reports don't tell whose the pages were.
        let of_ours = self.ours.swapped_bytes.map(|bytes| bytes as f64);
        let swapped_bytes = of_ours.unwrap_or(written as f64 * PAGE_BYTES);
        let missing = swapped_bytes / self.ours.pss_bytes.unwrap_or(0).max(1) as f64;
        if missing > SWAPPED_MAX {
            touches.extend(biases(
                &[FigureKind::UserMemory],
                Direction::Low,
                Some(missing),
            ));
        }
        let of_ours = of_ours.filter(|bytes| *bytes > 0.0);
        let of_ours = of_ours.map_or_else(String::new, |bytes| {
            format!("; {:.0} kB of ours lie there", bytes / 1e3)
        });
        let check = Check::new(
            "swap",
            touches,
            format!("{written} pages went to swap in the window, {read} came from it{of_ours}"),
            "fewer --connections, or more memory; swapoff -a keeps it from being hidden",
        );
        Some(check.values((read + written) as f64, 0.0))
    }

    /// Time in which some task waited for memory. (Waiting for a CPU is what a server under load does;
    /// waiting in io_uring counts as waiting for a disk, so that says nothing about disks.)
    fn pressure(&self) -> Option<Check> {
        let share = self.machine.pressure_memory_share?;
        let mut touches = exposed_times(share);
        if share > SHARE_MAX {
            touches.extend(biases(&[FigureKind::Rate], Direction::Low, lacking(share)));
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

    fn window_s(&self) -> f64 {
        self.window_us.max(1) as f64 / 1e6
    }
}

/// A share of CPU time, as far as the time behind it is more than a few ticks.
fn judged(share: f64, seconds: f64) -> f64 {
    if seconds < JUDGED_FROM_S { 0.0 } else { share }
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::check::FigureKind::{Cpu, P90, P99, P99_9, Rate, UserMemory};

    fn place<'a>(machine: &'a MachineUse, ours: &'a ProcessUse) -> Place<'a> {
        Place {
            machine,
            ours,
            window_us: 10_000_000,
            busy: 1.0,
            generates: None,
        }
    }

    fn touched(place: &Place<'_>, id: &str) -> Vec<FigureKind> {
        let mut checks = place.disturbances();
        let check = checks.find(|check| check.id == id).unwrap();
        check.touches.iter().map(|touch| touch.figure).collect()
    }

    #[test]
    fn what_shared_the_machine_is_judged_by_how_far_it_reaches() {
        let mut machine = MachineUse {
            steal_share: Some(0.01),
            programs_cpus_used: Some(0.05),
            throttled_us: Some(0),
            ..MachineUse::default()
        };
        let ours = ProcessUse::default();
        let here = place(&machine, &ours);
        assert_eq!(touched(&here, "steal"), [P99, P99_9]);
        assert_eq!(touched(&here, "other_load"), [P90, P99, P99_9, Rate, Cpu]);
        assert_eq!(touched(&here, "throttled"), []);
        // Of many CPUs one was taken away, on which the server runs.
        machine.ours_steal_share = Some(0.4);
        let steal = touched(&place(&machine, &ours), "steal");
        assert!(steal.contains(&Rate), "{steal:?}");
        // The kernel's own work for a server is nobody else's.
        machine.programs_cpus_used = Some(0.0);
        machine.other_cpus_used = Some(0.4);
        assert_eq!(touched(&place(&machine, &ours), "other_load"), []);
    }

    #[test]
    fn a_host_that_generates_is_named_and_leaves_the_servers_figures_alone() {
        let machine = MachineUse {
            steal_share: Some(0.03),
            swap_in_pages: Some(0),
            swap_out_pages: Some(1_000_000),
            ..MachineUse::default()
        };
        let ours = ProcessUse::default();
        let there = Place {
            generates: Some("host 2"),
            ..place(&machine, &ours)
        };
        assert_eq!(touched(&there, "steal"), [P90, P99, P99_9, Rate]);
        assert_eq!(touched(&there, "swap"), []);
        assert_eq!(touched(&place(&machine, &ours), "swap"), [UserMemory]);
        // They were somebody else's; or the server's went before the window.
        let of_ours = |swapped_bytes, swap_out_pages| {
            let ours = ProcessUse {
                pss_bytes: Some(1_000_000),
                swapped_bytes: Some(swapped_bytes),
                ..ProcessUse::default()
            };
            let machine = MachineUse {
                swap_out_pages: Some(swap_out_pages),
                ..machine.clone()
            };
            touched(&place(&machine, &ours), "swap")
        };
        assert_eq!(of_ours(0, 1_000_000), []);
        assert_eq!(of_ours(400_000, 0), [UserMemory]);
        let mut checks = there.disturbances();
        let said = checks.find(|check| check.id == "steal").unwrap().detail;
        assert!(said.starts_with("host 2: 3.0 % of the CPU time"), "{said}");
    }

    /// Of servers that were idle for two thirds, and used 0.46 of a CPU by their own clock, the clock of
    /// their CPU had 0.08 with 18 % of steal.
    #[test]
    fn steal_weighs_more_in_the_cpu_time_of_a_server_that_sleeps() {
        let of_cpu = |steal: f64, busy: f64| {
            let machine = MachineUse {
                steal_share: Some(steal),
                ..MachineUse::default()
            };
            let ours = ProcessUse::default();
            let place = Place {
                busy,
                ..place(&machine, &ours)
            };
            touched(&place, "steal").contains(&Cpu)
        };
        assert!(of_cpu(0.01, 0.3));
        assert!(!of_cpu(0.01, 0.7));
        assert!(!of_cpu(0.0, 0.0));
    }

    #[test]
    fn two_ticks_of_a_short_window_say_nothing() {
        let machine = MachineUse {
            steal_share: Some(0.02),
            ..MachineUse::default()
        };
        let ours = ProcessUse::default();
        let short = Place {
            window_us: 1_000_000,
            ..place(&machine, &ours)
        };
        assert_eq!(touched(&short, "steal"), []);
        // As much of eight CPUs is 16 ticks.
        let of_eight = MachineUse {
            ours_steal_s: Some(0.16),
            ..machine.clone()
        };
        let short = Place {
            machine: &of_eight,
            ..short
        };
        assert_eq!(touched(&short, "steal"), [P99, P99_9]);
    }

    /// An agent that uses a twentieth of a CPU, on a machine of 64 of which eight are under test.
    #[test]
    fn a_program_beside_the_cpus_under_test_touches_nothing() {
        let machine = |programs_ours_share, programs_ours_s| MachineUse {
            programs_cpus_used: Some(0.05),
            programs_ours_share: Some(programs_ours_share),
            programs_ours_s: Some(programs_ours_s),
            ..MachineUse::default()
        };
        let ours = ProcessUse::default();
        let touched = |machine: &MachineUse| touched(&place(machine, &ours), "other_load");
        assert_eq!(touched(&machine(0.0, 0.0)), []);
        assert_eq!(touched(&machine(0.05 / 4.0, 0.5)), [P99, P99_9]);
    }
}
