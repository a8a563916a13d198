//! How far two CPUs are apart: what a cache line takes from one to the other and back.
//!
//! Server and generator hand each other everything in such lines. A host may move a virtual CPU to a
//! core that shares no cache with the other's, and nothing tells of it: no time is stolen, and work that
//! one CPU does alone keeps its pace.

use crate::host::stay_on;
use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread::{Builder, scope, yield_now},
    time::{Duration, Instant},
};

/// Long enough for a CPU that slept to take up its clock rate.
const LENGTH: Duration = Duration::from_millis(20);

/// Round trips that are timed together: some tens of microseconds, which is far above the clock's own
/// cost and far below a time slice.
const ROUNDS: u32 = 200;

/// What a line says instead of a number: nobody is there to answer yet; somebody is; it is over.
const ALONE: u32 = u32::MAX;
const READY: u32 = u32::MAX - 1;
const OVER: u32 = 0;

/// One line, in a place that no other data shares (some CPUs fetch two lines at a time).
#[repr(align(128))]
struct Line(AtomicU32);

/// Nanoseconds that a cache line takes from the first of two CPUs to the second and back: the least of
/// many short measurements, since whatever comes between makes one longer. It takes 20 ms. `None` where
/// they are one CPU, or one of them can't be had.
pub fn round_trip_ns([near, far]: [usize; 2]) -> Option<f64> {
    if near == far {
        return None;
    }
    let line = &Line(AtomicU32::new(ALONE));
    // Threads of their own, because they stay on their CPUs.
    scope(|threads| {
        let answers = Builder::new().spawn_scoped(threads, move || answer(line, far));
        let asks =
            answers.and_then(|_| Builder::new().spawn_scoped(threads, move || ask(line, near)));
        let Ok(asks) = asks else {
            line.0.store(OVER, Ordering::Release);
            return None;
        };
        asks.join().ok().flatten()
    })
}

/// Writes odd numbers, and waits for the even one that follows each.
fn ask(line: &Line, cpu: usize) -> Option<f64> {
    let least = stay_on(cpu).and_then(|()| least_round_trip_ns(line));
    line.0.store(OVER, Ordering::Release);
    least
}

fn least_round_trip_ns(line: &Line) -> Option<f64> {
    while line.0.load(Ordering::Acquire) == ALONE {
        yield_now();
    }
    if line.0.load(Ordering::Acquire) == OVER {
        return None;
    }
    let (began, mut least, mut next) = (Instant::now(), None::<f64>, 1);
    while began.elapsed() < LENGTH {
        let turn = Instant::now();
        for _ in 0..ROUNDS {
            line.0.store(next, Ordering::Release);
            while line.0.load(Ordering::Acquire) != next + 1 {}
            next += 2;
        }
        let each_ns = turn.elapsed().as_nanos() as f64 / f64::from(ROUNDS);
        least = Some(least.map_or(each_ns, |least| least.min(each_ns)));
    }
    least
}

/// Answers each odd number with the next one, until it is over.
fn answer(line: &Line, cpu: usize) {
    let said = stay_on(cpu).map_or(OVER, |()| READY);
    // Whoever asks may have given up already.
    let _ = (line.0).compare_exchange(ALONE, said, Ordering::AcqRel, Ordering::Acquire);
    let mut next = 1;
    // No hint that these are loops which wait: some hosts take the CPU away for such.
    loop {
        match line.0.load(Ordering::Acquire) {
            OVER => return,
            seen if seen == next => {
                line.0.store(next + 1, Ordering::Release);
                next += 2;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::allowed_cpus;

    #[test]
    fn two_cpus_are_some_way_apart() {
        let cpus = allowed_cpus();
        let [first, second, ..] = cpus[..] else {
            return;
        };
        let there_and_back_ns = round_trip_ns([first, second]).unwrap();
        assert!(there_and_back_ns > 1.0, "{there_and_back_ns} ns");
    }

    #[test]
    fn a_cpu_that_cannot_be_had_is_at_no_distance() {
        let here = allowed_cpus()[0];
        assert_eq!(round_trip_ns([here, here]), None);
        for missing in [1_000, usize::MAX] {
            assert_eq!(round_trip_ns([here, missing]), None);
            assert_eq!(round_trip_ns([missing, here]), None);
        }
    }
}
