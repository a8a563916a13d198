//! Memory, and what some models need of it. Each check is a function from what was read, and from
//! what is wanted, to a finding.

use crate::{
    finding::{Finding, item},
    look::{IoUringRefused, Machine},
    wanted::Wanted,
};
use plan::memory::{BYTES_PER_CONNECTION, memory_needed_bytes};
use probe::cgroup::{Group, Limit};
use request::IDLE_CONNECTIONS;

/// What models on io_uring lock for each thread; each says itself, too, what it lacks.
const LOCKED_BYTES_PER_THREAD: u64 = 512 << 10;

pub(super) fn findings(machine: &Machine, wanted: &Wanted) -> Vec<Finding> {
    let server_threads = machine.cpus.len().div_ceil(2).max(1) as u64;
    vec![
        memory(machine.free_bytes, machine.memory_group.as_ref(), wanted),
        io_uring(
            machine.io_uring_refused.as_ref(),
            machine.sysctl("kernel.io_uring_disabled"),
            machine.environment.seccomp.as_deref() == Some("filter"),
        ),
        locked_memory(machine.locked_bytes_max, server_threads),
    ]
}

fn memory(free_bytes: Option<u64>, group: Option<&(Group, Limit)>, wanted: &Wanted) -> Finding {
    const ITEM: &str = "memory";
    let needed = memory_needed_bytes(wanted.connections, wanted.processes());
    let gb = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    let Some(free) = free_bytes else {
        return item(ITEM, "not shown")
            .note("/proc/meminfo can't be read")
            .needing(gb(needed));
    };
    let (room, found) = match group {
        Some((group, limit)) if limit.left() < free => (
            limit.left(),
            format!("{} left in the cgroup {}", gb(limit.left()), group.name),
        ),
        _ => (free, format!("{} free", gb(free))),
    };
    let means = "at the least: 9.6 kB of the kernel for both ends of a connection, and the \
                 programs; a server with a task for each connection takes 1 kB more of each";
    let most = wanted
        .connections
        .saturating_sub(needed.saturating_sub(room) / BYTES_PER_CONNECTION);
    let too_little = format!("{means}: room for {most} connections");
    let found = item(ITEM, found);
    let finding = if room >= needed {
        found.ok(means)
    } else if most < u64::from(IDLE_CONNECTIONS) {
        found.problem(too_little).short()
    } else {
        found.note(too_little).short()
    };
    finding.needing(gb(needed))
}

/// Judged by a try: the setting is one of several things that stand in the way.
fn io_uring(
    refused: Option<&IoUringRefused>,
    disabled: Option<&str>,
    is_filtered: bool,
) -> Finding {
    const ITEM: &str = "io_uring";
    const PROFILE: &str = "allow io_uring_setup, io_uring_enter and io_uring_register in the \
                           container's seccomp profile";
    let Some(refused) = refused else {
        return item(ITEM, "works").ok("models that need it can run");
    };
    match (refused, disabled) {
        (IoUringRefused::Forbidden, Some("1" | "2")) => item(ITEM, "switched off")
            .note("models that need it can't run")
            .mend("sysctl -w kernel.io_uring_disabled=0"),
        (IoUringRefused::Missing, _) if is_filtered => item(ITEM, "refused (ENOSYS)").note(format!(
            "models that need it can't run; the filter of system calls may be the cause: {PROFILE}"
        )),
        (IoUringRefused::Missing, _) => item(ITEM, "not in this kernel")
            .note("models that need it can't run: Linux 5.8 or newer with CONFIG_IO_URING has it"),
        (IoUringRefused::Forbidden, _) => item(ITEM, "not allowed")
            .note(format!("models that need it can't run: {PROFILE}")),
        (IoUringRefused::Otherwise(error), _) => {
            item(ITEM, error).note("models that need it can't run; 'runner list' asks each")
        }
    }
}

fn locked_memory(hard: Option<u64>, server_threads: u64) -> Finding {
    const ITEM: &str = "locked memory";
    let needed = LOCKED_BYTES_PER_THREAD * server_threads;
    let finding = match hard {
        None => item(ITEM, "no limit").ok("models that lock memory can run"),
        Some(hard) if hard < needed => item(ITEM, format!("at most {} KiB", hard >> 10))
            .note(format!(
                "models on io_uring may lock {} KiB for {server_threads} thread(s)",
                needed >> 10
            ))
            .mend(format!("ulimit -Hl {0} && ulimit -l {0}", needed >> 10)),
        Some(hard) => {
            item(ITEM, format!("at most {} KiB", hard >> 10)).ok("models that lock memory can run")
        }
    };
    finding.needing(format!("{} KiB", needed >> 10))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn memory_is_held_against_both_ends_and_both_programs() {
        let million = Wanted::new(1_000_000, Some(20_000));
        let free = |bytes| memory(Some(bytes), None, &million);
        let fine = free(24_000_000_000);
        assert_eq!(fine.level, Level::Ok);
        let needed = memory_needed_bytes(1_000_000, 104);
        assert_eq!(fine.needed, Some(format!("{:.1} GB", needed as f64 / 1e9)));
        let small = free(needed - 900_000 * BYTES_PER_CONNECTION);
        assert_eq!((small.level, small.is_short), (Level::Note, true));
        assert!(
            small.means.ends_with("room for 100000 connections"),
            "{small:?}"
        );
        assert_eq!(free(96_000_000).level, Level::Problem);
        assert_eq!(memory(None, None, &million).level, Level::Note);
    }

    #[test]
    fn a_groups_limit_counts_where_it_leaves_less() {
        let group = |max| {
            let limit = Limit {
                max,
                used: 500_000_000,
            };
            let limited = (Group::named("/pod/x"), limit);
            let million = Wanted::new(1_000_000, None);
            memory(Some(24_000_000_000), Some(&limited), &million)
        };
        assert!(group(1_000_000_000).is_short);
        assert_eq!(
            group(1_000_000_000).found,
            "0.5 GB left in the cgroup /pod/x"
        );
        assert_eq!(group(u64::MAX).found, "24.0 GB free");
    }

    #[test]
    fn io_uring_is_judged_by_a_try() {
        let (missing, forbidden) = (IoUringRefused::Missing, IoUringRefused::Forbidden);
        assert_eq!(io_uring(None, Some("0"), true).level, Level::Ok);
        let filtered = io_uring(Some(&missing), Some("0"), true);
        assert_eq!(filtered.level, Level::Note);
        assert!(filtered.means.contains("seccomp profile"), "{filtered:?}");
        let old = io_uring(Some(&missing), None, false);
        assert_eq!(old.found, "not in this kernel");
        let off = io_uring(Some(&forbidden), Some("2"), false);
        assert!(off.mend.is_some_and(|mend| mend.ends_with("=0")));
        let contained = io_uring(Some(&forbidden), Some("0"), true);
        assert_eq!(contained.found, "not allowed");
    }

    #[test]
    fn what_some_models_need_is_only_a_note() {
        assert_eq!(locked_memory(None, 4).level, Level::Ok);
        assert_eq!(locked_memory(Some(8 << 20), 4).level, Level::Ok);
        let little = locked_memory(Some(64 << 10), 4);
        assert_eq!(little.level, Level::Note);
        assert_eq!(
            little.mend.as_deref(),
            Some("ulimit -Hl 2048 && ulimit -l 2048")
        );
    }
}
