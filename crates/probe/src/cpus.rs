//! What each CPU was busy with, from /proc/stat.
//!
//! Source: proc(5); Documentation/filesystems/proc.rst, "Miscellaneous kernel statistics". procfs
//! reads the same lines, and forgets which CPU each is of.

use std::{collections::BTreeMap, fs::File};

/// With a line for each CPU and one for all interrupts; what is cut off isn't read anyway.
const STAT_BYTES_MAX: usize = 256 << 10;

/// /proc/stat, open, with room for what it says.
#[derive(Debug)]
pub(crate) struct CpuStat {
    file: Option<File>,
}

/// CPU time so far of each CPU, by its number; empty where it can't be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cpus(pub(crate) BTreeMap<usize, CpuTicks>);

/// CPU time in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CpuTicks {
    pub(crate) busy: u64,
    pub(crate) idle: u64,
    pub(crate) softirq: u64,
    pub(crate) steal: u64,
}

impl CpuStat {
    pub(crate) fn open() -> Self {
        Self {
            file: File::open("/proc/stat").ok(),
        }
    }

    pub(crate) fn read(&self) -> Cpus {
        let Some(file) = &self.file else {
            return Cpus::default();
        };
        let mut bytes = vec![0; STAT_BYTES_MAX];
        let length = rustix::io::pread(file, &mut bytes, 0).unwrap_or(0);
        Cpus::parse(&String::from_utf8_lossy(&bytes[..length]))
    }
}

impl Cpus {
    fn parse(stat: &str) -> Self {
        let lines = stat.lines().filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            // The line of the whole machine has no number.
            let number = words.next()?.strip_prefix("cpu")?.parse().ok()?;
            let ticks: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
            Some((number, CpuTicks::of(&ticks)))
        });
        Self(lines.collect())
    }

    /// What all CPUs of these numbers, or all there are, did until `later`; `None` when that
    /// isn't known of each.
    pub(crate) fn until(&self, later: &Self, of: Option<&[usize]>) -> Option<CpuTicks> {
        let mut sum = CpuTicks::default();
        let numbers: Vec<usize> = match of {
            Some(numbers) => numbers.to_vec(),
            None => self.0.keys().copied().collect(),
        };
        if numbers.is_empty() {
            return None;
        }
        for number in numbers {
            let (from, to) = (self.0.get(&number)?, later.0.get(&number)?);
            sum.busy += to.busy.saturating_sub(from.busy);
            sum.idle += to.idle.saturating_sub(from.idle);
            sum.softirq += to.softirq.saturating_sub(from.softirq);
            sum.steal += to.steal.saturating_sub(from.steal);
        }
        Some(sum)
    }
}

impl CpuTicks {
    /// user nice system idle iowait irq softirq steal guest guest_nice; guests are in user, too.
    fn of(ticks: &[u64]) -> Self {
        let at = |index: usize| ticks.get(index).copied().unwrap_or(0);
        Self {
            busy: at(0) + at(1) + at(2) + at(5) + at(6),
            idle: at(3) + at(4),
            softirq: at(6),
            steal: at(7),
        }
    }

    /// Of busy, idle and stolen time.
    pub(crate) fn all(&self) -> u64 {
        self.busy + self.idle + self.steal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  30 0 12 100 8 1 4 5 0 0\n\
                        cpu0 10 0 2 60 8 1 0 5 0 0\n\
                        cpu2 20 0 10 40 0 0 4 0 0 0\n\
                        intr 5 1 2\n";

    #[test]
    fn each_cpu_is_known_by_its_number() {
        let cpus = Cpus::parse(STAT);
        assert_eq!(cpus.0.keys().copied().collect::<Vec<_>>(), [0, 2]);
        let busy = Cpus::default();
        assert_eq!(busy.until(&cpus, None), None);
        let mut none_yet = cpus.clone();
        none_yet
            .0
            .values_mut()
            .for_each(|ticks| *ticks = CpuTicks::default());
        let of = |numbers: Option<&[usize]>| none_yet.until(&cpus, numbers);
        let second = of(Some(&[2])).unwrap();
        assert_eq!((second.busy, second.idle, second.softirq), (34, 40, 4));
        let both = of(None).unwrap();
        assert_eq!((both.busy, both.steal, both.all()), (47, 5, 160));
        assert_eq!(of(Some(&[1])), None);
    }
}
