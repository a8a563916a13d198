//! What the kernel says about a server's processes: mostly one. Those that have just ended count
//! nothing.

use crate::{client::PATIENCE, running::Running};
use anyhow::{Context as _, Result, bail, ensure};
use process::interrupt;
use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// USER_HZ, the unit of /proc/pid/stat: 100 on every architecture that Rust has Linux for,
/// whatever the kernel's own clock.
const TICKS_PER_S: f64 = 100.0;

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

fn resident_bytes_of(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| path.clone())?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
    let kib: u64 = kib
        .with_context(|| format!("no VmRSS in {path}"))?
        .parse()?;
    Ok(kib << 10)
}

fn open_files_of(pid: u32) -> Result<usize> {
    let path = format!("/proc/{pid}/fd");
    Ok(fs::read_dir(&path).context(path)?.count())
}

/// Descriptors that a server may keep after its first connections: whatever its runtime opens
/// when it is first needed.
const KEPT_FILES_MAX: usize = 16;

/// Waits until about as many descriptors are open as `before`. A server hears of a connection's
/// end a little later than its client.
pub(super) fn wait_for_open_files(running: &Running, before: usize) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let open = open_files(running)?;
        if open <= before + KEPT_FILES_MAX {
            return Ok(());
        }
        ensure!(!interrupt::asked(), "interrupted");
        if Instant::now() >= deadline {
            bail!(
                "the server had {before} descriptors open before and still has {open} after \
                 {PATIENCE:?}"
            );
        }
        thread::sleep(Duration::from_millis(10));
    }
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
    let used_s = ticks()?.saturating_sub(before) as f64 / TICKS_PER_S;
    Ok(used_s / start.elapsed().as_secs_f64())
}

/// User and system time of all threads.
fn cpu_ticks(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
    // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th
    // field after it (proc_pid_stat(5)).
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || -> Result<u64> {
        let field = fields
            .next()
            .with_context(|| format!("{path} is too short"))?;
        Ok(field.parse()?)
    };
    Ok(ticks()? + ticks()?)
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
