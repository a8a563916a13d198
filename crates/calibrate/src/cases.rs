//! All cases.

use crate::{case::Case, faults, kernel, times};

/// All cases, in the order in which they are run.
pub fn cases() -> Vec<Case> {
    [times::CASES, faults::CASES, kernel::CASES].concat()
}
