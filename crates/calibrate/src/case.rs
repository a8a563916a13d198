//! One behaviour, and what has to be measured on it.

use crate::{bench::CaseBench, row::Row};

/// One behaviour, and what has to be measured on it.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// As on the command line.
    pub name: &'static str,
    /// Trials when none has to be repeated.
    pub trials: u64,
    /// Measures, and says what came of it.
    pub run: fn(&mut CaseBench<'_>) -> anyhow::Result<Vec<Row>>,
}
