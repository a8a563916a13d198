//! What processes used: CPU time, context switches, memory.
//!
//! User and system time apart come in ticks of 10 ms from /proc/<pid>/stat; the sum of both
//! comes from the process' CPU clock, to the nanosecond and up to this moment. (The sum in
//! /proc/<pid>/schedstat lacks what a running thread used since the scheduler's last tick, up
//! to 10 ms.) Both count threads that have ended. Sources: proc(5), clock_getcpuclockid(3).

use crate::reasons::explain;
use nix::{
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};
use procfs::process::Process;
use report::trial::ProcessUse;

/// Why nothing is known of a server's use.
pub const UNKNOWN: &str = "which processes the server has isn't known: --pid says it";

/// CPU time of some processes, at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clocks {
    pids: Vec<u32>,
    cpu_ns: Option<u64>,
    /// With those of children that have ended and were waited for.
    user_ticks: u64,
    system_ticks: u64,
}

/// Context switches of all their threads so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Switches {
    voluntary: u64,
    involuntary: u64,
}

impl Clocks {
    pub(crate) fn of(pids: &[u32]) -> Self {
        let mut sum = Self {
            pids: pids.to_vec(),
            cpu_ns: pids.iter().map(|&pid| cpu_ns(pid)).sum(),
            ..Self::default()
        };
        for stat in each(pids).filter_map(|process| process.stat().ok()) {
            let of_children = |ticks: i64| u64::try_from(ticks).unwrap_or(0);
            sum.user_ticks += stat.utime + of_children(stat.cutime);
            sum.system_ticks += stat.stime + of_children(stat.cstime);
        }
        sum
    }

    pub(crate) fn pids(&self) -> &[u32] {
        &self.pids
    }
}

impl Switches {
    /// Reads a file for each thread: the process' own status speaks of its first only.
    pub(crate) fn of(pids: &[u32]) -> Self {
        let mut sum = Self::default();
        for process in each(pids) {
            let tasks = process.tasks().into_iter().flatten().flatten();
            for status in tasks.filter_map(|task| task.status().ok()) {
                sum.voluntary += status.voluntary_ctxt_switches.unwrap_or(0);
                sum.involuntary += status.nonvoluntary_ctxt_switches.unwrap_or(0);
            }
        }
        sum
    }
}

/// Those of the processes that live.
fn each(pids: &[u32]) -> impl Iterator<Item = Process> {
    pids.iter()
        .filter_map(|&pid| Process::new(i32::try_from(pid).ok()?).ok())
}

/// What the processes used from one moment to a later one.
pub(crate) fn between(
    (from, switches_from): (&Clocks, &Switches),
    (to, switches_to): (&Clocks, &Switches),
) -> ProcessUse {
    // What ends takes its clock and its switches with it. Its time its parent inherits.
    let is_same = from.pids == to.pids;
    let seconds = |from: u64, to: u64| {
        let ticks = to.checked_sub(from)?;
        Some(ticks as f64 / procfs::ticks_per_second() as f64)
    };
    let grown = |from: u64, to: u64| is_same.then(|| to.saturating_sub(from));
    let clock = from.cpu_ns.zip(to.cpu_ns).filter(|_| is_same);
    let mut used = ProcessUse {
        cpu_user_s: seconds(from.user_ticks, to.user_ticks),
        cpu_system_s: seconds(from.system_ticks, to.system_ticks),
        cpu_s: clock.map(|(from, to)| to.saturating_sub(from) as f64 / 1e9),
        voluntary_switches: grown(switches_from.voluntary, switches_to.voluntary),
        involuntary_switches: grown(switches_from.involuntary, switches_to.involuntary),
        ..ProcessUse::default()
    };
    if from.pids.is_empty() || to.pids.is_empty() {
        used = ProcessUse::default();
    }
    let why = |otherwise| match (from.pids.is_empty(), is_same) {
        (true, _) => UNKNOWN,
        (false, false) => "processes came or went in the window",
        (false, true) => otherwise,
    };
    let clock = why("the process' CPU clock can't be read");
    let ticks = why("a process ended that nobody waited for");
    let (cpu_s, user_s, system_s) = (used.cpu_s, used.cpu_user_s, used.cpu_system_s);
    let (voluntary, involuntary) = (used.voluntary_switches, used.involuntary_switches);
    let reasons = &mut used.not_measured;
    explain(reasons, "cpu_s", cpu_s, clock);
    explain(reasons, "cpu_user_s", user_s, ticks);
    explain(reasons, "cpu_system_s", system_s, ticks);
    explain(reasons, "voluntary_switches", voluntary, ticks);
    explain(reasons, "involuntary_switches", involuntary, ticks);
    used
}

/// Forgets what was used: it isn't the window's, for this reason.
pub(crate) fn take_back(used: &mut ProcessUse, reason: &str) {
    if used.cpu_total_s().is_none() {
        return;
    }
    (used.cpu_user_s, used.cpu_system_s, used.cpu_s) = (None, None, None);
    (used.voluntary_switches, used.involuntary_switches) = (None, None);
    for field in [
        "cpu_s",
        "cpu_user_s",
        "cpu_system_s",
        "voluntary_switches",
        "involuntary_switches",
    ] {
        explain(&mut used.not_measured, field, None::<()>, reason);
    }
}

/// CPU time of a process' whole life.
pub(crate) fn cpu_ns(pid: u32) -> Option<u64> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid).ok()?)).ok()?;
    let time = clock_gettime(clock).ok()?;
    Some(u64::try_from(time.tv_sec()).ok()? * 1_000_000_000 + u64::try_from(time.tv_nsec()).ok()?)
}

/// Proportional set size of these processes; `None` where it can't be read, or none is known.
pub fn pss_bytes(pids: &[u32]) -> Option<u64> {
    sum_of(pids, |process| {
        let rollup = process.smaps_rollup().ok()?;
        rollup
            .memory_map_rollup
            .iter()
            .find_map(|map| map.extension.map.get("Pss").copied())
    })
}

/// Adds what memory processes hold now.
pub fn add_memory(used: &mut ProcessUse, pids: &[u32]) {
    let why = |otherwise| if pids.is_empty() { UNKNOWN } else { otherwise };
    used.processes = pids.len() as u32;
    let page_tables = sum_of(pids, |process| Some(process.status().ok()?.vmpte? << 10));
    used.page_tables_bytes = explain(
        &mut used.not_measured,
        "page_tables_bytes",
        page_tables,
        why("no VmPTE in /proc/PID/status"),
    );
    used.pss_bytes = explain(
        &mut used.not_measured,
        "pss_bytes",
        pss_bytes(pids),
        why(
            "/proc/PID/smaps_rollup can't be read: a process of the same user can be, without \
             setuid",
        ),
    );
    let peak_bytes = sum_of(pids, |process| Some(process.status().ok()?.vmhwm? << 10));
    used.peak_resident_bytes = explain(
        &mut used.not_measured,
        "peak_resident_bytes",
        peak_bytes,
        why("no VmHWM in /proc/PID/status"),
    );
}

/// Of a process that has just ended there is nothing to add, unless it was the only one.
fn sum_of(pids: &[u32], of: impl Fn(&Process) -> Option<u64>) -> Option<u64> {
    each(pids)
        .map(|process| of(&process))
        .reduce(|a, b| Some(a? + b?))?
}

/// Cheap to read, other than PSS: this is asked many times a second.
pub fn resident_pages(pid: u32) -> Option<u64> {
    Some(Process::new(pid as i32).ok()?.statm().ok()?.resident)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Signal, WaitOptions, kill_process, waitpid};
    use std::{
        process::Command,
        thread::sleep,
        time::{Duration, Instant},
    };

    fn since(start: &Clocks, pids: &[u32]) -> ProcessUse {
        let none = Switches::default();
        between((start, &none), (&Clocks::of(pids), &none))
    }

    #[test]
    fn this_process_has_memory() {
        let mut used = ProcessUse::default();
        add_memory(&mut used, &[std::process::id()]);
        assert!(
            used.pss_bytes.is_some_and(|bytes| bytes > 1 << 16),
            "{used:?}"
        );
        assert!(used.peak_resident_bytes >= used.pss_bytes);
        assert!(used.not_measured.is_empty());
    }

    /// A process that spins and is then stopped, so that the kernel has booked all its time.
    #[test]
    fn cpu_time_of_the_clock_is_that_of_the_ticks() {
        let mut child = Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let began = Instant::now();
        while cpu_ns(child.id()).is_some_and(|ns| ns < 300_000_000)
            && began.elapsed().as_secs() < 60
        {
            sleep(Duration::from_millis(10));
        }
        kill_process(pid, Signal::STOP).unwrap();
        waitpid(Some(pid), WaitOptions::UNTRACED).unwrap();
        let start = Clocks {
            pids: vec![child.id()],
            cpu_ns: Some(0),
            ..Clocks::default()
        };
        let used = since(&start, &[child.id()]);
        child.kill().unwrap();
        child.wait().unwrap();

        let (ticks_s, cpu_s) = (
            used.cpu_user_s.unwrap() + used.cpu_system_s.unwrap(),
            used.cpu_s.unwrap(),
        );
        assert!(cpu_s >= 0.3, "no CPU time is seen: {used:?}");
        // Both kinds of ticks are cut to 10 ms.
        assert!(
            (ticks_s - cpu_s).abs() <= 0.02 + 0.02 * cpu_s,
            "{ticks_s} s by ticks, {cpu_s} s by the clock"
        );
    }

    #[test]
    fn a_process_that_is_gone_has_no_clock() {
        // Beyond the greatest pid that Linux gives.
        let used = since(&Clocks::of(&[5_000_000]), &[5_000_000]);
        assert_eq!(used.cpu_s, None);
        assert!(used.not_measured.contains_key("cpu_s"));
    }

    #[test]
    fn of_processes_that_are_not_known_nothing_is() {
        let mut used = since(&Clocks::of(&[]), &[]);
        add_memory(&mut used, &[]);
        assert_eq!((used.cpu_total_s(), used.pss_bytes), (None, None));
        assert_eq!(used.voluntary_switches, None);
        for field in ["cpu_s", "cpu_user_s", "voluntary_switches", "pss_bytes"] {
            assert_eq!(used.not_measured[field], UNKNOWN);
        }
    }

    #[test]
    fn children_that_have_ended_are_counted() {
        let mut shell = Command::new("sh")
            .args([
                "-c",
                "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; sleep 60",
            ])
            .spawn()
            .unwrap();
        let began = Instant::now();
        let start = Clocks {
            pids: vec![shell.id(), 5_000_000],
            ..Clocks::default()
        };
        let used = loop {
            let used = since(&start, &[shell.id()]);
            if used.cpu_total_s().is_some_and(|s| s > 0.05) || began.elapsed().as_secs() > 60 {
                break used;
            }
            sleep(Duration::from_millis(20));
        };
        shell.kill().unwrap();
        shell.wait().unwrap();
        assert!(used.cpu_total_s().is_some_and(|s| s > 0.05), "{used:?}");
        assert_eq!(
            used.not_measured["cpu_s"],
            "processes came or went in the window"
        );
    }
}
