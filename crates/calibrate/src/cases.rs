//! All cases.

pub use crate::blind::PAIRS_MIN;

use crate::{blind, case::Case, faults, kernel, slow_reader, times};

/// All cases, in the order in which they are run; `blind` has so many pairs of trials.
pub fn cases(pairs: u32) -> Vec<Case> {
    [
        times::CASES,
        slow_reader::CASES,
        &[blind::case(pairs)],
        faults::CASES,
        kernel::CASES,
    ]
    .concat()
}
