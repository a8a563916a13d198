//! CPU clocks of processes, from descriptors that are open already: what reads them at a window's
//! edge must not be a load itself.
//!
//! User and system time apart come in ticks of 10 ms from /proc/<pid>/stat; the sum of both comes
//! from the process' CPU clock, to the nanosecond and up to this moment. (The sum in
//! /proc/<pid>/schedstat lacks what a running thread used since the scheduler's last tick, up to
//! 10 ms.) Both count threads that have ended. Sources: proc(5), clock_getcpuclockid(3).

use nix::{
    time::{ClockId, clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};
use procfs::{FromRead as _, process::Stat};
use std::{
    fs::File,
    time::{Duration, Instant},
};

/// More than /proc/<pid>/stat ever holds: 52 numbers and a name of 64 bytes at most.
const STAT_BYTES_MAX: usize = 2048;

/// The clocks of some processes, ready to be read.
#[derive(Debug)]
pub(crate) struct Clocks {
    pids: Vec<u32>,
    clocks: Vec<Option<ClockId>>,
    stats: Vec<Option<File>>,
}

/// CPU time so far, with the moment at which the fine clock was read; the ticks follow at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuTime {
    pub(crate) clock: Stamped<Option<u64>>,
    pub(crate) ticks: Ticks,
}

/// A value, and when it was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamped<T> {
    pub(crate) at: Instant,
    pub(crate) value: T,
}

/// CPU time in ticks, with that of children that have ended and were waited for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ticks {
    pub(crate) user: u64,
    pub(crate) system: u64,
}

impl<T> Stamped<T> {
    /// Reads a value, and stamps it with the middle of the time that this took.
    pub(crate) fn of(read: impl FnOnce() -> T) -> Self {
        let began = Instant::now();
        let value = read();
        let at = began + began.elapsed() / 2;
        Self { at, value }
    }

    /// What another reading is apart from this, in time.
    pub(crate) fn until(&self, later: &Self) -> Duration {
        later.at.saturating_duration_since(self.at)
    }
}

impl Clocks {
    pub(crate) fn open(pids: &[u32]) -> Self {
        Self {
            pids: pids.to_vec(),
            clocks: pids.iter().map(|&pid| clock_of(pid)).collect(),
            stats: pids
                .iter()
                .map(|pid| File::open(format!("/proc/{pid}/stat")).ok())
                .collect(),
        }
    }

    pub(crate) fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// Reads the fine clocks first, then the coarse ones.
    pub(crate) fn read(&self) -> CpuTime {
        let clock = Stamped::of(|| self.cpu_ns());
        CpuTime {
            clock,
            ticks: self.ticks(),
        }
    }

    /// `None` when one of the processes has ended, or none is known.
    pub(crate) fn cpu_ns(&self) -> Option<u64> {
        let times = self.clocks.iter().map(|clock| read_clock((*clock)?));
        times.reduce(|a, b| Some(a? + b?))?
    }

    /// Of those processes that live, and of their children that ended.
    fn ticks(&self) -> Ticks {
        let mut sum = Ticks::default();
        for file in self.stats.iter().flatten() {
            sum.add(file);
        }
        sum
    }
}

impl Ticks {
    /// Adds those of one process; one that has ended has none.
    fn add(&mut self, stat: &File) {
        let mut bytes = [0; STAT_BYTES_MAX];
        let Ok(length) = rustix::io::pread(stat, &mut bytes, 0) else {
            return;
        };
        let Ok(stat) = Stat::from_read(&bytes[..length]) else {
            return;
        };
        let of_children = |ticks: i64| u64::try_from(ticks).unwrap_or(0);
        self.user += stat.utime + of_children(stat.cutime);
        self.system += stat.stime + of_children(stat.cstime);
    }

    /// Adds those of processes that came after the clocks were opened.
    pub(crate) fn add_newcomers(&mut self, known: &[u32], now: &[u32]) {
        for pid in now.iter().filter(|pid| !known.contains(pid)) {
            if let Ok(file) = File::open(format!("/proc/{pid}/stat")) {
                self.add(&file);
            }
        }
    }
}

fn clock_of(pid: u32) -> Option<ClockId> {
    clock_getcpuclockid(Pid::from_raw(i32::try_from(pid).ok()?)).ok()
}

fn read_clock(clock: ClockId) -> Option<u64> {
    let time = clock_gettime(clock).ok()?;
    Some(u64::try_from(time.tv_sec()).ok()? * 1_000_000_000 + u64::try_from(time.tv_nsec()).ok()?)
}
