//! Errors that the user can mend: one line that says how, and exit code 2.

use std::fmt;
use thiserror::Error;

/// Wrong use, or a machine that doesn't allow what was asked.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct UsageError(String);

/// An error with exit code 2.
pub(crate) fn usage(message: impl fmt::Display) -> anyhow::Error {
    UsageError(message.to_string()).into()
}
