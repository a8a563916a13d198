//! What the kernel says about a server's processes: mostly one. Those that have just ended count
//! nothing.

use crate::{client::PATIENCE, running::Running};
use anyhow::{Context as _, Result, ensure};
use process::interrupt;
use procfs::process::{FDTarget, Process};
use std::{
    os::fd::RawFd,
    thread,
    time::{Duration, Instant},
};

/// Memory that the processes have resident.
pub(super) fn resident_bytes(running: &Running) -> Result<u64> {
    sum(running, resident_bytes_of)
}

/// Descriptors that the processes have open.
pub(super) fn open_files(running: &Running) -> Result<usize> {
    sum(running, open_files_of)
}

fn sum<T: std::iter::Sum>(running: &Running, of: fn(u32) -> Result<T>) -> Result<T> {
    let pids = running.pids();
    let is_one = pids.len() == 1;
    let values = pids.into_iter().map(of);
    // One that is gone without others is an error that tells something.
    values.filter(|value| is_one || value.is_ok()).sum()
}

fn process(pid: u32) -> Result<Process> {
    Ok(Process::new(pid.try_into()?)?)
}

fn resident_bytes_of(pid: u32) -> Result<u64> {
    let kib = process(pid)?.status()?.vmrss;
    Ok(kib.with_context(|| format!("process {pid} has no memory"))? << 10)
}

fn open_files_of(pid: u32) -> Result<usize> {
    Ok(process(pid)?.fd_count()?)
}

/// The sockets that processes have open: whose, by which descriptor, and the inode.
pub(super) fn sockets(pids: &[u32]) -> impl Iterator<Item = (u32, RawFd, u64)> {
    let files_of = |pid| process(pid).ok()?.fd().ok();
    pids.iter().flat_map(move |&pid| {
        let files = files_of(pid).into_iter().flatten().flatten();
        files.filter_map(move |file| match file.target {
            FDTarget::Socket(inode) => Some((pid, file.fd, inode)),
            _ => None,
        })
    })
}

/// Descriptors that a server may keep after its first connections: whatever its runtime opens
/// when it is first needed.
const KEPT_FILES_MAX: usize = 16;

/// Waits until about as many descriptors are open as `before`. A server hears of a connection's
/// end a little later than its client.
pub(super) fn wait_for_open_files(running: &Running, before: usize) -> Result<()> {
    let mut open = 0;
    let closed = in_time(|| {
        open = open_files(running)?;
        Ok(open <= before + KEPT_FILES_MAX)
    })?;
    ensure!(
        closed,
        "the server had {before} descriptors open before and still has {open} after {PATIENCE:?}"
    );
    Ok(())
}

/// Waits until something is so; says whether it was within [`PATIENCE`].
pub(super) fn in_time(is_so: impl FnMut() -> Result<bool>) -> Result<bool> {
    in_time_of(PATIENCE, is_so)
}

/// Waits until something is so; says whether it was within `patience`.
pub(super) fn in_time_of(
    patience: Duration,
    mut is_so: impl FnMut() -> Result<bool>,
) -> Result<bool> {
    let deadline = Instant::now() + patience;
    while !is_so()? {
        ensure!(!interrupt::asked(), "interrupted");
        if Instant::now() >= deadline {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

/// The share of one CPU that the processes use over `span`, while `meanwhile` is called ten
/// times.
pub(super) fn cpu_share(
    running: &Running,
    span: Duration,
    meanwhile: impl FnMut() -> Result<()>,
) -> Result<f64> {
    share_of(|| sum(running, cpu_ticks), span, meanwhile)
}

fn share_of(
    ticks: impl Fn() -> Result<u64>,
    span: Duration,
    mut meanwhile: impl FnMut() -> Result<()>,
) -> Result<f64> {
    let start = Instant::now();
    let before = ticks()?;
    for _ in 0..10 {
        meanwhile()?;
        thread::sleep(span / 10);
    }
    let used_s = ticks()?.saturating_sub(before) as f64 / procfs::ticks_per_second() as f64;
    Ok(used_s / start.elapsed().as_secs_f64())
}

/// User and system time of all threads.
fn cpu_ticks(pid: u32) -> Result<u64> {
    let stat = process(pid)?.stat()?;
    Ok(stat.utime + stat.stime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_is_seen_working() {
        let pid = std::process::id();
        assert!(resident_bytes_of(pid).unwrap() > 100 << 10);
        assert!(open_files_of(pid).unwrap() >= 3);
        let share = share_of(
            || cpu_ticks(pid),
            Duration::from_millis(10),
            || {
                let end = Instant::now() + Duration::from_millis(20);
                while Instant::now() < end {}
                Ok(())
            },
        );
        assert!(share.unwrap() > 0.1);
    }
}
