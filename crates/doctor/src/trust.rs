//! What bears on the trust in figures. Each check is a function from what was read to a finding.

use crate::{finding::Finding, look::Machine};
use analysis::rules::{OTHER_CPUS_MAX, STEAL_MAX};
use report::trial::MachineUse;

/// Clocks that are read without leaving user mode, or nearly so.
const FAST_CLOCKS: [&str; 4] = [
    "tsc",
    "kvm-clock",
    "hyperv_clocksource_tsc_page",
    "arch_sys_counter",
];

/// Clocks that take a slow device for every reading.
const SLOW_CLOCKS: [&str; 4] = ["hpet", "acpi_pm", "jiffies", "refined-jiffies"];

/// Without load of ours, tasks should hardly ever wait for memory or disks.
const PRESSURE_MAX: f64 = 0.05;

pub(super) fn findings(machine: &Machine) -> Vec<Finding> {
    let environment = &machine.environment;
    vec![
        governor(environment.governor.as_deref()),
        turbo(environment.turbo, machine.has_intel_pstate),
        clock_source(environment.clock_source.as_deref()),
        pinning(machine.cpus.len(), environment.cpus),
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

fn governor(governor: Option<&str>) -> Finding {
    const ITEM: &str = "frequency governor";
    match governor {
        Some("performance") => Finding::ok(
            ITEM,
            "performance",
            "the CPU doesn't slow down to save power",
        ),
        Some(other) => Finding::problem(
            ITEM,
            other,
            "the CPU's frequency follows the load, so rates depend on what ran before",
        )
        .mend("echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"),
        None => Finding::note(
            ITEM,
            "not shown",
            "as in most virtual machines: the host decides, and nobody here can tell",
        ),
    }
}

fn turbo(turbo: Option<bool>, has_intel_pstate: bool) -> Finding {
    const ITEM: &str = "turbo";
    match turbo {
        Some(false) => Finding::ok(ITEM, "off", "the frequency doesn't depend on heat"),
        Some(true) => Finding::note(
            ITEM,
            "on",
            "the frequency falls as the CPU warms up: blocks even that out, but figures of \
             different runs differ",
        )
        .mend(if has_intel_pstate {
            "echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo"
        } else {
            "echo 0 > /sys/devices/system/cpu/cpufreq/boost"
        }),
        None => Finding::note(
            ITEM,
            "not shown",
            "as in most virtual machines: the host decides",
        ),
    }
}

fn clock_source(clock: Option<&str>) -> Finding {
    const ITEM: &str = "clock source";
    match clock {
        Some(clock) if FAST_CLOCKS.contains(&clock) => {
            Finding::ok(ITEM, clock, "reading the time costs some 30 ns")
        }
        Some(clock) if SLOW_CLOCKS.contains(&clock) => Finding::problem(
            ITEM,
            clock,
            "each reading of the time takes a microsecond or more, and every request needs two; \
             if tsc isn't in available_clocksource beside it, boot with tsc=reliable",
        )
        .mend("echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource"),
        Some(clock) => Finding::note(ITEM, clock, "not known here: it may be slow to read"),
        None => Finding::note(ITEM, "not shown", "reading the time may be slow"),
    }
}

fn pinning(allowed: usize, online: Option<u32>) -> Finding {
    const ITEM: &str = "CPUs to pin to";
    match allowed {
        0 => Finding::note(
            ITEM,
            "not known",
            "server and generator run where the kernel puts them, and may share CPUs",
        ),
        1 => {
            let online = online.unwrap_or(1);
            let finding = Finding::problem(
                ITEM,
                format!("1 of {online}"),
                "server and generator take turns on one CPU: no rate means anything",
            );
            match online {
                0 | 1 => finding,
                // This shell, and so every runner that it starts.
                _ => finding.mend(format!("taskset -pc 0-{} $$", online - 1)),
            }
        }
        n => Finding::ok(
            ITEM,
            n.to_string(),
            "server and generator get CPUs of their own",
        ),
    }
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

    #[test]
    fn a_laptop_that_saves_power_has_problems_with_commands() {
        for finding in [governor(Some("powersave")), clock_source(Some("hpet"))] {
            assert_eq!(finding.level, Level::Problem, "{finding:?}");
            assert!(finding.mend.is_some_and(|mend| mend.starts_with("echo ")));
        }
        assert_eq!(governor(Some("performance")).level, Level::Ok);
        assert_eq!(governor(None).level, Level::Note);
        assert_eq!(clock_source(Some("tsc")).level, Level::Ok);
        assert_eq!(clock_source(Some("sundial")).level, Level::Note);
        assert_eq!(clock_source(None).level, Level::Note);
    }

    #[test]
    fn turbo_is_mended_by_the_driver_that_has_it() {
        assert_eq!(turbo(Some(false), true).level, Level::Ok);
        let mend = |intel| turbo(Some(true), intel).mend.unwrap();
        assert!(mend(true).contains("no_turbo"));
        assert!(mend(false).contains("boost"));
        assert_eq!(turbo(None, false).mend, None);
    }

    #[test]
    fn one_cpu_is_too_few() {
        let confined = pinning(1, Some(8));
        assert_eq!(confined.level, Level::Problem);
        assert_eq!(confined.mend.as_deref(), Some("taskset -pc 0-7 $$"));
        assert_eq!(pinning(1, Some(1)).mend, None);
        assert_eq!(pinning(2, Some(8)).level, Level::Ok);
        assert_eq!(pinning(0, None).level, Level::Note);
    }

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
