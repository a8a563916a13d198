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
use pseudofiles::process::{Stat, Ticks};
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
    /// Those of the ticks that came from children, which the clock hasn't.
    pub(crate) inherited: u64,
}

/// A value, and when it was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamped<T> {
    pub(crate) at: Instant,
    pub(crate) value: T,
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
            stats: pids.iter().map(|&pid| open_stat(pid)).collect(),
        }
    }

    pub(crate) fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// Reads the fine clocks first, then the coarse ones.
    pub(crate) fn read(&self) -> CpuTime {
        let clock = Stamped::of(|| self.cpu_ns());
        let (ticks, inherited) = sum(self.stats.iter().flatten());
        CpuTime {
            clock,
            ticks,
            inherited,
        }
    }

    /// `None` when one of the processes has ended, or none is known.
    pub(crate) fn cpu_ns(&self) -> Option<u64> {
        let times = self.clocks.iter().map(|clock| read_clock((*clock)?));
        times.reduce(|a, b| Some(a? + b?))?
    }
}

/// Of those processes that live, and of their children that ended; and of the latter alone.
fn sum<'a>(stats: impl Iterator<Item = &'a File>) -> (Ticks, u64) {
    stats
        .filter_map(read_stat)
        .fold(Default::default(), |sum: (Ticks, u64), stat| {
            (sum.0.and(&stat.ticks), sum.1.saturating_add(stat.inherited))
        })
}

/// `None` of a process that has ended.
fn read_stat(stat: &File) -> Option<Stat> {
    let mut bytes = [0; STAT_BYTES_MAX];
    let length = rustix::io::pread(stat, &mut bytes, 0).ok()?;
    let text = String::from_utf8_lossy(&bytes[..length]);
    Stat::parse(&text)
}

/// Those of processes that came after clocks were opened.
pub(crate) fn ticks_of_newcomers(known: &[u32], now: &[u32]) -> Ticks {
    let newcomers = now.iter().filter(|pid| !known.contains(pid));
    let stats: Vec<_> = newcomers.filter_map(|&pid| open_stat(pid)).collect();
    sum(stats.iter()).0
}

fn open_stat(pid: u32) -> Option<File> {
    File::open(format!("/proc/{pid}/stat")).ok()
}

fn clock_of(pid: u32) -> Option<ClockId> {
    clock_getcpuclockid(Pid::from_raw(i32::try_from(pid).ok()?)).ok()
}

fn read_clock(clock: ClockId) -> Option<u64> {
    let time = clock_gettime(clock).ok()?;
    Some(u64::try_from(time.tv_sec()).ok()? * 1_000_000_000 + u64::try_from(time.tv_nsec()).ok()?)
}
