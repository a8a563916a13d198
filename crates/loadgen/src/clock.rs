//! The one clock of all figures.

use rustix::time::{ClockId, Timespec, clock_gettime};

const REALTIME_READINGS: u32 = 10;

/// Nanoseconds of CLOCK_MONOTONIC: never set back, the same for all threads of a machine.
#[inline]
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// By how much CLOCK_REALTIME, which the kernel stamps packets with, is ahead. It changes when
/// somebody sets the clock: both are slewed alike (clock_gettime(2), adjtimex(2)).
pub(crate) fn realtime_ahead_ns() -> i64 {
    // Of several readings the one that was interrupted least.
    let readings = (0..REALTIME_READINGS).map(|_| {
        let before_ns = now_ns();
        let now = clock_gettime(ClockId::Realtime);
        let took_ns = now_ns() - before_ns;
        let realtime_ns = now.tv_sec * 1_000_000_000 + now.tv_nsec;
        (took_ns, realtime_ns - (before_ns + took_ns / 2) as i64)
    });
    readings.min().map_or(0, |(_, ahead_ns)| ahead_ns)
}

/// A duration as the system calls take it.
pub(crate) fn timespec(ns: u64) -> Timespec {
    Timespec {
        tv_sec: (ns / 1_000_000_000) as i64,
        tv_nsec: (ns % 1_000_000_000) as i64,
    }
}
