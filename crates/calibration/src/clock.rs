//! The clocks, and waiting without being late.

use rustix::time::{ClockId, Timespec, clock_gettime};
use std::{hint, thread, time::Duration};

/// The last stretch of every wait is spent looking at the clock: a sleeping thread is woken 30
/// to 130 us late at times.
pub(crate) const WATCHFUL_NS: u64 = 200_000;

/// Nanoseconds of CLOCK_MONOTONIC.
#[inline]
pub(crate) fn now_ns() -> u64 {
    read(ClockId::Monotonic)
}

/// CPU time that this thread has used, in nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    read(ClockId::ThreadCPUTime)
}

fn read(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// How long epoll may sleep when something is due in `ns`. Whole milliseconds, because epoll
/// takes no others (epoll_wait(2)) and would round up: the rest is polled.
pub(crate) fn nap(ns: u64) -> Timespec {
    let ms = ns.saturating_sub(WATCHFUL_NS) / 1_000_000;
    Timespec {
        tv_sec: (ms / 1000) as i64,
        tv_nsec: (ms % 1000 * 1_000_000) as i64,
    }
}

/// Does nothing until `end_ns`.
pub(crate) fn sit_until(end_ns: u64) {
    let left_ns = end_ns.saturating_sub(now_ns());
    thread::sleep(Duration::from_nanos(left_ns.saturating_sub(WATCHFUL_NS)));
    while now_ns() < end_ns {
        hint::spin_loop();
    }
}
