//! All cases.

use crate::{blind, case::Case, faults, kernel, slow_reader, times};

/// All cases, in the order in which they are run.
pub fn cases() -> Vec<Case> {
    [
        times::CASES,
        slow_reader::CASES,
        blind::CASES,
        faults::CASES,
        kernel::CASES,
    ]
    .concat()
}
