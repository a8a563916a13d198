//! How many threads this machine can hold, and what stands against more.

use rustix::process::{Resource, getrlimit};
use std::{fmt, fs};

/// Mappings of a thread: its stack and the guard below it, and the same for the stack on which a
/// stack overflow would be reported.
const MAPPINGS_PER_THREAD: u64 = 4;

/// Left for what else the process and the machine do.
const RESERVE: u64 = 500;

/// The least of the limits.
#[derive(Debug)]
pub(crate) struct Capacity {
    threads: u64,
    limit: &'static str,
}

impl Capacity {
    /// What can't be read limits nothing: the kernel will tell.
    pub(crate) fn of_this_machine() -> Self {
        let mappings = number("/proc/sys/vm/max_map_count").map(|n| n / MAPPINGS_PER_THREAD);
        let limits = [
            ("kernel.pid_max", number("/proc/sys/kernel/pid_max")),
            ("kernel.threads-max", number("/proc/sys/kernel/threads-max")),
            ("vm.max_map_count", mappings),
            ("ulimit -u", getrlimit(Resource::Nproc).current),
            ("pids.max of the cgroup", number(&cgroup_file("pids.max"))),
        ];
        let limits = limits.into_iter().filter_map(|(limit, threads)| {
            let threads = threads?.saturating_sub(RESERVE);
            Some(Self { threads, limit })
        });
        limits
            .min_by_key(|capacity| capacity.threads)
            .unwrap_or(Self {
                threads: u64::MAX,
                limit: "nothing",
            })
    }

    /// # Errors
    /// No more than `living` threads can be held, and why.
    pub(crate) fn check(&self, living: usize) -> Result<(), String> {
        if (living as u64) < self.threads {
            return Ok(());
        }
        Err(format!("one more connection than {self}"))
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { threads, limit } = self;
        write!(f, "{threads} threads, which is what {limit} allows")
    }
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn cgroup_file(name: &str) -> String {
    let cgroups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = cgroups.lines().find_map(|line| line.strip_prefix("0::"));
    format!(
        "/sys/fs/cgroup{}/{name}",
        own.unwrap_or_default().trim_end()
    )
}
