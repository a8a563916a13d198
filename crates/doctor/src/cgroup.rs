//! Limits of the groups that this process is in: the least of its own and of those above it.
//!
//! Source: cgroups(7), Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A limit and what counts towards it by now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limit {
    pub(super) max: u64,
    pub(super) used: u64,
}

impl Limit {
    pub(super) fn left(&self) -> u64 {
        self.max.saturating_sub(self.used)
    }
}

/// Tasks that a group may hold; the limit that leaves least.
pub(super) fn tasks() -> Option<Limit> {
    least(&directories("pids"), |directory| {
        Some(Limit {
            max: number(&directory.join("pids.max"))?,
            used: number(&directory.join("pids.current"))?,
        })
    })
}

/// Memory, that of the kernel for sockets included; the limit that leaves least.
pub(super) fn memory() -> Option<Limit> {
    least(&directories("memory"), |directory| {
        let first = |names: [&str; 2]| {
            let mut found = names.iter().map(|name| number(&directory.join(name)));
            found.find_map(|number| number)
        };
        let stat = fs::read_to_string(directory.join("memory.stat")).unwrap_or_default();
        Some(Limit {
            max: first(["memory.max", "memory.limit_in_bytes"])?,
            // Pages of files that nobody has read lately make room.
            used: first(["memory.current", "memory.usage_in_bytes"])?
                .saturating_sub(inactive_file_bytes(&stat)),
        })
    })
}

/// Version 1 tells a group's own and, with `total_`, those of the groups below it, too.
fn inactive_file_bytes(stat: &str) -> u64 {
    let of = |name| {
        let line = stat.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    of("total_inactive_file ")
        .or_else(|| of("inactive_file "))
        .unwrap_or(0)
}

fn least(directories: &[PathBuf], limit: impl Fn(&Path) -> Option<Limit>) -> Option<Limit> {
    directories
        .iter()
        .filter_map(|directory| limit(directory))
        .min_by_key(Limit::left)
}

/// `None` where there is no such file, and where it says `max`.
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn directories(controller: &str) -> Vec<PathBuf> {
    let cgroups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    directories_in(&cgroups, &mounts, controller).unwrap_or_default()
}

/// The directory of the group in which a controller holds this process, and those above it.
fn directories_in(cgroups: &str, mounts: &str, controller: &str) -> Option<Vec<PathBuf>> {
    let names = |list: &str| list.split(',').any(|one| one == controller);
    // id:controllers:path; version 2 has id 0 and names no controllers.
    let groups: Vec<[&str; 3]> = cgroups
        .lines()
        .filter_map(|line| line.splitn(3, ':').collect::<Vec<_>>().try_into().ok())
        .collect();
    let version_1 = groups.iter().find(|[_, controllers, _]| names(controllers));
    let group = version_1.or_else(|| groups.iter().find(|[id, ..]| *id == "0"));
    let path = group?[2];
    mounts.lines().find_map(|line| {
        // id parent device root mount_point options ... - type source options
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let is_right = match version_1 {
            Some(_) => kind.next()? == "cgroup" && names(kind.nth(1)?),
            None => kind.next()? == "cgroup2",
        };
        let mut place = place.split(' ').skip(3);
        let (root, mount_point) = (place.next()?, Path::new(place.next()?));
        let below = Path::new(path).strip_prefix(root).ok()?;
        is_right.then(|| {
            below
                .ancestors()
                .map(|part| mount_point.join(part))
                .collect()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "33 31 0:30 /pod /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
                          34 31 0:31 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n";

    #[test]
    fn groups_are_found_in_both_versions() {
        let found = |cgroups| directories_in(cgroups, MOUNTS, "pids").unwrap();
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(
            found("3:pids:/pod/x\n0::/\n"),
            paths(&["/sys/fs/cgroup/pids/x", "/sys/fs/cgroup/pids"])
        );
        assert_eq!(
            found("3:cpu:/y\n0::/me\n"),
            paths(&["/sys/fs/cgroup/me", "/sys/fs/cgroup"])
        );
        assert_eq!(directories_in("", MOUNTS, "pids"), None);
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
    fn pages_of_files_make_room() {
        assert_eq!(inactive_file_bytes("anon 5\ninactive_file 7\n"), 7);
        assert_eq!(
            inactive_file_bytes("inactive_file 7\ntotal_inactive_file 9\n"),
            9
        );
        assert_eq!(inactive_file_bytes(""), 0);
    }
}
