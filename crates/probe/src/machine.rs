//! What bears on a window from outside: other programs, other guests, scarce CPU or memory.
//!
//! Sources: proc(5), Documentation/accounting/psi.rst, Documentation/admin-guide/cgroup-v2.rst.

use crate::reasons::explain_missing;
use procfs::{CurrentSI as _, KernelStats};
use report::trial::MachineUse;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// Counters of the whole machine, at one moment.
#[derive(Clone, Debug)]
pub(crate) struct MachineCounters {
    cpu: Option<CpuTicks>,
    /// Time so far in which some task waited for CPU, memory or I/O, in microseconds.
    pressure_us: [Option<u64>; 3],
    swap_in: Option<u64>,
    swap_out: Option<u64>,
    throttled_us: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuTicks {
    busy: u64,
    idle: u64,
    softirq: u64,
    steal: u64,
}

impl MachineCounters {
    /// CPU time of the machine, for [`MachineCounters::read`].
    pub(crate) fn read_cpu() -> Option<CpuTicks> {
        CpuTicks::read()
    }

    /// Everything else beside it.
    pub(crate) fn read(cpu: Option<CpuTicks>) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let vmstat = read("/proc/vmstat");
        Self {
            cpu,
            pressure_us: ["cpu", "memory", "io"]
                .map(|what| some_total_us(&read(&format!("/proc/pressure/{what}")))),
            swap_in: value_of(&vmstat, "pswpin"),
            swap_out: value_of(&vmstat, "pswpout"),
            throttled_us: throttled_us(),
        }
    }

    /// What happened until `later`, `window` after this; `ours_s` is our own CPU time in it.
    pub(crate) fn until(&self, later: &Self, window: Duration, ours_s: f64) -> MachineUse {
        let mut machine = MachineUse::default();
        if let (Some(a), Some(b)) = (self.cpu, later.cpu) {
            a.add_until(&b, window, ours_s, &mut machine);
        }
        let window_us = (window.as_micros() as f64).max(1.0);
        let grown = |a: Option<u64>, b: Option<u64>| Some(b?.saturating_sub(a?));
        let [cpu, memory, io] = [0, 1, 2].map(|index| {
            let waited = grown(self.pressure_us[index], later.pressure_us[index]);
            // Read one after the other, so a share can come out a little over 1.
            waited.map(|us| (us as f64 / window_us).min(1.0))
        });
        machine.pressure_cpu_share = cpu;
        machine.pressure_memory_share = memory;
        machine.pressure_io_share = io;
        machine.swap_in_pages = grown(self.swap_in, later.swap_in);
        machine.swap_out_pages = grown(self.swap_out, later.swap_out);
        machine.throttled_us = grown(self.throttled_us, later.throttled_us);
        say_what_is_missing(&mut machine);
        machine
    }
}

fn say_what_is_missing(machine: &mut MachineUse) {
    const STAT: &str = "/proc/stat can't be read";
    const PSI: &str = "no PSI in this kernel, or it is off: psi=1 on the kernel's command line";
    const SWAP: &str = "not shown in /proc/vmstat";
    const CGROUP: &str = "no cpu.stat of this process' cgroup can be read";
    explain_missing!(machine, STAT, [steal_share, softirq_share, other_cpus_used]);
    explain_missing!(
        machine,
        PSI,
        [pressure_cpu_share, pressure_memory_share, pressure_io_share]
    );
    explain_missing!(machine, SWAP, [swap_in_pages, swap_out_pages]);
    explain_missing!(machine, CGROUP, [throttled_us]);
}

impl CpuTicks {
    fn read() -> Option<Self> {
        let total = KernelStats::current().ok()?.total;
        let irq = total.irq.unwrap_or(0);
        let softirq = total.softirq.unwrap_or(0);
        Some(Self {
            busy: total.user + total.nice + total.system + irq + softirq,
            idle: total.idle + total.iowait.unwrap_or(0),
            softirq,
            steal: total.steal.unwrap_or(0),
        })
    }

    fn add_until(&self, later: &Self, window: Duration, ours_s: f64, machine: &mut MachineUse) {
        let busy = later.busy.saturating_sub(self.busy) as f64;
        let steal = later.steal.saturating_sub(self.steal) as f64;
        let all = (busy + steal + later.idle.saturating_sub(self.idle) as f64).max(1.0);
        machine.steal_share = Some(steal / all);
        machine.softirq_share = Some(later.softirq.saturating_sub(self.softirq) as f64 / all);
        let other_s = busy / procfs::ticks_per_second() as f64 - ours_s;
        machine.other_cpus_used = Some(other_s.max(0.0) / window.as_secs_f64().max(1e-3));
    }
}

/// The total of a file such as /proc/pressure/cpu: `some avg10=0.2 avg60=1.6 avg300=1.6 total=9`.
fn some_total_us(pressure: &str) -> Option<u64> {
    let line = pressure.lines().find(|line| line.starts_with("some "))?;
    let total = line
        .split(' ')
        .find_map(|word| word.strip_prefix("total="))?;
    total.parse().ok()
}

/// The value in a line `name value`.
pub(crate) fn value_of(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        line.strip_prefix(name)?
            .strip_prefix(' ')?
            .trim()
            .parse()
            .ok()
    })
}

/// How long a quota kept this process' cgroup, or one above it, from running.
fn throttled_us() -> Option<u64> {
    let cgroups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let directories = cgroup_directories(&cgroups, &mounts)?;
    let stats: Vec<String> = directories
        .iter()
        .filter_map(|directory| fs::read_to_string(directory.join("cpu.stat")).ok())
        .collect();
    // A group without this counter has no quota, so it throttles nobody.
    let of = |stat: &String| throttled_in(stat).unwrap_or(0);
    (!stats.is_empty()).then(|| stats.iter().map(of).sum())
}

/// From cpu.stat: version 2 counts microseconds, version 1 nanoseconds.
fn throttled_in(cpu_stat: &str) -> Option<u64> {
    value_of(cpu_stat, "throttled_usec")
        .or_else(|| Some(value_of(cpu_stat, "throttled_time")? / 1000))
}

/// The directory of the cgroup that shares out CPU to this process, and those above it.
fn cgroup_directories(cgroups: &str, mounts: &str) -> Option<Vec<PathBuf>> {
    // id:controllers:path; version 2 is 0 and names no controllers.
    let find = |has: fn(&str, &str) -> bool| {
        cgroups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            has(id, controllers).then_some(path)
        })
    };
    let version_1 = find(|_, controllers| controllers.split(',').any(|one| one == "cpu"));
    let (path, kind) = match version_1 {
        Some(path) => (path, "cgroup"),
        None => (find(|id, _| id == "0")?, "cgroup2"),
    };
    mounts.lines().find_map(|line| {
        // id parent device root mount_point options ... - type source options
        let (place, kind_and_options) = line.split_once(" - ")?;
        let mut words = kind_and_options.split(' ');
        let is_kind = words.next()? == kind;
        let controls_cpu = kind == "cgroup2" || words.nth(1)?.split(',').any(|one| one == "cpu");
        if !is_kind || !controls_cpu {
            return None;
        }
        let mut place = place.split(' ').skip(3);
        let (root, mount_point) = (place.next()?, Path::new(place.next()?));
        let below = Path::new(path).strip_prefix(root).ok()?;
        let up = below.ancestors().map(|part| mount_point.join(part));
        Some(up.collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(pressure_us: u64, swap: u64, throttled_us: u64) -> MachineCounters {
        MachineCounters {
            cpu: Some(CpuTicks {
                busy: 0,
                idle: 0,
                softirq: 0,
                steal: 0,
            }),
            pressure_us: [Some(pressure_us), Some(0), None],
            swap_in: Some(swap),
            swap_out: Some(2 * swap),
            throttled_us: Some(throttled_us),
        }
    }

    #[test]
    fn a_window_holds_the_difference() {
        let second = Duration::from_secs(1);
        let mut later = counters(250_100, 12, 70);
        later.cpu = Some(CpuTicks {
            busy: 150,
            idle: 30,
            softirq: 10,
            steal: 20,
        });
        let machine = counters(100, 10, 50).until(&later, second, 0.5);
        assert_eq!(machine.steal_share, Some(0.1));
        assert_eq!(machine.softirq_share, Some(0.05));
        let busy_s = 150.0 / procfs::ticks_per_second() as f64;
        assert_eq!(machine.other_cpus_used, Some(busy_s - 0.5));
        assert_eq!(machine.pressure_cpu_share, Some(0.25));
        assert_eq!(machine.pressure_memory_share, Some(0.0));
        assert_eq!(machine.swap_in_pages, Some(2));
        assert_eq!(machine.swap_out_pages, Some(4));
        assert_eq!(machine.throttled_us, Some(20));
        assert_eq!(machine.pressure_io_share, None);
        let reasons: Vec<_> = machine.not_measured.into_keys().collect();
        assert_eq!(reasons, ["pressure_io_share"]);
    }

    #[test]
    fn values_are_found_by_their_names() {
        let pressure = "some avg10=0.23 avg60=1.61 avg300=1.62 total=1645\nfull avg10=0 total=9\n";
        assert_eq!(some_total_us(pressure), Some(1645));
        assert_eq!(some_total_us(""), None);
        assert_eq!(value_of("pswpin 3\npswpout 4\n", "pswpout"), Some(4));
        assert_eq!(throttled_in("nr_periods 1\nthrottled_usec 8\n"), Some(8));
        assert_eq!(throttled_in("throttled_time 8000\n"), Some(8));
        assert_eq!(throttled_in("usage_usec 8\n"), None);
    }

    #[test]
    fn the_cgroup_is_found_in_both_versions() {
        let mounts = "32 31 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n\
                      33 31 0:30 /pod /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                      34 31 0:31 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n";
        let found = cgroup_directories("2:cpuset:/a\n1:cpuacct,cpu:/pod/x\n0::/\n", mounts);
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(
            found,
            Some(paths(&["/sys/fs/cgroup/cpu/x", "/sys/fs/cgroup/cpu/"]))
        );
        assert_eq!(
            cgroup_directories("0::/user/me\n", mounts),
            Some(paths(&[
                "/sys/fs/cgroup/user/me",
                "/sys/fs/cgroup/user",
                "/sys/fs/cgroup/"
            ]))
        );
        assert_eq!(cgroup_directories("", mounts), None);
    }
}
