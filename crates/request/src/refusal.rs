//! Why something isn't planned.

use std::fmt::Display;
use thiserror::Error;

/// What was asked for can't be done, or not here: one line that says so and names the way out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Refusal(String);

impl Refusal {
    /// With this line.
    pub fn new(line: impl Display) -> Self {
        Self(line.to_string())
    }
}
