//! What each CPU was busy with: /proc/stat.
//!
//! Source: proc(5); Documentation/filesystems/proc.rst, "Miscellaneous kernel statistics". procfs
//! reads the same lines, and forgets which CPU each is of.

use std::collections::BTreeMap;

/// CPU time so far of each CPU, by its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cpus(pub BTreeMap<usize, CpuTicks>);

/// CPU time in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTicks {
    /// Running anything, interrupts included.
    pub busy: u64,
    /// Running nothing.
    pub idle: u64,
    /// Of the busy ones, those of softirqs.
    pub softirq: u64,
    /// Taken by the host.
    pub steal: u64,
}

impl Cpus {
    /// From the text of /proc/stat.
    pub fn parse(stat: &str) -> Self {
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
    pub fn until(&self, later: &Self, of: Option<&[usize]>) -> Option<CpuTicks> {
        let numbers: Vec<usize> = match of {
            Some(numbers) => numbers.to_vec(),
            None => self.0.keys().copied().collect(),
        };
        let mut spans = numbers.iter().map(|number| {
            let (from, to) = (self.0.get(number)?, later.0.get(number)?);
            Some(from.until(to))
        });
        let first = spans.next()??;
        spans.try_fold(first, |sum, span| Some(sum.and(&span?)))
    }
}

impl CpuTicks {
    /// user nice system idle iowait irq softirq steal guest guest_nice; guests are in user, too.
    fn of(ticks: &[u64]) -> Self {
        let at = |index: usize| ticks.get(index).copied().unwrap_or(0);
        let sum = |indices: &[usize]| {
            indices
                .iter()
                .fold(0, |sum: u64, &i| sum.saturating_add(at(i)))
        };
        Self {
            busy: sum(&[0, 1, 2, 5, 6]),
            idle: sum(&[3, 4]),
            softirq: at(6),
            steal: at(7),
        }
    }

    fn until(&self, later: &Self) -> Self {
        Self {
            busy: later.busy.saturating_sub(self.busy),
            idle: later.idle.saturating_sub(self.idle),
            softirq: later.softirq.saturating_sub(self.softirq),
            steal: later.steal.saturating_sub(self.steal),
        }
    }

    fn and(&self, other: &Self) -> Self {
        Self {
            busy: self.busy.saturating_add(other.busy),
            idle: self.idle.saturating_add(other.idle),
            softirq: self.softirq.saturating_add(other.softirq),
            steal: self.steal.saturating_add(other.steal),
        }
    }

    /// Of busy, idle and stolen time.
    pub fn all(&self) -> u64 {
        self.busy
            .saturating_add(self.idle)
            .saturating_add(self.steal)
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
        assert_eq!(Cpus::default().until(&cpus, None), None);
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
        assert_eq!(of(Some(&[0, 1])), None);
    }

    #[test]
    fn counters_that_fit_no_sum_stay_at_the_largest() {
        let most = u64::MAX;
        let cpus = Cpus::parse(&format!(
            "cpu0 {most} {most} 0 {most} 1 0 0 9\ncpu1 1 1 1 1\n"
        ));
        let none = Cpus::parse("cpu0 0 0 0 0\ncpu1 0 0 0 0\n");
        let ticks = none.until(&cpus, None).unwrap();
        assert_eq!((ticks.busy, ticks.idle, ticks.all()), (most, most, most));
    }
}
