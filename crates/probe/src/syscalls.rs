//! How many system calls processes make, counted by the kernel's tracepoint
//! `raw_syscalls:sys_enter`.
//!
//! Counting has a price: while it lasts, *every* system call on the machine takes the kernel's
//! slow path. It added 6.6 % (95 % interval 3.9 to 13.5 %) to the CPU time of an epoll server's
//! requests, some 130 ns to each system call, in 16 pairs of trials with and without it. So system
//! calls are counted in a window of their own, after the one that is measured.
//!
//! Source: perf_event_open(2).

use crate::usage::UNKNOWN;
use perf_event::{Builder, Counter, events::Tracepoint};
use pseudofiles::read;
use report::{explain_missing, trial::ProcessUse};
use std::{fs, io, path::PathBuf};
use thiserror::Error;

/// Where the kernel names its tracepoints, on newer and on older systems.
const TRACE_DIRECTORIES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

const SYS_ENTER: &str = "events/raw_syscalls/sys_enter/id";

/// Threads may be born while counters are attached to those that exist. So often we look again.
const ATTEMPTS: u32 = 5;

/// Why system calls can't be counted, with the way out.
#[derive(Debug, Error)]
pub enum CantCount {
    /// Nobody says whose.
    #[error("{UNKNOWN}")]
    UnknownProcesses,
    /// The tracepoint may not be looked up.
    #[error("no permission to read {0}: run as root")]
    NotPermitted(&'static str),
    /// There is no such tracepoint.
    #[error(
        "no tracefs with the tracepoint raw_syscalls:sys_enter: as root, 'mount -t tracefs nodev \
         /sys/kernel/tracing'; in a container it takes the host's, \
         '-v /sys/kernel/tracing:/sys/kernel/tracing:ro'"
    )]
    NoTracepoint,
    /// The tracepoint's file isn't as it should be.
    #[error("{0}/{SYS_ENTER} holds no number")]
    NoNumber(&'static str),
    /// New threads are there before all have a counter.
    #[error("the process starts and ends threads too fast to attach counters to them")]
    TooFast,
    /// The process has gone, or isn't ours.
    #[error("the threads of process {pid} can't be listed: {source}")]
    Threads {
        /// Which one.
        pid: u32,
        /// Why not.
        source: io::Error,
    },
    /// perf_event_open failed.
    #[error("{}", refusal(.0))]
    Attach(io::Error),
    /// A counter is there, and can't be read.
    #[error("a counter of system calls can't be read: {0}")]
    Read(io::Error),
}

/// Counts the system calls of processes and of the threads and processes they start, from
/// [`SyscallCounter::attach`] until it is dropped.
pub struct SyscallCounter {
    /// One for each thread that existed when it was attached.
    counters: Vec<Counter>,
}

impl SyscallCounter {
    /// Begins to count.
    ///
    /// # Errors
    /// Why it can't be counted here, in words, with the way out.
    pub fn attach(pids: &[u32]) -> Result<Self, CantCount> {
        if pids.is_empty() {
            return Err(CantCount::UnknownProcesses);
        }
        let tracepoint = Tracepoint::with_id(tracepoint_id()?);
        let mut counters = Vec::new();
        for &pid in pids {
            counters.extend(attach_process(tracepoint, pid)?);
        }
        Ok(Self { counters })
    }

    /// System calls so far.
    ///
    /// # Errors
    /// The kernel doesn't tell, in words.
    pub fn read(&mut self) -> Result<u64, CantCount> {
        self.counters
            .iter_mut()
            .map(|counter| counter.read().map_err(CantCount::Read))
            .sum()
    }
}

/// Adds what was counted between two readings, of which this share is the window's.
pub fn add_syscalls(
    used: &mut ProcessUse,
    opened: &Result<u64, CantCount>,
    closed: &Result<u64, CantCount>,
    windows_share: f64,
) {
    match (opened, closed) {
        (Ok(opened), Ok(closed)) => {
            let counted = closed.saturating_sub(*opened) as f64;
            used.syscalls = Some((counted * windows_share).round() as u64);
            used.not_measured.remove("syscalls");
        }
        (Err(reason), _) | (_, Err(reason)) => no_syscalls(used, &reason.to_string()),
    }
}

/// Says why nothing was counted.
pub fn no_syscalls(used: &mut ProcessUse, reason: &str) {
    explain_missing!(used, reason, [syscalls]);
}

fn tracepoint_id() -> Result<u64, CantCount> {
    let mut refused = None;
    for directory in TRACE_DIRECTORIES {
        match read::text(PathBuf::from(directory).join(SYS_ENTER)) {
            Ok(text) => {
                let number = text.trim().parse();
                return number.map_err(|_| CantCount::NoNumber(directory));
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                refused = Some(directory)
            }
            Err(_) => {}
        }
    }
    Err(refused.map_or(CantCount::NoTracepoint, CantCount::NotPermitted))
}

/// A counter for each thread of a process. A thread that is born later inherits its parent's,
/// so only those matter that are born to a thread which has none yet: hence another look.
fn attach_process(tracepoint: Tracepoint, pid: u32) -> Result<Vec<Counter>, CantCount> {
    for _ in 0..ATTEMPTS {
        let before = threads(pid)?;
        let counters = attach_threads(tracepoint, &before)?;
        if threads(pid)? == before {
            return Ok(counters);
        }
    }
    Err(CantCount::TooFast)
}

fn attach_threads(tracepoint: Tracepoint, threads: &[i32]) -> Result<Vec<Counter>, CantCount> {
    let mut counters = Vec::new();
    for &thread in threads {
        let built = Builder::new(tracepoint)
            .observe_pid(thread)
            .any_cpu()
            .inherit(true)
            // The tracepoint lies in the kernel.
            .include_kernel()
            .enabled(true)
            .build();
        match built {
            Ok(counter) => counters.push(counter),
            // The thread has ended meanwhile: the second look will tell.
            Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ESRCH as i32) => {}
            Err(error) => return Err(CantCount::Attach(error)),
        }
    }
    Ok(counters)
}

/// Ids of a process' threads, in order.
fn threads(pid: u32) -> Result<Vec<i32>, CantCount> {
    let entries = fs::read_dir(format!("/proc/{pid}/task"))
        .map_err(|source| CantCount::Threads { pid, source })?;
    let mut ids: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    ids.sort_unstable();
    Ok(ids)
}

/// Why perf_event_open failed, and the way out.
fn refusal(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "perf_event_open is not permitted: run as root, or 'sysctl -w \
             kernel.perf_event_paranoid=1'; a container's seccomp filter may forbid it too, \
             '--cap-add PERFMON' allows it"
                .to_owned()
        }
        _ if error.raw_os_error() == Some(nix::errno::Errno::EMFILE as i32) => {
            "a counter for each thread takes more open files than allowed: 'ulimit -n' raises \
             that"
                .to_owned()
        }
        _ if error.raw_os_error() == Some(nix::errno::Errno::ENOSYS as i32) => {
            "this kernel is built without perf events".to_owned()
        }
        _ => format!("perf_event_open failed: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_way_out() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(refusal(&denied).contains("perf_event_paranoid"));
        assert!(refusal(&io::Error::from_raw_os_error(24)).contains("ulimit"));
        assert!(SyscallCounter::attach(&[u32::MAX]).is_err());
    }
}
