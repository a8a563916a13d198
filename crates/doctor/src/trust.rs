//! How the machine is set, where that bears on the trust in figures. Each check is a function from
//! what was read to a finding.

use crate::{
    finding::{Finding, item},
    look::Machine,
};

/// Clocks that are read without leaving user mode, or nearly so.
const FAST_CLOCKS: [&str; 4] = [
    "tsc",
    "kvm-clock",
    "hyperv_clocksource_tsc_page",
    "arch_sys_counter",
];

/// Clocks that take a slow device for every reading.
const SLOW_CLOCKS: [&str; 4] = ["hpet", "acpi_pm", "jiffies", "refined-jiffies"];

pub(super) fn findings(machine: &Machine) -> Vec<Finding> {
    let environment = &machine.environment;
    vec![
        governor(environment.governor.as_deref()),
        turbo(environment.turbo, machine.has_intel_pstate),
        clock_source(environment.clock_source.as_deref()),
        pinning(machine.cpus.len(), environment.cpus),
        hugepages(machine.hugepages.as_deref()),
        congestion(machine.sysctl("net.ipv4.tcp_congestion_control")),
        syscalls(machine.syscalls_refused.as_deref()),
    ]
}

fn governor(governor: Option<&str>) -> Finding {
    const ITEM: &str = "frequency governor";
    match governor {
        Some("performance") => {
            item(ITEM, "performance").ok("the CPU doesn't slow down to save power")
        }
        Some(other) => item(ITEM, other)
            .problem("the CPU's frequency follows the load, so rates depend on what ran before")
            .mend("echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"),
        None => item(ITEM, "not shown")
            .note("as in most virtual machines: the host decides, and nobody here can tell"),
    }
}

fn turbo(turbo: Option<bool>, has_intel_pstate: bool) -> Finding {
    const ITEM: &str = "turbo";
    match turbo {
        Some(false) => item(ITEM, "off").ok("the frequency doesn't depend on heat"),
        Some(true) => item(ITEM, "on")
            .note(
                "the frequency falls as the CPU warms up: blocks even that out, but figures of \
                 different runs differ",
            )
            .mend(if has_intel_pstate {
                "echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo"
            } else {
                "echo 0 > /sys/devices/system/cpu/cpufreq/boost"
            }),
        None => item(ITEM, "not shown").note("as in most virtual machines: the host decides"),
    }
}

fn clock_source(clock: Option<&str>) -> Finding {
    const ITEM: &str = "clock source";
    match clock {
        Some(clock) if FAST_CLOCKS.contains(&clock) => {
            item(ITEM, clock).ok("reading the time costs some 30 ns")
        }
        Some(clock) if SLOW_CLOCKS.contains(&clock) => item(ITEM, clock)
            .problem(
                "each reading of the time takes a microsecond or more, and every request needs \
                 two; if tsc isn't in available_clocksource beside it, boot with tsc=reliable",
            )
            .mend("echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource"),
        Some(clock) => item(ITEM, clock).note("not known here: it may be slow to read"),
        None => item(ITEM, "not shown").note("reading the time may be slow"),
    }
}

fn pinning(allowed: usize, online: Option<u32>) -> Finding {
    const ITEM: &str = "CPUs to pin to";
    match allowed {
        0 => item(ITEM, "not known")
            .note("server and generator run where the kernel puts them, and may share CPUs"),
        1 => {
            let online = online.unwrap_or(1);
            let finding = item(ITEM, format!("1 of {online}"))
                .problem("server and generator take turns on one CPU: no rate means anything");
            match online {
                0 | 1 => finding,
                // This shell, and so every runner that it starts.
                _ => finding.mend(format!("taskset -pc 0-{} $$", online - 1)),
            }
        }
        n => item(ITEM, n.to_string()).ok("server and generator get CPUs of their own"),
    }
}

fn hugepages(enabled: Option<&str>) -> Finding {
    const ITEM: &str = "transparent huge pages";
    let Some(enabled) = enabled else {
        return item(ITEM, "none").ok("memory grows in small pages");
    };
    // always [madvise] never
    let chosen = enabled
        .split_whitespace()
        .find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))
        .unwrap_or("unknown");
    match chosen {
        "always" => item(ITEM, chosen)
            .note(
                "a server's memory grows in steps of 2 MiB, so the bytes per connection are coarse",
            )
            .mend("echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"),
        _ => item(ITEM, chosen).ok("memory grows in small pages"),
    }
}

/// Which congestion control servers get from the machine.
fn congestion(name: Option<&str>) -> Finding {
    const ITEM: &str = "congestion control";
    match name {
        Some("bbr") => item(ITEM, "bbr")
            .note(
                "servers pace their replies by timers, which has no use on loopback: with 10,000 \
                 busy connections it cost a quarter of the rate",
            )
            .mend("sysctl -w net.ipv4.tcp_congestion_control=cubic"),
        Some(name) => item(ITEM, name).ok("servers send at once"),
        None => item(ITEM, "not shown").note("servers may pace their replies by timers"),
    }
}

fn syscalls(refused: Option<&str>) -> Finding {
    const ITEM: &str = "system calls";
    match refused {
        None => {
            item(ITEM, "can be counted").ok("reports say how many system calls a request takes")
        }
        Some(reason) => item(ITEM, "can't be counted").note(format!(
            "reports lack the system calls per request: {reason}"
        )),
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
