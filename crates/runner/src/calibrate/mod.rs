//! The instrument on trial: real trials of servers whose truth is known (crate `calibration`),
//! and what was measured held against what had to be.
//!
//! | module | |
//! |---|---|
//! | [`row`] | one expectation and how it came out; judging is pure |
//! | [`bench`] | one case's trials, and their reports |
//! | [`times`] | delays, mixtures, stalls, a capped rate |
//! | [`faults`] | what must never pass for a valid figure |
//! | [`compare`] | a server against itself, and against one that is a little slower |
//! | [`table`] | the rows for people |
//!
//! The arithmetic of the truth is the calibration crate's; the measuring is that of every other
//! run. This only puts them side by side.

pub(crate) mod bench;
pub(crate) mod compare;
mod faults;
pub(crate) mod row;
pub(crate) mod table;
mod times;

use bench::CaseBench;
use row::Row;

/// One behaviour, and what has to be measured on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Trials when none has to be repeated.
    pub(crate) trials: u64,
    pub(crate) run: fn(&mut CaseBench<'_>) -> anyhow::Result<Vec<Row>>,
}

/// All cases, in the order in which they are run.
pub(crate) fn cases() -> Vec<Case> {
    [times::CASES, faults::CASES].concat()
}
