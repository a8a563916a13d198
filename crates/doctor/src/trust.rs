//! What else on the machine bears on the trust in figures. Each check is a function from what was
//! read to a finding.

use crate::{finding::Finding, look::Machine};
use analysis::rules::{OTHER_CPUS_MAX, STEAL_MAX};
use report::trial::MachineUse;

/// Without load of ours, tasks should hardly ever wait for memory or disks.
const PRESSURE_MAX: f64 = 0.05;

pub(super) fn findings(machine: &Machine) -> Vec<Finding> {
    vec![
        steal(machine.now.steal_share),
        other_load(machine.now.other_cpus_used, &machine.busiest),
        swap(machine.swap_used_bytes, &machine.now),
        pressure(&machine.now),
        throttling(machine.now.throttled_us),
        hugepages(machine.hugepages.as_deref()),
        congestion(machine.sysctl("net.ipv4.tcp_congestion_control")),
        syscalls(machine.syscalls_refused.as_deref()),
    ]
}

fn steal(share: Option<f64>) -> Finding {
    const ITEM: &str = "steal";
    match share {
        None => Finding::problem(
            ITEM,
            "not shown",
            "/proc/stat can't be read: is /proc mounted?",
        )
        .mend("mount -t proc proc /proc")
        .preventing(),
        Some(share) if share > STEAL_MAX => Finding::problem(
            ITEM,
            format!("{:.1} % now", share * 100.0),
            "other guests take CPU time from this machine: measure at another time, or on a \
             machine of your own",
        ),
        Some(share) => Finding::ok(
            ITEM,
            format!("{:.1} % now", share * 100.0),
            "no other guest takes CPU time, at the moment",
        ),
    }
}

fn other_load(cpus_used: Option<f64>, busiest: &[(String, f64)]) -> Finding {
    const ITEM: &str = "other load";
    let Some(cpus_used) = cpus_used else {
        return Finding::note(ITEM, "not known", "/proc/stat can't be read");
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
    if cpus_used > OTHER_CPUS_MAX {
        Finding::problem(
            ITEM,
            found,
            "other programs take CPU time from server and generator: end them first",
        )
    } else {
        Finding::ok(
            ITEM,
            found,
            "server and generator will have the CPUs for themselves",
        )
    }
}

fn swap(used_bytes: u64, now: &MachineUse) -> Finding {
    const ITEM: &str = "swap";
    let moving = now.swap_in_pages.unwrap_or(0) + now.swap_out_pages.unwrap_or(0);
    let found = format!("{} MB used", used_bytes / 1_000_000);
    if moving > 0 {
        Finding::problem(
            ITEM,
            format!("{found}, {moving} pages moved just now"),
            "memory is short: times hold those of a disk, and what is swapped out isn't seen as \
             memory of the server",
        )
        .mend("swapoff -a")
    } else if used_bytes > 0 {
        Finding::note(
            ITEM,
            found,
            "memory was short once; a server's idle memory may go there too, and isn't counted then",
        )
        .mend("swapoff -a")
    } else {
        Finding::ok(ITEM, found, "all memory is memory")
    }
}

fn pressure(now: &MachineUse) -> Finding {
    const ITEM: &str = "pressure";
    let (Some(cpu), Some(memory), Some(io)) = (
        now.pressure_cpu_share,
        now.pressure_memory_share,
        now.pressure_io_share,
    ) else {
        return Finding::note(
            ITEM,
            "not shown",
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
        Finding::problem(ITEM, found, means)
    } else {
        Finding::ok(ITEM, found, "nothing waits for anything")
    }
}

fn throttling(throttled_us: Option<u64>) -> Finding {
    const ITEM: &str = "CPU quota";
    match throttled_us {
        None => Finding::note(
            ITEM,
            "not shown",
            "no cpu.stat of this process' cgroup can be read",
        ),
        Some(0) => Finding::ok(
            ITEM,
            "not throttled now",
            "under load each report says it again",
        ),
        Some(us) => Finding::problem(
            ITEM,
            format!("throttled for {us} us in a second"),
            "a quota of the container or the service stops everything for parts of each period: \
             start it without one (docker run without --cpus)",
        ),
    }
}

fn hugepages(enabled: Option<&str>) -> Finding {
    const ITEM: &str = "transparent huge pages";
    let Some(enabled) = enabled else {
        return Finding::ok(ITEM, "none", "memory grows in small pages");
    };
    // always [madvise] never
    let chosen = enabled
        .split_whitespace()
        .find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))
        .unwrap_or("unknown");
    match chosen {
        "always" => Finding::note(
            ITEM,
            chosen,
            "a server's memory grows in steps of 2 MiB, so the bytes per connection are coarse",
        )
        .mend("echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"),
        _ => Finding::ok(ITEM, chosen, "memory grows in small pages"),
    }
}

/// Which congestion control servers get from the machine.
fn congestion(name: Option<&str>) -> Finding {
    const ITEM: &str = "congestion control";
    match name {
        Some("bbr") => Finding::note(
            ITEM,
            "bbr",
            "servers pace their replies by timers, which has no use on loopback: with 10,000 busy \
             connections it cost a quarter of the rate",
        )
        .mend("sysctl -w net.ipv4.tcp_congestion_control=cubic"),
        Some(name) => Finding::ok(ITEM, name, "servers send at once"),
        None => Finding::note(
            ITEM,
            "not shown",
            "servers may pace their replies by timers",
        ),
    }
}

fn syscalls(refused: Option<&str>) -> Finding {
    const ITEM: &str = "system calls";
    match refused {
        None => Finding::ok(
            ITEM,
            "can be counted",
            "reports say how many system calls a request takes",
        ),
        Some(reason) => Finding::note(
            ITEM,
            "can't be counted",
            &format!("reports lack the system calls per request: {reason}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;
    use std::process::{Child, Command};

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

    /// Ended with the test, whichever way that ends.
    struct Busy(Child);

    impl Drop for Busy {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_process_that_uses_a_cpu_is_seen() {
        // The limit ends it where the test is killed and can't.
        let script = "ulimit -t 20; while :; do :; done";
        let busy = Command::new("sh").args(["-c", script]).spawn().unwrap();
        let busy = Busy(busy);
        let machine = Machine::look(1);
        drop(busy);
        let cpus = machine.now.other_cpus_used.unwrap();
        // A whole CPU, if nobody else wants it.
        assert!(cpus > 0.2, "{cpus} CPUs: {:?}", machine.busiest);
        let findings = findings(&machine);
        let load = findings.iter().find(|finding| finding.item == "other load");
        let found = &load.unwrap().found;
        assert!(
            found.starts_with(&format!("{cpus:.2} CPUs now: ")),
            "{found}"
        );
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
        assert_eq!(throttling(Some(0)).level, Level::Ok);
        assert_eq!(throttling(Some(1)).level, Level::Problem);
        assert_eq!(throttling(None).level, Level::Note);
    }

    #[test]
    fn the_chosen_huge_pages_are_those_in_brackets() {
        assert_eq!(hugepages(Some("[always] madvise never")).level, Level::Note);
        let fine = hugepages(Some("always [madvise] never\n"));
        assert_eq!((fine.level, fine.found.as_str()), (Level::Ok, "madvise"));
        assert_eq!(hugepages(None).level, Level::Ok);
    }

    #[test]
    fn pacing_is_told_with_the_way_out() {
        let paced = congestion(Some("bbr"));
        assert_eq!(paced.level, Level::Note);
        assert!(paced.mend.is_some_and(|mend| mend.ends_with("=cubic")));
        assert_eq!(congestion(Some("cubic")).level, Level::Ok);
        assert_eq!(congestion(None).level, Level::Note);
    }

    #[test]
    fn a_refusal_to_count_is_told_with_its_reason() {
        assert_eq!(syscalls(None).level, Level::Ok);
        assert!(syscalls(Some("no tracefs")).means.contains("no tracefs"));
    }
}
