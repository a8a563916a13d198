//! One target under libFuzzer: that which `FUZZ_TARGET` names.

#![no_main]

use fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;
use std::{env, sync::LazyLock};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let wanted = env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(name, _)| *name == wanted);
    let Some((_, target)) = found else {
        panic!("FUZZ_TARGET is {wanted:?}, and is to be one of those in src/lib.rs");
    };
    *target
});

fuzz_target!(|input: &[u8]| TARGET(input));
