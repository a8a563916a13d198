//! Whether a CPU keeps its pace: the same work again and again, timed by this thread's own clock.
//!
//! A virtual CPU is often one of two threads of a core, and what runs on the other one belongs to
//! another guest. That slows work with many instructions at a time by up to a half. Nothing tells of
//! it: no time is stolen, and the clock of a slowed thread counts all of it.

use crate::host::stay_on;
use rustix::time::{ClockId, clock_gettime};
use std::{
    hint::black_box,
    thread::{Builder, sleep},
    time::{Duration, Instant},
};

/// Some tenths of a millisecond, and a few milliseconds in a debug build.
const ROUNDS: u32 = 40_000;

/// The CPU rests for longer than it works, as under a light load.
const REST: Duration = Duration::from_millis(5);

/// How much longer the same work takes at its slow moments than at its quick ones: the 90th
/// percentile of its times over the 10th, from 1. Measured on one CPU for this time. `None` where the
/// CPU can't be had.
pub fn spread(cpu: usize, length: Duration) -> Option<f64> {
    // A thread of its own, because it stays on that CPU.
    let started = Builder::new().spawn(move || spread_here(cpu, length));
    started.ok()?.join().ok()?
}

fn spread_here(cpu: usize, length: Duration) -> Option<f64> {
    stay_on(cpu)?;
    let began = Instant::now();
    let mut times_s = Vec::new();
    while began.elapsed() < length {
        let before_s = thread_clock_s();
        work();
        times_s.push(thread_clock_s() - before_s);
        sleep(REST);
    }
    spread_of(times_s)
}

fn spread_of(mut times_s: Vec<f64>) -> Option<f64> {
    times_s.sort_by(f64::total_cmp);
    let at = |share: usize| times_s.get(times_s.len() * share / 100).copied();
    let (quick_s, slow_s) = (at(10)?, at(90)?);
    (quick_s > 0.0).then(|| slow_s / quick_s)
}

fn thread_clock_s() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// Eight chains that don't wait for each other, so that a core's other thread is missed; all of it in
/// registers, so that nobody's caches matter.
fn work() {
    let mut chains: [u64; 8] = std::array::from_fn(|chain| chain as u64);
    for _ in 0..ROUNDS {
        for chain in &mut chains {
            *chain = (*chain ^ (*chain >> 7)).wrapping_add(*chain << 3) ^ 0x9E37_79B9;
        }
    }
    black_box(chains);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::allowed_cpus;

    #[test]
    fn the_spread_is_that_of_the_slow_moments_over_the_quick_ones() {
        let times_s = (0..100).map(|n| if n < 30 { 1.6 } else { 1.0 });
        assert_eq!(spread_of(times_s.collect()), Some(1.6));
        assert_eq!(spread_of(vec![1.0; 50]), Some(1.0));
        assert_eq!(spread_of(Vec::new()), None);
    }

    #[test]
    fn a_cpu_that_can_be_had_has_a_pace() {
        let length = Duration::from_millis(60);
        assert!(spread(allowed_cpus()[0], length) >= Some(1.0));
        assert_eq!(spread(1_000, length), None);
    }
}
