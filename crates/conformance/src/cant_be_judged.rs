//! That a case can't be judged here.

use thiserror::Error;

/// Something that a case depends on isn't so with this server.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct CantBeJudged(pub(crate) String);
