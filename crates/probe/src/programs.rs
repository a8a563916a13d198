//! What other programs, and the kernel's own threads, used meanwhile: a reading of all of /proc,
//! which takes milliseconds and so is done before and after a window, never in it.

use pseudofiles::{process::Stat, read};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
};

/// Every process, by its id, with its CPU time so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programs {
    all: HashMap<i32, Stat>,
    /// Which of them are no others. They are read, too: what they leave to others isn't the others' use.
    ours: BTreeSet<i32>,
}

/// CPU time of programs that aren't ours, in ticks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OthersUse {
    /// Of programs, by name.
    pub(crate) programs: BTreeMap<String, u64>,
    /// Of those of them that ran on the server's CPUs last.
    pub(crate) on_server_cpus: u64,
    /// Of those that were seen on the server's CPUs, and on the generator's, before or after.
    pub(crate) seen_on: [u64; 2],
    /// Of the kernel's threads on the server's CPUs, by name without number.
    pub(crate) kernel_threads: BTreeMap<String, u64>,
}

/// What a process' clock gained, in ticks.
#[derive(Clone, Copy, Debug, Default)]
struct Gain {
    own: u64,
    /// From children that have ended.
    inherited: u64,
}

impl Programs {
    /// All processes; these are ours, and so is this one.
    pub(crate) fn read(ours: &[u32]) -> Self {
        let ours = ours.iter().copied().chain([std::process::id()]);
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let stat = |pid| Stat::parse(&read::text(format!("/proc/{pid}/stat")).ok()?);
        Self {
            all: pids.filter_map(|pid| Some((pid, stat(pid)?))).collect(),
            ours: ours.filter_map(|pid| i32::try_from(pid).ok()).collect(),
        }
    }

    /// What was used until `later`, while the CPUs had no more than `room` ticks to give.
    pub(crate) fn until(&self, later: &Self, places: [&[usize]; 2], room: u64) -> OthersUse {
        let mut used = OthersUse::default();
        let is_ours = |pid: &i32| self.ours.contains(pid) || later.ours.contains(pid);
        let mut gains = self.gains(later);
        gains.retain(|pid, _| !is_ours(pid));
        let of_programs = gains.iter().filter(|(pid, _)| !later.all[pid].is_kernel);
        let sum = of_programs.fold(Gain::default(), |sum, (_, gain)| Gain {
            own: sum.own.saturating_add(gain.own),
            inherited: sum.inherited.saturating_add(gain.inherited),
        });
        for (pid, gain) in &gains {
            let program = &later.all[pid];
            let is_on_server = program.cpu.is_some_and(|cpu| places[0].contains(&cpu));
            let was_on = self.all.get(pid).and_then(|before| before.cpu);
            let is_seen_on = |cpus: &[usize]| {
                let mut seen = [was_on, program.cpu].into_iter().flatten();
                seen.any(|cpu| cpus.contains(&cpu))
            };
            let ticks = match program.is_kernel {
                true => gain.own.min(room),
                false => gain.within(room, &sum),
            };
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
                    for (seen, cpus) in used.seen_on.iter_mut().zip(places) {
                        *seen += if is_seen_on(cpus) { ticks } else { 0 };
                    }
                }
            }
        }
        used
    }

    /// What each process gained that lives later. One that came meanwhile used all that it has. One
    /// that ended left its whole time to who waited for it, with all that it had inherited itself: what
    /// it had used before is nobody's use now. Who waited is its parent, or where that had ended
    /// before, one of the parent's own ancestors.
    fn gains(&self, later: &Self) -> HashMap<i32, Gain> {
        let gain = |(pid, now): (&i32, &Stat)| {
            let before = self.all.get(pid).filter(|old| old.started == now.started);
            let (own, inherited) = before.map_or((0, 0), |old| (old.own(), old.inherited));
            let gain = Gain {
                own: now.own().saturating_sub(own),
                inherited: now.inherited.saturating_sub(inherited),
            };
            (*pid, gain)
        };
        let mut gains: HashMap<i32, Gain> = later.all.iter().map(gain).collect();
        let lives = |pid: &i32, of: &Stat| {
            let now = later.all.get(pid);
            now.is_some_and(|now| now.started == of.started)
        };
        for (_, ended) in self.all.iter().filter(|(pid, of)| !lives(pid, of)) {
            let mut known = ended.ticks.all();
            for (pid, ancestor) in self.ancestors(ended) {
                let heir = gains.get_mut(&pid).filter(|_| lives(&pid, ancestor));
                if let Some(heir) = heir {
                    let taken = known.min(heir.inherited);
                    heir.inherited -= taken;
                    known -= taken;
                }
            }
        }
        gains
    }

    /// From the parent on. Ids that were given again while they were read may make a circle.
    fn ancestors(&self, of: &Stat) -> impl Iterator<Item = (i32, &Stat)> {
        let at = |pid: i32| Some((pid, self.all.get(&pid)?));
        let line = std::iter::successors(at(of.parent), move |(_, stat)| at(stat.parent));
        line.take(self.all.len())
    }
}

impl Gain {
    /// Its part of the room that all have. Where they gained more than that, what was inherited can't
    /// all be from now: of a child that ended while the processes were read, only its parent knows.
    fn within(self, room: u64, sum: &Self) -> u64 {
        let part = |ticks: u64, all: u64, room: u64| match all <= room {
            true => ticks,
            false => (ticks as f64 * room as f64 / all as f64) as u64,
        };
        let left = room.saturating_sub(sum.own);
        part(self.own, sum.own, room) + part(self.inherited, sum.inherited, left)
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

    /// More than anybody uses.
    const ROOM: u64 = 1_000_000;

    fn programs<const N: usize>(all: [(i32, Stat); N]) -> Programs {
        Programs {
            all: HashMap::from(all),
            ours: BTreeSet::new(),
        }
    }

    /// With so many ticks of children.
    fn heir(of: Stat, inherited: u64) -> Stat {
        let ticks = Ticks {
            system: inherited,
            ..of.ticks
        };
        Stat {
            ticks,
            inherited,
            ..of
        }
    }

    fn child_of(parent: i32, of: Stat) -> Stat {
        Stat { parent, ..of }
    }

    fn program(name: &str, ticks: u64, cpu: usize, is_kernel: bool) -> Stat {
        Stat {
            name: name.to_owned(),
            parent: 0,
            started: 1,
            ticks: Ticks {
                user: ticks,
                system: 0,
            },
            inherited: 0,
            cpu: Some(cpu),
            is_kernel,
        }
    }

    #[test]
    fn programs_and_kernel_threads_are_told_apart() {
        let before = programs([
            (1, program("editor", 100, 0, false)),
            (2, program("ksoftirqd/1", 5, 1, true)),
            (3, program("idle", 7, 1, false)),
        ]);
        let mut later = before.clone();
        later.all.insert(1, program("editor", 130, 0, false));
        later.all.insert(2, program("ksoftirqd/1", 25, 1, true));
        later.all.insert(4, program("cron", 4, 1, false));
        later
            .all
            .insert(5, program("kworker/0:1-events", 9, 0, true));
        let used = before.until(&later, [&[1], &[]], ROOM);
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
        let before = programs([
            (1, program("make", 10, 0, false)),
            (2, child_of(1, program("cc", 40, 0, false))),
        ]);
        // The child's 40 ticks, 25 more of its own, and another that came and went with 5.
        let later = programs([(1, heir(program("make", 10, 0, false), 65 + 5))]);
        assert_eq!(before.until(&later, [&[], &[]], ROOM).programs["make"], 30);
    }

    /// As of a build of seven seconds on two CPUs that ends in a window of a second: the shell gets the
    /// time of compilers through cargo.
    #[test]
    fn what_a_whole_family_used_before_is_not_used_again_when_it_ends() {
        let shell = program("sh", 1, 0, false);
        let build = [
            (2, child_of(1, shell.clone())),
            (3, child_of(2, heir(program("cargo", 20, 0, false), 900))),
            (4, child_of(3, program("rustc", 500, 0, false))),
            (5, child_of(4, program("ld", 30, 1, false))),
        ];
        let init = program("init", 7, 0, false);
        let mut before = programs(build);
        before.all.insert(1, init.clone());
        // A further 50 ticks of whoever.
        let all = 20 + 900 + 500 + 30 + 50;
        let later = programs([
            (1, init.clone()),
            (2, child_of(1, heir(shell.clone(), all))),
        ]);
        let used = before.until(&later, [&[], &[]], ROOM).programs;
        assert_eq!(used, BTreeMap::from([("sh".to_owned(), 50)]));
        // Ended together, so that nobody but the first process was left to wait for them.
        let later = programs([(1, heir(init, 1 + all))]);
        let used = before.until(&later, [&[], &[]], ROOM).programs;
        assert_eq!(used, BTreeMap::from([("init".to_owned(), 50)]));
    }

    #[test]
    fn what_ours_leave_to_others_is_not_their_use() {
        let before = Programs {
            ours: BTreeSet::from([2]),
            ..programs([
                (1, program("keeper", 1, 0, false)),
                (2, child_of(1, program("server", 400, 0, false))),
            ])
        };
        let later = programs([(1, heir(program("keeper", 1, 0, false), 400))]);
        assert_eq!(before.until(&later, [&[], &[]], ROOM), OthersUse::default());
        // Nor is a process a stranger that isn't named any more.
        let orphan = child_of(1, program("server", 405, 0, false));
        let later = programs([(1, program("keeper", 1, 0, false)), (2, orphan)]);
        assert_eq!(before.until(&later, [&[], &[]], ROOM), OthersUse::default());
    }

    /// A child that ended between the reading of its parent and its own is in neither.
    #[test]
    fn nobody_uses_more_than_there_is() {
        let before = programs([
            (1, program("make", 10, 0, false)),
            (2, program("hog", 0, 1, false)),
        ]);
        let later = programs([
            (1, heir(program("make", 10, 0, false), 2_800)),
            (2, program("hog", 90, 1, false)),
        ]);
        let used = before.until(&later, [&[], &[]], 100).programs;
        assert_eq!((used["make"], used["hog"]), (10, 90));
        assert_eq!(before.until(&later, [&[], &[]], 45).programs["hog"], 45);
        assert_eq!(before.until(&later, [&[], &[]], 0), OthersUse::default());
    }

    #[test]
    fn an_id_that_was_given_again_is_another_program() {
        let before = programs([(1, program("old", 100, 0, false))]);
        let mut new = program("new", 3, 0, false);
        new.started = 2;
        let later = programs([(1, new)]);
        assert_eq!(before.until(&later, [&[], &[]], ROOM).programs["new"], 3);
    }

    /// Where ids are given again between two readings of one listing, a line may end in itself.
    #[test]
    fn a_circle_of_parents_has_an_end() {
        let before = programs([
            (1, child_of(2, program("a", 5, 0, false))),
            (2, child_of(1, program("b", 5, 0, false))),
        ]);
        let none = programs([]);
        assert_eq!(before.until(&none, [&[], &[]], ROOM), OthersUse::default());
    }
}
