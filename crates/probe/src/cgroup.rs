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

/// Tasks that a group may hold; of its own limit and those above it the one that leaves least.
pub fn tasks() -> Option<Limit> {
    least(&directories("pids"), |directory| {
        Some(Limit {
            max: number(&directory.join("pids.max"))?,
            used: number(&directory.join("pids.current"))?,
        })
    })
}

/// Memory, that of the kernel for sockets included; the limit that leaves least.
pub fn memory() -> Option<Limit> {
    least(&directories("memory"), |directory| {
        let first = |names: [&str; 2]| names.iter().find_map(|name| number(&directory.join(name)));
        let stat = fs::read_to_string(directory.join("memory.stat")).unwrap_or_default();
        Some(Limit {
            max: first(["memory.max", "memory.limit_in_bytes"])?,
            // Pages of files that nobody has read lately make room.
            used: first(["memory.current", "memory.usage_in_bytes"])?
                .saturating_sub(inactive_file_bytes(&stat)),
        })
    })
}

/// How long a quota kept this process' group, or one above it, from running.
pub(crate) fn throttled_us() -> Option<u64> {
    let directories = directories("cpu");
    let stats = directories
        .iter()
        .filter_map(|directory| fs::read_to_string(directory.join("cpu.stat")).ok());
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

fn least(directories: &[PathBuf], limit: impl Fn(&Path) -> Option<Limit>) -> Option<Limit> {
    let limits = directories.iter().filter_map(|directory| limit(directory));
    limits.min_by_key(Limit::left)
}

/// `None` where there is no such file, and where it says `max`.
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn directories(controller: &str) -> Vec<PathBuf> {
    let read = || -> ProcResult<_> {
        let myself = Process::myself()?;
        Ok((myself.cgroups()?, myself.mountinfo()?))
    };
    let found = |(groups, mounts)| directories_in(&groups, &mounts, controller);
    read().ok().and_then(found).unwrap_or_default()
}

/// The directory of the group in which a controller holds this process, and those above it.
fn directories_in(
    groups: &ProcessCGroups,
    mounts: &MountInfos,
    controller: &str,
) -> Option<Vec<PathBuf>> {
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
        let parts = below.ancestors().map(|part| mount.mount_point.join(part));
        is_right.then(|| parts.collect())
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
        directories_in(&groups, &mounts, controller)
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
        let limit = |directory: &Path| {
            Some(Limit {
                max: number(&directory.join("max"))?,
                used: number(&directory.join("used"))?,
            })
        };
        let found = least(&[inner, dir.path().to_owned()], limit).unwrap();
        assert_eq!((found.max, found.left()), (500, 480));
        assert_eq!(least(&[], limit), None);
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
