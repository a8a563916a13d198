//! Using up CPU time, as much as is asked for.
//!
//! Looking at the thread's CPU clock takes a system call, which is too coarse for a few hundred
//! nanoseconds. So a chain of dependent multiplications is timed by that clock beforehand. A
//! chain waits for its own results rather than for execution units, so that a neighbour on the
//! same core hardly changes how long it takes. Within 0.5 % of 5 us here; some 20 ns are missing
//! from every burn, because a core begins what follows before the chain has ended.

use crate::clock::thread_cpu_ns;
use std::hint::black_box;

const TAKES: usize = 60;
const STEPS_PER_TAKE: u64 = 500_000;

/// Knows how many steps a nanosecond has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burner {
    steps_per_ns: f64,
}

impl Burner {
    /// Times the chain: some 50 ms. The fastest of many takes, as everything that disturbs one
    /// makes it longer, and a core that has been idle is slow at first.
    pub(crate) fn calibrated() -> Self {
        let fastest_ns = (0..TAKES)
            .map(|_| {
                let before_ns = thread_cpu_ns();
                chain(STEPS_PER_TAKE);
                thread_cpu_ns() - before_ns
            })
            .fold(u64::MAX, u64::min);
        Self {
            steps_per_ns: STEPS_PER_TAKE as f64 / fastest_ns.max(1) as f64,
        }
    }

    /// Uses up `ns` of this thread's CPU time.
    #[inline]
    pub(crate) fn burn(&self, ns: u64) {
        if ns > 0 {
            chain((ns as f64 * self.steps_per_ns) as u64);
        }
    }
}

/// Never inlined, so that what is timed and what is run are the same instructions.
#[inline(never)]
fn chain(steps: u64) {
    let mut x = black_box(0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..steps {
        // The shift keeps the compiler from merging two steps into one.
        x = (x ^ (x >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    black_box(x);
}
