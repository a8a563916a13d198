//! The groups that this process is in: their limits, and what they throttled.
//!
//! Source: cgroups(7), Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.

use procfs::{
    ProcResult, ProcessCGroups,
    process::{MountInfos, Process},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

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
        number(&self.directory.join(file))
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.directory.join(file)).unwrap_or_default()
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
                .saturating_sub(inactive_file_bytes(&group.text("memory.stat"))),
        })
    })
}

/// CPUs that the groups' quotas allow, the least of them.
pub fn cpus() -> Option<f64> {
    let of = |group: &Group| {
        quota_in(&group.text("cpu.max")).or_else(|| {
            let quota = group.text("cpu.cfs_quota_us");
            quota_in(&format!("{quota} {}", group.text("cpu.cfs_period_us")))
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
    let mut met = events.iter().filter_map(|text| value_of(text, "oom"));
    met.next().or_else(|| group.number("memory.failcnt"))
}

/// `quota period`, both in microseconds; the quota is `max` or -1 where there is none.
fn quota_in(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace().map(str::parse::<f64>);
    let (quota, period) = (words.next()?.ok()?, words.next()?.ok()?);
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

/// How long a quota kept this process' group, or one above it, from running.
pub(crate) fn throttled_us() -> Option<u64> {
    let groups = groups("cpu");
    let stats = groups
        .iter()
        .filter_map(|group| fs::read_to_string(group.directory.join("cpu.stat")).ok());
    // A group without this counter has no quota, so it throttles nobody.
    stats
        .map(|stat| throttled_in(&stat).unwrap_or(0))
        .reduce(|a, b| a + b)
}

/// From cpu.stat: version 2 counts microseconds, version 1 nanoseconds.
fn throttled_in(cpu_stat: &str) -> Option<u64> {
    value_of(cpu_stat, "throttled_usec")
        .or_else(|| Some(value_of(cpu_stat, "throttled_time")? / 1000))
}

/// Version 1 tells a group's own and, with `total_`, those of the groups below it, too.
fn inactive_file_bytes(stat: &str) -> u64 {
    value_of(stat, "total_inactive_file")
        .or_else(|| value_of(stat, "inactive_file"))
        .unwrap_or(0)
}

/// The value in a line `name value`.
fn value_of(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix(' ')?;
        value.trim().parse().ok()
    })
}

fn least(groups: Vec<Group>, limit: impl Fn(&Group) -> Option<Limit>) -> Option<(Group, Limit)> {
    let limits = groups.into_iter().filter_map(|group| {
        let limit = limit(&group)?;
        Some((group, limit))
    });
    limits.min_by_key(|(_, limit)| limit.left())
}

/// `None` where there is no such file, and where it says `max`.
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The group in which a controller holds this process, and those above it.
fn groups(controller: &str) -> Vec<Group> {
    let read = || -> ProcResult<_> {
        let myself = Process::myself()?;
        Ok((myself.cgroups()?, myself.mountinfo()?))
    };
    let found = |(groups, mounts)| groups_in(&groups, &mounts, controller);
    read().ok().and_then(found).unwrap_or_default()
}

fn groups_in(groups: &ProcessCGroups, mounts: &MountInfos, controller: &str) -> Option<Vec<Group>> {
    let version_1 = groups
        .0
        .iter()
        .find(|group| group.controllers.iter().any(|name| name == controller));
    // Version 2 has id 0 and names no controllers.
    let group = version_1.or_else(|| groups.0.iter().find(|group| group.hierarchy == 0))?;
    mounts.iter().find_map(|mount| {
        let is_right = match version_1 {
            Some(_) => mount.fs_type == "cgroup" && mount.super_options.contains_key(controller),
            None => mount.fs_type == "cgroup2",
        };
        let below = Path::new(&group.pathname).strip_prefix(&mount.root).ok()?;
        let names = Path::new(&group.pathname).ancestors();
        let all = below.ancestors().zip(names).map(|(part, name)| Group {
            name: name.display().to_string(),
            directory: mount.mount_point.join(part),
        });
        is_right.then(|| all.collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use procfs::FromBufRead as _;

    const MOUNTS: &str = "32 31 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n\
                          33 31 0:30 /pod /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                          35 31 0:32 /pod /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
                          34 31 0:31 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n";

    fn found(groups: &str, controller: &str) -> Option<Vec<PathBuf>> {
        let groups = ProcessCGroups::from_buf_read(groups.as_bytes()).unwrap();
        let mounts = MountInfos::from_buf_read(MOUNTS.as_bytes()).unwrap();
        let found = groups_in(&groups, &mounts, controller)?;
        Some(found.into_iter().map(|group| group.directory).collect())
    }

    fn paths(paths: &[&str]) -> Option<Vec<PathBuf>> {
        Some(paths.iter().map(PathBuf::from).collect())
    }

    #[test]
    fn groups_are_found_in_both_versions() {
        assert_eq!(
            found("3:pids:/pod/x\n0::/\n", "pids"),
            paths(&["/sys/fs/cgroup/pids/x", "/sys/fs/cgroup/pids"])
        );
        assert_eq!(
            found("3:cpu:/y\n0::/me\n", "pids"),
            paths(&["/sys/fs/cgroup/me", "/sys/fs/cgroup"])
        );
        assert_eq!(found("", "pids"), None);
        assert_eq!(
            found("2:cpuset:/a\n1:cpuacct,cpu:/pod/x\n0::/\n", "cpu"),
            paths(&["/sys/fs/cgroup/cpu/x", "/sys/fs/cgroup/cpu"])
        );
        assert_eq!(
            found("0::/user/me\n", "cpu"),
            paths(&[
                "/sys/fs/cgroup/user/me",
                "/sys/fs/cgroup/user",
                "/sys/fs/cgroup"
            ])
        );
    }

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

    #[test]
    fn a_quota_is_a_share_of_a_period() {
        assert_eq!(quota_in("150000 100000\n"), Some(1.5));
        assert_eq!(quota_in("50000\n 100000\n"), Some(0.5));
        for none in ["max 100000", "-1 100000", ""] {
            assert_eq!(quota_in(none), None);
        }
    }

    #[test]
    fn values_are_found_by_their_names() {
        assert_eq!(value_of("pswpin 3\npswpout 4\n", "pswpout"), Some(4));
        assert_eq!(throttled_in("nr_periods 1\nthrottled_usec 8\n"), Some(8));
        assert_eq!(throttled_in("throttled_time 8000\n"), Some(8));
        assert_eq!(throttled_in("usage_usec 8\n"), None);
        assert_eq!(inactive_file_bytes("anon 5\ninactive_file 7\n"), 7);
        let stat = "inactive_file 7\ntotal_inactive_file 9\n";
        assert_eq!(inactive_file_bytes(stat), 9);
        assert_eq!(inactive_file_bytes(""), 0);
    }
}
