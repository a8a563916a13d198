//! What processes used: CPU time, context switches, memory.
//!
//! User and system time apart come in ticks of 10 ms from /proc/<pid>/stat; the sum of both
//! comes from the process' CPU clock, to the nanosecond and up to this moment. (The sum in
//! /proc/<pid>/schedstat lacks what a running thread used since the scheduler's last tick, up
//! to 10 ms.) Both count threads that have ended. Sources: proc(5), clock_getcpuclockid(3).

use super::explain;
use nix::{
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};
use procfs::process::Process;
use report::trial::ProcessUse;
use std::collections::BTreeMap;

/// These processes and all that descend from them: a server may have started workers.
pub(crate) fn with_descendants(pids: &[u32]) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for process in procfs::process::all_processes()
        .into_iter()
        .flatten()
        .flatten()
    {
        if let Ok(stat) = process.stat() {
            let of = children.entry(stat.ppid as u32).or_default();
            of.push(stat.pid as u32);
        }
    }
    let (mut family, mut looked_at) = (pids.to_vec(), 0);
    while let Some(parent) = family.get(looked_at) {
        looked_at += 1;
        family.extend(children.remove(parent).unwrap_or_default());
    }
    family
}

/// Sums over some processes, at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    cpu_ns: Option<u64>,
    user_ticks: u64,
    system_ticks: u64,
    voluntary: u64,
    involuntary: u64,
}

impl Counters {
    pub(super) fn of(pids: &[u32]) -> Self {
        let mut sum = Self {
            cpu_ns: pids.iter().map(|&pid| cpu_ns(pid)).sum(),
            ..Self::default()
        };
        for process in pids.iter().filter_map(|&pid| Process::new(pid as i32).ok()) {
            if let Ok(stat) = process.stat() {
                sum.user_ticks += stat.utime;
                sum.system_ticks += stat.stime;
            }
            // The process' own status speaks of its first thread only.
            let tasks = process.tasks().into_iter().flatten().flatten();
            for status in tasks.filter_map(|task| task.status().ok()) {
                sum.voluntary += status.voluntary_ctxt_switches.unwrap_or(0);
                sum.involuntary += status.nonvoluntary_ctxt_switches.unwrap_or(0);
            }
        }
        sum
    }

    pub(super) fn until(&self, later: &Self) -> ProcessUse {
        let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
        let mut used = ProcessUse {
            cpu_user_s: seconds(later.user_ticks.saturating_sub(self.user_ticks)),
            cpu_system_s: seconds(later.system_ticks.saturating_sub(self.system_ticks)),
            voluntary_switches: later.voluntary.saturating_sub(self.voluntary),
            involuntary_switches: later.involuntary.saturating_sub(self.involuntary),
            ..ProcessUse::default()
        };
        let cpu_s = self
            .cpu_ns
            .zip(later.cpu_ns)
            .map(|(from, to)| to.saturating_sub(from) as f64 / 1e9);
        used.cpu_s = explain(
            &mut used.not_measured,
            "cpu_s",
            cpu_s,
            "the process' CPU clock can't be read",
        );
        used
    }
}

/// CPU time of a process' whole life.
pub(super) fn cpu_ns(pid: u32) -> Option<u64> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid).ok()?)).ok()?;
    let time = clock_gettime(clock).ok()?;
    Some(u64::try_from(time.tv_sec()).ok()? * 1_000_000_000 + u64::try_from(time.tv_nsec()).ok()?)
}

/// Proportional set size of these processes; `None` where it can't be read.
pub(crate) fn pss_bytes(pids: &[u32]) -> Option<u64> {
    sum_of(pids, |process| {
        let rollup = process.smaps_rollup().ok()?;
        rollup
            .memory_map_rollup
            .iter()
            .find_map(|map| map.extension.map.get("Pss").copied())
    })
}

/// Adds what memory processes hold now.
pub(crate) fn add_memory(used: &mut ProcessUse, pids: &[u32]) {
    used.processes = pids.len() as u32;
    add_page_tables(used, pids);
    used.pss_bytes = explain(
        &mut used.not_measured,
        "pss_bytes",
        pss_bytes(pids),
        "/proc/PID/smaps_rollup can't be read: a process of the same user can be, without setuid",
    );
    let peak_bytes = sum_of(pids, |process| Some(process.status().ok()?.vmhwm? << 10));
    used.peak_resident_bytes = explain(
        &mut used.not_measured,
        "peak_resident_bytes",
        peak_bytes,
        "no VmHWM in /proc/PID/status",
    );
}

/// Adds what the kernel holds in page tables for them.
fn add_page_tables(used: &mut ProcessUse, pids: &[u32]) {
    let bytes = sum_of(pids, |process| Some(process.status().ok()?.vmpte? << 10));
    used.page_tables_bytes = explain(
        &mut used.not_measured,
        "page_tables_bytes",
        bytes,
        "no VmPTE in /proc/PID/status",
    );
}

fn sum_of(pids: &[u32], of: impl Fn(&Process) -> Option<u64>) -> Option<u64> {
    pids.iter()
        .map(|&pid| of(&Process::new(pid as i32).ok()?))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Signal, WaitOptions, kill_process, waitpid};
    use std::{
        io::Read as _,
        process::{Command, Stdio},
        thread::sleep,
        time::{Duration, Instant},
    };

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
        let start = Counters {
            cpu_ns: Some(0),
            ..Counters::default()
        };
        let used = start.until(&Counters::of(&[child.id()]));
        child.kill().unwrap();
        child.wait().unwrap();

        let (ticks_s, cpu_s) = (used.cpu_user_s + used.cpu_system_s, used.cpu_s.unwrap());
        assert!(cpu_s >= 0.3, "no CPU time is seen: {used:?}");
        // Both kinds of ticks are cut to 10 ms.
        assert!(
            (ticks_s - cpu_s).abs() <= 0.02 + 0.02 * cpu_s,
            "{ticks_s} s by ticks, {cpu_s} s by the clock"
        );
    }

    #[test]
    fn a_family_has_all_generations() {
        let mut parent = Command::new("sh")
            .args(["-c", "sh -c 'echo born; read word; :'; :"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut born = [0; 5];
        parent.stdout.take().unwrap().read_exact(&mut born).unwrap();
        let family = with_descendants(&[parent.id()]);
        drop(parent.stdin.take());
        parent.wait().unwrap();
        assert_eq!((family.len(), family[0]), (2, parent.id()), "{family:?}");
    }

    #[test]
    fn a_process_that_is_gone_has_no_clock() {
        // Beyond the greatest pid that Linux gives.
        let nobody = Counters::of(&[5_000_000]);
        let used = nobody.until(&nobody);
        assert_eq!(used.cpu_s, None);
        assert!(used.not_measured.contains_key("cpu_s"));
    }
}
