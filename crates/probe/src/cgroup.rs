//! The groups that this process is in: their limits, and what they throttled.
//!
//! Source: cgroups(7), Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.

use pseudofiles::{cgroup as files, read};
use std::{fmt::Display, path::PathBuf};

/// What version 1 shows where there is no limit is a little less than 2^63.
const UNLIMITED_BYTES: u64 = 1 << 62;

/// A limit and what counts towards it by now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// What the group may have at the most.
    pub max: u64,
    /// What it has.
    pub used: u64,
}

impl Limit {
    /// What it may have besides.
    pub fn left(&self) -> u64 {
        self.max.saturating_sub(self.used)
    }
}

/// A group of this process, or one above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its path below the root of the hierarchy.
    pub name: String,
    /// Where its files are.
    directory: PathBuf,
}

impl Group {
    /// One of this name that has no files: for tests of who judges limits.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            directory: PathBuf::new(),
        }
    }

    /// The last part of its path: reports are made to be shared.
    pub fn short_name(&self) -> &str {
        let last = self.name.rsplit('/').find(|part| !part.is_empty());
        last.unwrap_or("/")
    }

    fn number(&self, file: &str) -> Option<u64> {
        read::number(self.directory.join(file))
    }

    fn text(&self, file: &str) -> String {
        read::text(self.directory.join(file)).unwrap_or_default()
    }
}

/// Tasks that a group may hold; of its own limit and those above it the one that leaves least.
pub fn tasks() -> Option<Limit> {
    let (_, limit) = least(groups("pids"), |group| {
        Some(Limit {
            max: group.number("pids.max")?,
            used: group.number("pids.current")?,
        })
    })?;
    Some(limit)
}

/// Memory, that of the kernel for sockets included; the limit that leaves least.
pub fn memory() -> Option<(Group, Limit)> {
    least(groups("memory"), |group| {
        let first = |names: [&str; 2]| names.iter().find_map(|name| group.number(name));
        Some(Limit {
            max: first(["memory.max", "memory.limit_in_bytes"])
                .filter(|&max| max < UNLIMITED_BYTES)?,
            // Pages of files that nobody has read lately make room.
            used: first(["memory.current", "memory.usage_in_bytes"])?
                .saturating_sub(files::inactive_file_bytes(&group.text("memory.stat"))),
        })
    })
}

/// CPUs that the groups' quotas allow, the least of them.
pub fn cpus() -> Option<f64> {
    let of = |group: &Group| {
        files::quota_cpus(&group.text("cpu.max")).or_else(|| {
            let quota = group.text("cpu.cfs_quota_us");
            files::quota_cpus(&format!("{quota} {}", group.text("cpu.cfs_period_us")))
        })
    };
    let quotas = groups("cpu");
    quotas.iter().filter_map(of).min_by(f64::total_cmp)
}

/// How often the memory limits of this process' groups were met so far, to tell later whose was.
#[derive(Clone, Debug)]
pub struct MemoryLimitsMet(Vec<(Group, u64)>);

impl MemoryLimitsMet {
    /// Until now.
    pub fn count() -> Self {
        let groups = groups("memory");
        let counted = groups.into_iter().filter_map(|group| {
            let times = times_met(&group)?;
            Some((group, times))
        });
        Self(counted.collect())
    }

    /// Counts for the groups of these processes, too, which may be others than this process'.
    pub fn add(&mut self, pids: &[u32]) {
        for group in pids.iter().flat_map(|pid| groups_of(pid, "memory")) {
            let is_known = self.0.iter().any(|(known, _)| *known == group);
            if let Some(times) = times_met(&group).filter(|_| !is_known) {
                self.0.push((group, times));
            }
        }
    }

    /// The innermost group whose limit was met since.
    pub fn since(&self) -> Option<&Group> {
        let is_met = |(group, before): &&(Group, u64)| times_met(group) > Some(*before);
        self.0.iter().find(is_met).map(|(group, _)| group)
    }
}

/// How often a group's own limit was met: version 2 counts when that helped nothing, version 1 each
/// time.
fn times_met(group: &Group) -> Option<u64> {
    let events = ["memory.events.local", "memory.events"].map(|file| group.text(file));
    let mut met = events
        .iter()
        .filter_map(|text| files::value_of(text, "oom"));
    met.next().or_else(|| group.number("memory.failcnt"))
}

/// How long a quota kept groups from running: those of this process and of these, and those above them.
pub(crate) fn throttled_us(pids: &[u32]) -> Option<u64> {
    let mut groups = groups("cpu");
    for group in pids.iter().flat_map(|pid| groups_of(pid, "cpu")) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let stats = groups
        .iter()
        .filter_map(|group| read::text(group.directory.join("cpu.stat")).ok());
    // A group without this counter has no quota, so it throttles nobody.
    stats
        .map(|stat| files::throttled_us(&stat).unwrap_or(0))
        .reduce(u64::saturating_add)
}

fn least(groups: Vec<Group>, limit: impl Fn(&Group) -> Option<Limit>) -> Option<(Group, Limit)> {
    let limits = groups.into_iter().filter_map(|group| {
        let limit = limit(&group)?;
        Some((group, limit))
    });
    limits.min_by_key(|(_, limit)| limit.left())
}

/// The group in which a controller holds this process, and those above it.
fn groups(controller: &str) -> Vec<Group> {
    groups_of("self", controller)
}

/// The same of another process, as far as its groups are found among what is mounted here.
fn groups_of(process: impl Display, controller: &str) -> Vec<Group> {
    let text = |path: &str| read::text(path).unwrap_or_default();
    let cgroup = text(&format!("/proc/{process}/cgroup"));
    let places = files::places(&cgroup, &text("/proc/self/mountinfo"), controller);
    let groups = places.into_iter().map(|place| Group {
        name: place.name,
        directory: place.directory,
    });
    groups.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    #[test]
    fn the_limit_that_leaves_least_counts() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        fs::create_dir(&inner).unwrap();
        for (name, outer, own) in [("max", "500\n", "max\n"), ("used", "20\n", "20\n")] {
            fs::write(dir.path().join(name), outer).unwrap();
            fs::write(inner.join(name), own).unwrap();
        }
        let limit = |group: &Group| {
            Some(Limit {
                max: group.number("max")?,
                used: group.number("used")?,
            })
        };
        let group = |name: &str, directory: &Path| Group {
            name: name.to_owned(),
            directory: directory.to_owned(),
        };
        let groups = vec![group("/pod/x", &inner), group("/pod", dir.path())];
        let (whose, found) = least(groups, limit).unwrap();
        assert_eq!((found.max, found.left()), (500, 480));
        assert_eq!((&*whose.name, whose.short_name()), ("/pod", "pod"));
        assert_eq!(least(Vec::new(), limit), None);
    }

    #[test]
    fn a_group_counts_once() {
        let mut met = MemoryLimitsMet::count();
        let own = met.0.len();
        met.add(&[std::process::id(), std::process::id()]);
        assert_eq!(
            met.0.len(),
            own,
            "the groups of this process are counted already"
        );
    }

    #[test]
    fn the_limit_that_was_met_is_told_in_both_versions() {
        let dir = tempfile::tempdir().unwrap();
        let [version_1, version_2] = ["1", "2"].map(|name| {
            let directory = dir.path().join(name);
            fs::create_dir(&directory).unwrap();
            Group {
                name: format!("/{name}"),
                directory,
            }
        });
        let write = |group: &Group, file: &str, text: &str| {
            fs::write(group.directory.join(file), text).unwrap();
        };
        write(&version_1, "memory.failcnt", "7\n");
        write(
            &version_2,
            "memory.events.local",
            "low 0\noom 2\noom_kill 1\n",
        );
        let counted =
            [&version_1, &version_2].map(|group| (group.clone(), times_met(group).unwrap()));
        let met = MemoryLimitsMet(counted.to_vec());
        assert_eq!(met.since(), None);
        write(&version_2, "memory.events.local", "oom 3\noom_kill 2\n");
        assert_eq!(met.since(), Some(&version_2));
        write(&version_1, "memory.failcnt", "8\n");
        assert_eq!(met.since(), Some(&version_1));
    }
}
