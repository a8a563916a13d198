//! What a person named can't be had.

use server::external::ExternalError;
use std::fmt;
use thiserror::Error;

/// Why there is no such server, scenario or workspace.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// Wrong use: one line that says how to mend it.
    #[error("{0}")]
    Wrong(String),
    /// A server that isn't ours is described wrongly.
    #[error(transparent)]
    External(#[from] ExternalError),
    /// cargo, or a crate that is copied, says what nobody expected.
    #[error("{what} can't be understood")]
    Unexpected {
        /// What was read.
        what: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What a person can mend.
pub(crate) fn wrong(message: impl fmt::Display) -> CatalogError {
    CatalogError::Wrong(message.to_string())
}

/// What nobody expected.
pub(crate) fn unexpected<E>(what: impl fmt::Display) -> impl FnOnce(E) -> CatalogError
where
    E: std::error::Error + Send + Sync + 'static,
{
    let what = what.to_string();
    |source| CatalogError::Unexpected {
        what,
        source: source.into(),
    }
}
