//! Reads everything that the doctor judges. What can't be read is `None`.

use crate::{
    io_uring,
    setting::{Setting, Sysctls, dotted},
};
use machine::{distance::round_trip_ns, environment, host::allowed_cpus, pace};
use probe::{
    cgroup::{self, Group, Limit},
    snapshot,
    syscalls::SyscallCounter,
};
use procfs::Current as _;
use pseudofiles::{counters::memory_bytes, read};
use report::{environment::Environment, trial::MachineUse};
use rustix::process::{Resource, geteuid, getrlimit};
use std::{
    fs, io,
    net::{Ipv4Addr, TcpListener},
    thread::sleep,
    time::Duration,
};

/// Long enough for a hundred ticks of /proc/stat, short enough to wait for.
const LOOK: Duration = Duration::from_secs(1);

/// Server and generator take a CPU each at least.
const CPUS_PACED: usize = 2;

/// Each of them, so that all of it takes a second more.
const PACED: Duration = Duration::from_millis(500);

/// So often the doctor looks how far CPUs are apart, with rests in which a host may move them.
const LOOKS_AT_DISTANCE: u32 = 5;

const REST: Duration = Duration::from_millis(50);

/// What the kernel, or a filter of system calls, answers who wants to use io_uring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IoUringRefused {
    /// There is no such call.
    Missing,
    /// It isn't allowed.
    Forbidden,
    /// It fails, in words.
    Otherwise(String),
}

/// The machine, as the doctor sees it.
#[derive(Clone, Debug, Default)]
pub(super) struct Machine {
    pub(super) environment: Environment,
    /// Over one second.
    pub(super) now: MachineUse,
    /// Names of the busiest programs and threads of the kernel in that second, and the CPUs they used.
    pub(super) busiest: Vec<(String, f64)>,
    /// CPUs that this process may use.
    pub(super) cpus: Vec<usize>,
    /// How much longer the same work takes at slow moments, on the CPU where that is worst.
    pub(super) pace_spread: Option<f64>,
    /// Nanoseconds from the first of them to the second and back, at each look.
    pub(super) distances_ns: Vec<f64>,
    pub(super) has_intel_pstate: bool,
    pub(super) swap_used_bytes: u64,
    /// Free memory, with the page cache that would make room.
    pub(super) free_bytes: Option<u64>,
    pub(super) hugepages: Option<String>,
    /// Why system calls can't be counted, if they can't.
    pub(super) syscalls_refused: Option<String>,
    /// Limits; `None` is none.
    pub(super) open_files_soft: Option<u64>,
    pub(super) open_files_max: Option<u64>,
    pub(super) locked_bytes_max: Option<u64>,
    /// Root may raise hard limits. (Who isn't root can't tell, and may find one who can.)
    pub(super) may_raise_limits: bool,
    /// Processes and threads.
    pub(super) tasks_used: u64,
    pub(super) tasks_group: Option<Limit>,
    /// RLIMIT_NPROC, which the kernel doesn't hold root to.
    pub(super) user_tasks_max: Option<u64>,
    /// What the group of this process may hold in memory, where there is a limit.
    pub(super) memory_group: Option<(Group, Limit)>,
    /// Why io_uring can't be used, if it can't.
    pub(super) io_uring_refused: Option<IoUringRefused>,
    /// Why the last source address can't be bound, if it can't.
    pub(super) source_refused: Option<String>,
    /// Entries in the table of connection tracking, and its size, where it is loaded.
    pub(super) conntrack: Option<(u64, u64)>,
}

impl Machine {
    /// Looks for some two seconds; `sources` is how many source addresses are wanted, `settings` are those
    /// that are judged beside the ones of the environment.
    pub(super) fn look(sources: u64, settings: &[Setting]) -> Self {
        let cpus = allowed_cpus();
        let now = snapshot::look(LOOK, &cpus);
        let meminfo = read::text("/proc/meminfo").ok();
        let memory = |name| memory_bytes(meminfo.as_ref()?, name);
        let swap_used = || Some(memory("SwapTotal")?.saturating_sub(memory("SwapFree")?));
        // Shared memory counts as cached, but makes no room.
        let free = || {
            let cached = memory("Cached")?.saturating_sub(memory("Shmem").unwrap_or(0));
            Some(memory("MemFree")?.saturating_add(cached))
        };
        let mut environment = environment::read();
        let sysctls = Sysctls::under("/proc/sys");
        let read = |name| Some((dotted(name), sysctls.read(name).ok()?));
        let values = settings.iter().filter_map(|setting| read(setting.name));
        environment.sysctls.extend(values);
        Self {
            environment,
            busiest: busiest(&now),
            now,
            pace_spread: worst_pace(&cpus),
            distances_ns: distances_ns(&cpus),
            cpus,
            has_intel_pstate: fs::exists("/sys/devices/system/cpu/intel_pstate").unwrap_or(false),
            swap_used_bytes: swap_used().unwrap_or(0),
            free_bytes: free(),
            hugepages: read::text("/sys/kernel/mm/transparent_hugepage/enabled").ok(),
            syscalls_refused: SyscallCounter::attach(&[std::process::id()])
                .err()
                .map(|error| error.to_string()),
            open_files_soft: getrlimit(Resource::Nofile).current,
            open_files_max: getrlimit(Resource::Nofile).maximum,
            locked_bytes_max: getrlimit(Resource::Memlock).maximum,
            may_raise_limits: !geteuid().is_root() || has_sys_resource(),
            tasks_used: procfs::LoadAverage::current().map_or(0, |load| load.max.into()),
            tasks_group: cgroup::tasks(),
            // What the kernel holds a user to, and nobody raises.
            user_tasks_max: getrlimit(Resource::Nproc)
                .current
                .filter(|_| !geteuid().is_root()),
            memory_group: cgroup::memory(),
            io_uring_refused: io_uring::try_it().err().map(|error| match error.kind() {
                io::ErrorKind::Unsupported => IoUringRefused::Missing,
                io::ErrorKind::PermissionDenied => IoUringRefused::Forbidden,
                _ => IoUringRefused::Otherwise(error.to_string()),
            }),
            source_refused: bind_last(sources).err().map(|error| error.to_string()),
            conntrack: read::number("/proc/sys/net/netfilter/nf_conntrack_count")
                .zip(read::number("/proc/sys/net/netfilter/nf_conntrack_max")),
        }
    }

    /// A setting under /proc/sys, by its name with dots.
    pub(super) fn sysctl(&self, name: &str) -> Option<&str> {
        self.environment.sysctls.get(name).map(String::as_str)
    }
}

fn worst_pace(cpus: &[usize]) -> Option<f64> {
    let paced = cpus.iter().take(CPUS_PACED);
    let spreads = paced.filter_map(|&cpu| pace::spread(cpu, PACED));
    spreads.max_by(f64::total_cmp)
}

fn distances_ns(cpus: &[usize]) -> Vec<f64> {
    let &[first, second, ..] = cpus else {
        return Vec::new();
    };
    let looks = (0..LOOKS_AT_DISTANCE).filter_map(|_| {
        sleep(REST);
        round_trip_ns([first, second])
    });
    looks.collect()
}

/// Binds the last of so many source addresses, to see whether there are so many.
fn bind_last(sources: u64) -> io::Result<()> {
    let step = u32::try_from(sources.saturating_sub(1)).unwrap_or(u32::MAX);
    let last = u32::from(Ipv4Addr::LOCALHOST).saturating_add(step);
    TcpListener::bind((Ipv4Addr::from(last), 0)).map(drop)
}

/// Whether this process has CAP_SYS_RESOURCE: see capabilities(7).
fn has_sys_resource() -> bool {
    const CAP_SYS_RESOURCE: u64 = 24;
    let status = procfs::process::Process::myself().and_then(|process| process.status());
    status.is_ok_and(|status| status.capeff & (1 << CAP_SYS_RESOURCE) != 0)
}

/// The three busiest, if they did anything at all.
fn busiest(now: &MachineUse) -> Vec<(String, f64)> {
    let used = now.programs_s.iter().chain(&now.kernel_threads_s);
    let mut used: Vec<(String, f64)> = used
        .map(|(name, seconds)| (name.clone(), seconds / LOOK.as_secs_f64()))
        .collect();
    used.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    used.truncate(3);
    used
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_busiest_are_named_in_order() {
        let used = |list: &[(&str, f64)]| {
            let list = list.iter().map(|&(name, s)| (name.to_owned(), s));
            list.collect::<BTreeMap<String, f64>>()
        };
        let found = busiest(&MachineUse {
            programs_s: used(&[("cc", 1.0), ("editor", 0.01), ("shell", 0.02)]),
            kernel_threads_s: used(&[("kswapd0", 0.5)]),
            ..MachineUse::default()
        });
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["cc", "kswapd0", "shell"]);
        assert_eq!(found[0].1, 1.0);
        assert!(busiest(&MachineUse::default()).is_empty());
    }

    #[test]
    fn a_look_at_this_machine_explains_what_it_lacks() {
        let machine = Machine::look(2, &[]);
        assert_eq!(machine.source_refused, None, "loopback is a /8");
        assert!(machine.tasks_used > 0);
        assert!(
            machine.now.steal_share.is_some()
                || machine.now.not_measured.contains_key("steal_share")
        );
        assert!(
            machine
                .syscalls_refused
                .is_none_or(|reason| !reason.is_empty())
        );
    }
}
