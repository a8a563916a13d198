//! Why a reply is not the one that was asked for. Each kind is counted under its own words.

use crate::limits::{BODY_BYTES_MAX, FIELDS_MAX, HEAD_BYTES_MAX};
use thiserror::Error;

/// What is wrong with what came. The connection is of no more use then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// Framed, raw: other bytes than expected.
    #[error("wrong reply")]
    Wrong,
    /// No request waits for one.
    #[error("a reply that nobody asked for")]
    Unasked,
    /// It doesn't begin as a reply does.
    #[error("not HTTP/1.1")]
    NotHttp,
    /// Its head breaks the rules.
    #[error("malformed HTTP head")]
    Head,
    /// Its head has no end.
    #[error("HTTP head over {HEAD_BYTES_MAX} bytes")]
    HeadTooLong,
    /// Its head has too many fields.
    #[error("HTTP head with more than {FIELDS_MAX} fields")]
    Fields,
    /// It doesn't say how long its body is, or says it twice, or so that nobody can tell.
    #[error("HTTP reply without one clear length")]
    NoLength,
    /// Something else than chunks where chunks should be.
    #[error("malformed HTTP chunk")]
    Chunk,
    /// A body that would fill the memory.
    #[error("HTTP body over {BODY_BYTES_MAX} bytes")]
    BodyTooLong,
    /// Another status than expected.
    #[error("HTTP status {0}{kind}", kind = kind_of_status(*.0))]
    Status(u16),
    /// Right, but its connection can't be used again.
    #[error("HTTP reply after which the server closes (Connection: close)")]
    Closes,
    /// A body of another length than expected.
    #[error("HTTP body of another length than expected")]
    BodyLength,
    /// A body with other bytes than expected.
    #[error("HTTP body with other bytes than expected")]
    Body,
}

fn kind_of_status(status: u16) -> &'static str {
    match status {
        101 => " (nobody asked for an upgrade)",
        300..=399 => " (a redirect)",
        500..=599 => " (the server failed)",
        _ => "",
    }
}
