//! What other programs, and the kernel's own threads, used meanwhile: a reading of all of /proc,
//! which takes milliseconds and so is done before and after a window, never in it.

use pseudofiles::{process::Stat, read};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
};

/// CPU time so far of every process but ours, by its id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programs(HashMap<i32, Stat>);

/// CPU time of programs that aren't ours, in ticks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OthersUse {
    /// Of programs, by name.
    pub(crate) programs: BTreeMap<String, u64>,
    /// Of those of them that ran on the server's CPUs last.
    pub(crate) on_server_cpus: u64,
    /// Of the kernel's threads on the server's CPUs, by name without number.
    pub(crate) kernel_threads: BTreeMap<String, u64>,
}

impl Programs {
    /// All processes but these.
    pub(crate) fn read(ours: &[u32]) -> Self {
        let ours: BTreeSet<i32> = ours
            .iter()
            .chain([&std::process::id()])
            .filter_map(|&pid| i32::try_from(pid).ok())
            .collect();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let others = pids.filter(|pid| !ours.contains(pid));
        let stat = |pid| Stat::parse(&read::text(format!("/proc/{pid}/stat")).ok()?);
        Self(others.filter_map(|pid| Some((pid, stat(pid)?))).collect())
    }

    /// What was used until `later`. One that came meanwhile used all that it has; one that ended left
    /// its time to its parent, who had waited for it.
    pub(crate) fn until(&self, later: &Self, server_cpus: &[usize]) -> OthersUse {
        let mut used = OthersUse::default();
        let inherited = self.ended_by_parent(later);
        for (pid, program) in &later.0 {
            let before = self.0.get(pid).filter(|old| old.started == program.started);
            let known = before.map_or(0, |old| old.ticks.all()) + inherited.get(pid).unwrap_or(&0);
            let ticks = program.ticks.all().saturating_sub(known);
            let is_on_server = program.cpu.is_some_and(|cpu| server_cpus.contains(&cpu));
            if ticks == 0 {
                continue;
            }
            match (program.is_kernel, is_on_server) {
                (true, true) => {
                    *used.kernel_threads.entry(kind(&program.name)).or_default() += ticks
                }
                (true, false) => {}
                (false, _) => {
                    *used.programs.entry(program.name.clone()).or_default() += ticks;
                    used.on_server_cpus += if is_on_server { ticks } else { 0 };
                }
            }
        }
        used
    }

    /// What those that have ended since had used before, by their parents.
    fn ended_by_parent(&self, later: &Self) -> HashMap<i32, u64> {
        let mut ended = HashMap::new();
        for (pid, program) in &self.0 {
            let lives = later
                .0
                .get(pid)
                .is_some_and(|now| now.started == program.started);
            if !lives {
                *ended.entry(program.parent).or_default() += program.ticks.all();
            }
        }
        ended
    }
}

/// `kworker/1:2-events` is a kworker.
fn kind(name: &str) -> String {
    name.split('/').next().unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pseudofiles::process::Ticks;

    fn program(name: &str, ticks: u64, cpu: usize, is_kernel: bool) -> Stat {
        Stat {
            name: name.to_owned(),
            parent: 0,
            started: 1,
            ticks: Ticks {
                user: ticks,
                system: 0,
            },
            cpu: Some(cpu),
            is_kernel,
        }
    }

    #[test]
    fn programs_and_kernel_threads_are_told_apart() {
        let before = Programs(HashMap::from([
            (1, program("editor", 100, 0, false)),
            (2, program("ksoftirqd/1", 5, 1, true)),
            (3, program("idle", 7, 1, false)),
        ]));
        let mut later = before.clone();
        later.0.insert(1, program("editor", 130, 0, false));
        later.0.insert(2, program("ksoftirqd/1", 25, 1, true));
        later.0.insert(4, program("cron", 4, 1, false));
        later.0.insert(5, program("kworker/0:1-events", 9, 0, true));
        let used = before.until(&later, &[1]);
        let of = |map: &BTreeMap<String, u64>| map.clone().into_iter().collect::<Vec<_>>();
        assert_eq!(
            of(&used.programs),
            [("cron".to_owned(), 4), ("editor".to_owned(), 30)]
        );
        assert_eq!(used.on_server_cpus, 4);
        assert_eq!(of(&used.kernel_threads), [("ksoftirqd".to_owned(), 20)]);
    }

    /// As of a compiler, which ends before anybody looks again.
    #[test]
    fn one_that_ended_is_seen_in_its_parent() {
        let child = Stat {
            parent: 1,
            ..program("cc", 40, 0, false)
        };
        let before = Programs(HashMap::from([
            (1, program("make", 10, 0, false)),
            (2, child),
        ]));
        // The child's 40 ticks, 25 more of its own, and another that came and went with 5.
        let later = Programs(HashMap::from([(1, program("make", 10 + 65 + 5, 0, false))]));
        assert_eq!(before.until(&later, &[]).programs["make"], 30);
    }

    #[test]
    fn an_id_that_was_given_again_is_another_program() {
        let before = Programs(HashMap::from([(1, program("old", 100, 0, false))]));
        let mut new = program("new", 3, 0, false);
        new.started = 2;
        let later = Programs(HashMap::from([(1, new)]));
        assert_eq!(before.until(&later, &[]).programs["new"], 3);
    }
}
