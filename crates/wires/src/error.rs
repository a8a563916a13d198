//! Why a reply is not the one that was asked for. Each kind is counted under its own words.

use crate::limits::{BODY_BYTES_MAX, BYTES_WITHOUT_REPLY_MAX, FIELDS_MAX, HEAD_BYTES_MAX};
use thiserror::Error;

/// What is wrong with what came. The connection is of no more use then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// Framed, raw: other bytes than expected.
    #[error("wrong reply")]
    Wrong,
    /// Framed: right, but sooner than a server that waits, or blocks, for so long can have it.
    #[error("a reply before its time was over")]
    Early,
    /// No request waits for one.
    #[error("a reply that nobody asked for")]
    Unasked,
    /// Right, but its request was still being sent.
    #[error("a reply before its request was sent whole")]
    Premature,
    /// Interim replies, pings or the like without end.
    #[error("over {BYTES_WITHOUT_REPLY_MAX} bytes without a reply among them")]
    Flood,
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
    /// The answer to an upgrade doesn't say that the connection is a WebSocket now.
    #[error("upgrade without 'Upgrade: websocket' and 'Connection: Upgrade'")]
    NotUpgraded,
    /// The proof that it has understood the key is wrong, or isn't there.
    #[error("upgrade with a wrong Sec-WebSocket-Accept")]
    WrongAccept,
    /// It has agreed to what nobody offered.
    #[error("upgrade with a WebSocket extension or protocol that nobody offered")]
    Extension,
    /// A frame whose reserved bits are set.
    #[error("WebSocket frame with reserved bits")]
    ReservedBits,
    /// A frame with a mask, which a server's hasn't.
    #[error("WebSocket frame with a mask, from a server")]
    Masked,
    /// A frame that breaks another rule: of its kind, its length, or its turn.
    #[error("malformed WebSocket frame")]
    Frame,
    /// Text, where binary was sent.
    #[error("WebSocket message of text, for a binary one")]
    Text,
    /// Other bytes than those that were sent.
    #[error("WebSocket message with other bytes than expected")]
    Message,
    /// More or fewer bytes than were sent.
    #[error("WebSocket message of another length than expected")]
    MessageLength,
    /// The server says goodbye.
    #[error("WebSocket closed by the server with code {0}")]
    Closed(u16),
}

fn kind_of_status(status: u16) -> &'static str {
    match status {
        101 => " (nobody asked for an upgrade)",
        300..=399 => " (a redirect)",
        500..=599 => " (the server failed)",
        _ => "",
    }
}
