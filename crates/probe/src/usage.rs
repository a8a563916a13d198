//! What processes used: CPU time, context switches, memory.
//!
//! The clocks themselves are in [`crate::clocks`]. Source: proc(5).

use crate::clocks::{Clocks, CpuTime, Stamped, ticks_of_newcomers};
use procfs::process::Process;
use report::{explain_missing, trial::ProcessUse};
use std::{collections::BTreeSet, fs};

/// Why nothing is known of a server's use.
pub const UNKNOWN: &str = "which processes the server has isn't known: --pid says it";

const CAME_OR_WENT: &str = "processes came or went in the window";

/// Context switches of all their threads so far, and which these are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Switches {
    voluntary: u64,
    involuntary: u64,
    threads: BTreeSet<i32>,
}

impl Switches {
    /// Reads a file for each thread: the process' own status speaks of its first only.
    pub(crate) fn of(pids: &[u32]) -> Self {
        let mut sum = Self::default();
        for process in each(pids) {
            let tasks = process.tasks().into_iter().flatten().flatten();
            for (tid, status) in tasks.filter_map(|task| Some((task.tid, task.status().ok()?))) {
                sum.threads.insert(tid);
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

/// What the processes used from one edge of a window to the other; `around` are the processes and
/// their switches before and after it, of which this share is the window's.
pub(crate) fn between(
    clocks: &Clocks,
    (from, to): (&CpuTime, &CpuTime),
    around: [&(Vec<u32>, Stamped<Switches>); 2],
    windows_share: f64,
) -> ProcessUse {
    let [
        (pids, Stamped { value: before, .. }),
        (pids_after, Stamped { value: after, .. }),
    ] = around;
    // What ends takes its clock and its switches with it. Its time its parent inherits.
    let is_same = pids == pids_after;
    let ticks = to.ticks.and(&ticks_of_newcomers(pids, pids_after));
    let seconds = |from: u64, to: u64| {
        let ticks = to.checked_sub(from)?;
        Some(ticks as f64 / procfs::ticks_per_second() as f64)
    };
    let are_same = is_same && before.threads.is_subset(&after.threads);
    let grown = |of: fn(&Switches) -> u64| {
        let grown = of(after).checked_sub(of(before)).filter(|_| are_same)?;
        Some((grown as f64 * windows_share).round() as u64)
    };
    // A child that came and went in the window is in no list, and its parent has its time.
    let has_heir = from.inherited != to.inherited;
    let clock = from.clock.value.zip(to.clock.value);
    let clock = clock.filter(|_| is_same && !has_heir);
    let mut used = ProcessUse {
        cpu_user_s: seconds(from.ticks.user, ticks.user),
        cpu_system_s: seconds(from.ticks.system, ticks.system),
        cpu_s: clock.map(|(from, to)| to.saturating_sub(from) as f64 / 1e9),
        voluntary_switches: grown(|of| of.voluntary),
        involuntary_switches: grown(|of| of.involuntary),
        ..ProcessUse::default()
    };
    let is_known = !clocks.pids().is_empty() && !pids_after.is_empty();
    if !is_known {
        used = ProcessUse::default();
    }
    let why = |otherwise| match (is_known, is_same) {
        (false, _) => UNKNOWN,
        (true, false) => CAME_OR_WENT,
        (true, true) => otherwise,
    };
    let clock = why(match has_heir {
        true => CAME_OR_WENT,
        false => "the process' CPU clock can't be read",
    });
    let ticks = why("a process ended that nobody waited for");
    let switches = why("a thread ended in the window, and took its count with it");
    explain_missing!(used, clock, [cpu_s]);
    explain_missing!(used, ticks, [cpu_user_s, cpu_system_s]);
    explain_missing!(used, switches, [voluntary_switches, involuntary_switches]);
    used
}

/// Turns CPU time over the span between two readings into that of a window.
pub(crate) fn scale(used: &mut ProcessUse, factor: f64) {
    for time in [
        &mut used.cpu_user_s,
        &mut used.cpu_system_s,
        &mut used.cpu_s,
    ] {
        *time = time.map(|seconds| seconds * factor);
    }
}

/// Forgets what was used: it isn't the window's, for this reason.
pub(crate) fn take_back(used: &mut ProcessUse, reason: &str) {
    if used.cpu_total_s().is_none() {
        return;
    }
    (used.cpu_user_s, used.cpu_system_s, used.cpu_s) = (None, None, None);
    explain_missing!(used, reason, [cpu_s, cpu_user_s, cpu_system_s]);
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
    used.page_tables_bytes = page_tables;
    explain_missing!(
        used,
        why("no VmPTE in /proc/PID/status"),
        [page_tables_bytes]
    );
    used.pss_bytes = pss_bytes(pids);
    explain_missing!(
        used,
        why(
            "/proc/PID/smaps_rollup can't be read: a process of the same user can be, without setuid"
        ),
        [pss_bytes]
    );
    used.swapped_bytes = sum_of(pids, |process| Some(process.status().ok()?.vmswap? << 10));
    explain_missing!(used, why("no VmSwap in /proc/PID/status"), [swapped_bytes]);
    used.descriptors = sum_of(pids, |process| {
        // Older kernels say 0. To list them would make the kernel remember something of each.
        let directory = fs::metadata(format!("/proc/{}/fd", process.pid())).ok()?;
        Some(directory.len()).filter(|&open| open > 0)
    });
    explain_missing!(
        used,
        why("/proc/PID/fd doesn't tell how many it has, which it does since Linux 6.2"),
        [descriptors]
    );
    used.peak_resident_bytes = sum_of(pids, |process| Some(process.status().ok()?.vmhwm? << 10));
    explain_missing!(
        used,
        why("no VmHWM in /proc/PID/status"),
        [peak_resident_bytes]
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
    use pseudofiles::process::Ticks;
    use rustix::process::{Signal, WaitOptions, kill_process, waitpid};
    use std::{
        process::Command,
        thread::sleep,
        time::{Duration, Instant},
    };

    /// Since the processes began.
    fn all_of(pids: &[u32]) -> ProcessUse {
        let clocks = Clocks::open(pids);
        let mut from = clocks.read();
        from.clock.value = from.clock.value.map(|_| 0);
        (from.ticks, from.inherited) = (Ticks::default(), clocks.read().inherited);
        let around = (pids.to_vec(), Stamped::of(Switches::default));
        between(&clocks, (&from, &clocks.read()), [&around, &around], 1.0)
    }

    /// As of a server with a thread for each connection, which are closed and opened anew.
    #[test]
    fn switches_are_the_windows_and_those_of_threads_that_ended_are_not_known() {
        let pids = [std::process::id()];
        let clocks = Clocks::open(&pids);
        let times = (&clocks.read(), &clocks.read());
        let at = |voluntary, threads: &[i32]| {
            let switches = Switches {
                voluntary,
                involuntary: 0,
                threads: threads.iter().copied().collect(),
            };
            (pids.to_vec(), Stamped::of(|| switches))
        };
        let used = between(
            &clocks,
            times,
            [&at(100, &[1, 2]), &at(1_160, &[1, 2, 3])],
            1.5 / 1.59,
        );
        assert_eq!(used.voluntary_switches, Some(1_000));
        let used = between(&clocks, times, [&at(100, &[1, 2]), &at(90, &[1, 3])], 1.0);
        assert_eq!(
            (used.voluntary_switches, used.involuntary_switches),
            (None, None)
        );
        assert!(used.not_measured["voluntary_switches"].contains("a thread ended"));
        assert!(used.cpu_total_s().is_some(), "{used:?}");
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
        let clock = Clocks::open(&[child.id()]);
        while clock.cpu_ns().is_some_and(|ns| ns < 300_000_000) && began.elapsed().as_secs() < 60 {
            sleep(Duration::from_millis(10));
        }
        kill_process(pid, Signal::STOP).unwrap();
        waitpid(Some(pid), WaitOptions::UNTRACED).unwrap();
        let used = all_of(&[child.id()]);
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
        let used = all_of(&[5_000_000]);
        assert_eq!(used.cpu_s, None);
        assert!(used.not_measured.contains_key("cpu_s"));
    }

    #[test]
    fn of_processes_that_are_not_known_nothing_is() {
        let mut used = all_of(&[]);
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
        let pids = vec![shell.id(), 5_000_000];
        let (clocks, of_shell) = (Clocks::open(&pids), Clocks::open(&[shell.id()]));
        let (from, shell_from) = (clocks.read(), of_shell.read());
        let none = Stamped::of(Switches::default);
        let before = (pids.clone(), none.clone());
        let after = (vec![shell.id()], none);
        // Its child is in neither list.
        let same = [&after, &after];
        let used = loop {
            let used = between(&clocks, (&from, &clocks.read()), [&before, &after], 1.0);
            if used.cpu_total_s().is_some_and(|s| s > 0.05) || began.elapsed().as_secs() > 60 {
                break used;
            }
            sleep(Duration::from_millis(20));
        };
        let unlisted = between(&of_shell, (&shell_from, &of_shell.read()), same, 1.0);
        shell.kill().unwrap();
        shell.wait().unwrap();
        for used in [used, unlisted] {
            assert!(used.cpu_total_s().is_some_and(|s| s > 0.05), "{used:?}");
            assert_eq!(used.not_measured["cpu_s"], CAME_OR_WENT);
        }
    }
}
