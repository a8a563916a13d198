//! Errors that the user can mend.

use std::fmt;
use thiserror::Error;

/// Wrong use: one line that says how to mend it.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct UsageError(String);

/// An error that the user can mend.
pub(crate) fn usage(message: impl fmt::Display) -> anyhow::Error {
    UsageError(message.to_string()).into()
}
