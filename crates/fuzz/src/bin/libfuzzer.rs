//! One target under libFuzzer: that which `FUZZ_TARGET` named when this was built. What it doesn't reach
//! isn't linked, because libFuzzer looks through the counters of the whole program after each execution.

#![no_main]

use fuzz::Target;
use libfuzzer_sys::fuzz_target;

const TARGET: Target = fuzz::named(env!("FUZZ_TARGET"));

fuzz_target!(|input: &[u8]| TARGET(input));
