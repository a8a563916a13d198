//! Where a process' groups are, and what their files say, in both versions.
//!
//! Source: cgroups(7), Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.

use procfs::{FromBufRead as _, ProcessCGroups, process::MountInfos};
use std::path::{Path, PathBuf};

/// Where a group is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its path below the root of the hierarchy.
    pub name: String,
    /// Where its files are.
    pub directory: PathBuf,
}

/// The group in which a controller holds a process, and those above it; from its /proc/PID/cgroup and
/// /proc/PID/mountinfo. None where there is no such controller, or the files aren't understood.
pub fn places(cgroup: &str, mountinfo: &str, controller: &str) -> Vec<Place> {
    let groups = ProcessCGroups::from_buf_read(cgroup.as_bytes()).ok();
    let mounts = MountInfos::from_buf_read(mountinfo.as_bytes()).ok();
    let found = groups.zip(mounts);
    found
        .and_then(|(groups, mounts)| places_in(&groups, &mounts, controller))
        .unwrap_or_default()
}

fn places_in(groups: &ProcessCGroups, mounts: &MountInfos, controller: &str) -> Option<Vec<Place>> {
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
        let all = below.ancestors().zip(names).map(|(part, name)| Place {
            name: name.display().to_string(),
            directory: mount.mount_point.join(part),
        });
        is_right.then(|| all.collect())
    })
}

/// CPUs that a quota allows: `quota period`, both in microseconds. `None` where the quota is `max` or
/// -1, which is none.
pub fn quota_cpus(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace().map(str::parse::<f64>);
    let (quota, period) = (words.next()?.ok()?, words.next()?.ok()?);
    let cpus = quota / period;
    (quota > 0.0 && period > 0.0 && cpus.is_finite()).then_some(cpus)
}

/// How long a quota kept a group from running, from cpu.stat: version 2 counts microseconds, version 1
/// nanoseconds.
pub fn throttled_us(cpu_stat: &str) -> Option<u64> {
    value_of(cpu_stat, "throttled_usec")
        .or_else(|| Some(value_of(cpu_stat, "throttled_time")? / 1000))
}

/// Pages of files that nobody has read lately, from memory.stat. Version 1 tells a group's own and,
/// with `total_`, those of the groups below it, too.
pub fn inactive_file_bytes(memory_stat: &str) -> u64 {
    value_of(memory_stat, "total_inactive_file")
        .or_else(|| value_of(memory_stat, "inactive_file"))
        .unwrap_or(0)
}

/// The value in a line `name value`.
pub fn value_of(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix(' ')?;
        value.trim().parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "32 31 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n\
                          33 31 0:30 /pod /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                          35 31 0:32 /pod /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
                          34 31 0:31 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n";

    fn assert_found(groups: &str, controller: &str, directories: &[&str]) {
        let found = places(groups, MOUNTS, controller);
        let found: Vec<_> = found.iter().map(|place| &*place.directory).collect();
        assert_eq!(found, directories.iter().map(Path::new).collect::<Vec<_>>());
    }

    #[test]
    fn groups_are_found_in_both_versions() {
        assert_found(
            "3:pids:/pod/x\n0::/\n",
            "pids",
            &["/sys/fs/cgroup/pids/x", "/sys/fs/cgroup/pids"],
        );
        assert_found(
            "3:cpu:/y\n0::/me\n",
            "pids",
            &["/sys/fs/cgroup/me", "/sys/fs/cgroup"],
        );
        assert_found("", "pids", &[]);
        assert_found(
            "2:cpuset:/a\n1:cpuacct,cpu:/pod/x\n0::/\n",
            "cpu",
            &["/sys/fs/cgroup/cpu/x", "/sys/fs/cgroup/cpu"],
        );
        assert_found(
            "0::/user/me\n",
            "cpu",
            &[
                "/sys/fs/cgroup/user/me",
                "/sys/fs/cgroup/user",
                "/sys/fs/cgroup",
            ],
        );
    }

    #[test]
    fn a_quota_is_a_share_of_a_period() {
        assert_eq!(quota_cpus("150000 100000\n"), Some(1.5));
        assert_eq!(quota_cpus("50000\n 100000\n"), Some(0.5));
        for none in ["max 100000", "-1 100000", "", "inf 1", "1e308 1e-308"] {
            assert_eq!(quota_cpus(none), None);
        }
    }

    #[test]
    fn values_are_found_by_their_names() {
        assert_eq!(value_of("pswpin 3\npswpout 4\n", "pswpout"), Some(4));
        assert_eq!(throttled_us("nr_periods 1\nthrottled_usec 8\n"), Some(8));
        assert_eq!(throttled_us("throttled_time 8000\n"), Some(8));
        assert_eq!(throttled_us("usage_usec 8\n"), None);
        assert_eq!(inactive_file_bytes("anon 5\ninactive_file 7\n"), 7);
        let stat = "inactive_file 7\ntotal_inactive_file 9\n";
        assert_eq!(inactive_file_bytes(stat), 9);
        assert_eq!(inactive_file_bytes(""), 0);
    }
}
