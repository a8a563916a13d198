//! All cases.

use crate::{blind, case::Case, faults, kernel, times};

/// All cases, in the order in which they are run.
pub fn cases() -> Vec<Case> {
    [times::CASES, blind::CASES, faults::CASES, kernel::CASES].concat()
}
