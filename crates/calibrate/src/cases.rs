//! All cases.

use crate::{case::Case, faults, times};

/// All cases, in the order in which they are run.
pub fn cases() -> Vec<Case> {
    [times::CASES, faults::CASES].concat()
}
