//! The CPUs: how fast they are, what clock they read, how many there are to use. Each check is a
//! function from what was read to a finding.

use crate::{finding::Finding, look::Machine};

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
}
