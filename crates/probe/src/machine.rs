//! What bears on a window from outside: other programs, other guests, scarce CPU or memory.
//!
//! Sources: proc(5), Documentation/accounting/psi.rst, Documentation/admin-guide/cgroup-v2.rst.

use crate::{cgroup::throttled_us, kernel::vmstat, reasons::explain_missing};
use procfs::{CurrentSI as _, KernelStats};
use report::trial::MachineUse;
use std::{fs, time::Duration};

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
        Self {
            cpu,
            pressure_us: ["cpu", "memory", "io"].map(|what| {
                some_total_us(&fs::read_to_string(format!("/proc/pressure/{what}")).ok()?)
            }),
            swap_in: vmstat("pswpin"),
            swap_out: vmstat("pswpout"),
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

/// The total of a file such as /proc/pressure/cpu. Its first line is `some`; not every kernel has
/// a second, as procfs' own types would need.
fn some_total_us(pressure: &str) -> Option<u64> {
    let some = procfs::parse_pressure_record(pressure.lines().next()?);
    Some(some.ok()?.total)
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
    fn time_under_pressure_is_that_of_some_tasks() {
        let pressure = "some avg10=0.23 avg60=1.61 avg300=1.62 total=1645\nfull avg10=0 total=9\n";
        assert_eq!(some_total_us(pressure), Some(1645));
        assert_eq!(some_total_us(""), None);
    }
}
