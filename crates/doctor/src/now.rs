//! What goes on beside us, where that bears on the trust in figures. Each check is a function from
//! what was read to a finding.

use crate::{
    finding::{Finding, item},
    look::Machine,
};
use analysis::rules::{OTHER_LOAD_MAX, STEAL_MAX};
use hosts::distance::is_usual;
use report::trial::MachineUse;

/// Without load of ours, tasks should hardly ever wait for memory or disks.
const PRESSURE_MAX: f64 = 0.05;

/// Up to this blocks and windows of usual length average it out.
const PACE_SPREAD_MAX: f64 = 1.1;

pub(super) fn findings(machine: &Machine) -> Vec<Finding> {
    vec![
        steal(machine.now.steal_share),
        pace(machine.pace_spread),
        distance(&machine.distances_ns),
        other_load(machine.now.other_cpus_used, &machine.busiest),
        swap(machine.swap_used_bytes, &machine.now),
        pressure(&machine.now),
        throttling(
            machine.now.throttled_us,
            machine.environment.cgroup_cpus_max,
            machine.cpus.len(),
        ),
    ]
}

fn steal(share: Option<f64>) -> Finding {
    const ITEM: &str = "steal";
    let Some(share) = share else {
        return item(ITEM, "not shown")
            .problem("/proc/stat can't be read: is /proc mounted?")
            .mend("mount -t proc proc /proc")
            .preventing();
    };
    let found = item(ITEM, format!("{:.1} % now", share * 100.0));
    if share > STEAL_MAX {
        found.problem(
            "other guests take CPU time from this machine: measure at another time, or on a \
             machine of your own",
        )
    } else {
        found.ok("no other guest takes CPU time, at the moment")
    }
}

fn pace(spread: Option<f64>) -> Finding {
    const ITEM: &str = "pace of the CPUs";
    let Some(spread) = spread else {
        return item(ITEM, "not known").note("the CPUs can't be chosen");
    };
    let found = item(ITEM, format!("slow moments take {spread:.2} times as long"));
    if spread > PACE_SPREAD_MAX {
        found.note(
            "something shares the cores, such as another guest on their second threads, or their \
             clock changes: trials differ by as much in rate and CPU per request, and no check can \
             see it. Intervals hold all the same, and become narrower with --trials auto and a \
             longer --duration",
        )
    } else {
        found.ok("the same work takes the same time")
    }
}

fn distance(looks_ns: &[f64]) -> Finding {
    const ITEM: &str = "distance of the CPUs";
    let least_ns = looks_ns.iter().copied().reduce(f64::min);
    let most_ns = looks_ns.iter().copied().reduce(f64::max);
    let Some((least_ns, most_ns)) = least_ns.zip(most_ns) else {
        return item(ITEM, "not known").note("there is one CPU, or they can't be chosen");
    };
    let found = item(
        ITEM,
        format!("{least_ns:.0} to {most_ns:.0} ns there and back"),
    );
    if is_usual(most_ns, least_ns) {
        found.ok("a line of their caches takes as long at each look; a run looks at each window")
    } else {
        found.note(
            "the host moves virtual CPUs to cores that share no cache, and back: rate and CPU per request \
             change by up to a third with that. A run waits until they are back (--patience), and \
             windows in which they weren't are told by the check cpus_moved",
        )
    }
}

fn other_load(cpus_used: Option<f64>, busiest: &[(String, f64)]) -> Finding {
    const ITEM: &str = "other load";
    let Some(cpus_used) = cpus_used else {
        return item(ITEM, "not known").note("/proc/stat can't be read");
    };
    let names: Vec<String> = busiest
        .iter()
        .map(|(name, cpus)| format!("{name} {cpus:.2}"))
        .collect();
    let names = match names[..] {
        [] => String::new(),
        _ => format!(": {}", names.join(", ")),
    };
    let found = format!("{cpus_used:.2} CPUs now{names}");
    if cpus_used > OTHER_LOAD_MAX {
        item(ITEM, found)
            .problem("other programs take CPU time from server and generator: end them first")
    } else {
        item(ITEM, found).ok("server and generator will have the CPUs for themselves")
    }
}

fn swap(used_bytes: u64, now: &MachineUse) -> Finding {
    const ITEM: &str = "swap";
    let moving = now.swap_in_pages.unwrap_or(0) + now.swap_out_pages.unwrap_or(0);
    let found = format!("{} MB used", used_bytes / 1_000_000);
    if moving > 0 {
        let means = "memory is short: times hold those of a disk, and what is swapped out isn't \
                     seen as memory of the server";
        let found = format!("{found}, {moving} pages moved just now");
        item(ITEM, found).problem(means).mend("swapoff -a")
    } else if used_bytes > 0 {
        let means = "memory was short once; a server's idle memory may go there too, and isn't \
                     counted then";
        item(ITEM, found).note(means).mend("swapoff -a")
    } else {
        item(ITEM, found).ok("all memory is memory")
    }
}

fn pressure(now: &MachineUse) -> Finding {
    const ITEM: &str = "pressure";
    let (Some(cpu), Some(memory), Some(io)) = (
        now.pressure_cpu_share,
        now.pressure_memory_share,
        now.pressure_io_share,
    ) else {
        return item(ITEM, "not shown").note(
            "no PSI in this kernel, or it is off; add psi=1 to the kernel's command line to see \
             what tasks wait for",
        );
    };
    let found = format!(
        "waiting for CPU {:.0} %, memory {:.0} %, disks {:.0} % of the time",
        cpu * 100.0,
        memory * 100.0,
        io * 100.0
    );
    if cpu.max(memory).max(io) > PRESSURE_MAX {
        let means = "something else on the machine waits, before any load of ours: see other load";
        item(ITEM, found).problem(means)
    } else {
        item(ITEM, found).ok("nothing waits for anything")
    }
}

fn throttling(throttled_us: Option<u64>, cpus_max: Option<f64>, cpus: usize) -> Finding {
    const ITEM: &str = "CPU quota";
    if let Some(cpus_max) = cpus_max.filter(|&max| max < cpus as f64) {
        return item(ITEM, format!("{cpus_max:.1} of {cpus} CPUs")).problem(
            "under load the quota of the container or the service stops everything for parts of each \
             period: start it without one (docker run without --cpus)",
        );
    }
    match throttled_us {
        None => item(ITEM, "not shown").note("no cpu.stat of this process' cgroup can be read"),
        Some(0) => item(ITEM, "not throttled now").ok("under load each report says it again"),
        Some(us) => item(ITEM, format!("throttled for {us} us in a second")).problem(
            "a quota of the container or the service stops everything for parts of each period: \
             start it without one (docker run without --cpus)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;
    use std::{
        process::{Child, Command},
        time::{Duration, Instant},
    };

    #[test]
    fn neighbours_and_other_programs_are_problems() {
        assert_eq!(steal(Some(0.046)).level, Level::Problem);
        assert_eq!(steal(Some(0.001)).level, Level::Ok);
        assert!(steal(None).prevents);
        let busy = other_load(
            Some(1.13),
            &[("cargo".to_owned(), 1.0), ("rustc".to_owned(), 0.1)],
        );
        assert_eq!(busy.level, Level::Problem);
        assert_eq!(busy.found, "1.13 CPUs now: cargo 1.00, rustc 0.10");
        assert_eq!(other_load(Some(0.02), &[]).found, "0.02 CPUs now");
        assert_eq!(other_load(None, &[]).level, Level::Note);
    }

    #[test]
    fn cpus_that_change_their_pace_are_told() {
        assert_eq!(pace(Some(1.02)).level, Level::Ok);
        let uneven = pace(Some(1.6));
        assert_eq!(uneven.level, Level::Note);
        assert_eq!(uneven.found, "slow moments take 1.60 times as long");
        assert_eq!(pace(None).level, Level::Note);
    }

    #[test]
    fn cpus_that_are_moved_are_told() {
        assert_eq!(distance(&[75.2, 110.0, 80.0]).level, Level::Ok);
        let moved = distance(&[75.2, 390.0, 80.0]);
        assert_eq!(moved.level, Level::Note);
        assert_eq!(moved.found, "75 to 390 ns there and back");
        assert_eq!(distance(&[]).level, Level::Note);
    }

    #[test]
    fn short_memory_is_a_problem_only_while_it_is_short() {
        let quiet = MachineUse {
            swap_in_pages: Some(0),
            swap_out_pages: Some(0),
            ..MachineUse::default()
        };
        let moving = MachineUse {
            swap_out_pages: Some(3),
            ..quiet.clone()
        };
        assert_eq!(swap(0, &quiet).level, Level::Ok);
        assert_eq!(swap(5_000_000, &quiet).level, Level::Note);
        assert_eq!(swap(5_000_000, &moving).level, Level::Problem);
    }

    #[test]
    fn pressure_without_load_of_ours_is_a_problem() {
        let shares = |cpu, memory, io| {
            pressure(&MachineUse {
                pressure_cpu_share: cpu,
                pressure_memory_share: memory,
                pressure_io_share: io,
                ..MachineUse::default()
            })
            .level
        };
        assert_eq!(shares(Some(0.01), Some(0.0), Some(0.04)), Level::Ok);
        assert_eq!(shares(Some(0.5), Some(0.0), Some(0.0)), Level::Problem);
        assert_eq!(shares(Some(0.0), Some(0.1), Some(0.0)), Level::Problem);
        assert_eq!(shares(None, Some(0.0), Some(0.0)), Level::Note);
        assert_eq!(throttling(Some(0), None, 2).level, Level::Ok);
        assert_eq!(throttling(Some(1), None, 2).level, Level::Problem);
        assert_eq!(throttling(None, None, 2).level, Level::Note);
        assert_eq!(throttling(Some(0), Some(1.5), 2).level, Level::Problem);
        assert_eq!(throttling(Some(0), Some(4.0), 2).level, Level::Ok);
    }

    /// Ends with the test, however that ends.
    struct Busy(Child);

    impl Drop for Busy {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_process_that_uses_a_core_is_seen() {
        let busy = Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn();
        let busy = Busy(busy.unwrap());
        let pid = i32::try_from(busy.0.id()).unwrap();
        let used_s = || {
            let stat = procfs::process::Process::new(pid).unwrap().stat().unwrap();
            (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64
        };
        // A machine that has much to do gives it little in the first seconds.
        let began = Instant::now();
        loop {
            let (looks, before_s) = (Instant::now(), used_s());
            let machine = Machine::look(1, &[]);
            let used_s = used_s() - before_s;
            let load = other_load(machine.now.other_cpus_used, &machine.busiest);
            // A look takes longer than the second that it sums up.
            let cpus = used_s / looks.elapsed().as_secs_f64();
            let is_all = machine.now.other_cpus_used >= Some(cpus);
            if load.level == Level::Problem && is_all && used_s > 0.0 {
                return;
            }
            let waited = began.elapsed();
            assert!(waited < Duration::from_secs(30), "{used_s} s: {load:?}");
        }
    }
}
