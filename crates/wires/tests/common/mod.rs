//! What the wires' tests share: a plan's requests, and replies that come in pieces.

use protocol::{client::MessageId, generator::Plan, http::HttpRequest, wire::Wire};
use std::net::SocketAddr;
use wires::{After, At, Replies, Requests, error::ReplyError};

/// Of the only connection.
pub(crate) const INDEX: usize = 7;

pub(crate) fn requests(wire: Wire, payload_bytes: u32, http: HttpRequest) -> Requests {
    Requests::of_plan(&Plan {
        wire,
        payload_bytes,
        http: Some(http),
        ..Plan::least(SocketAddr::from(([127, 0, 0, 1], 80)))
    })
    .unwrap()
}

pub(crate) fn id(sequence: u32) -> MessageId {
    MessageId {
        connection: 1,
        sequence,
    }
}

/// How many replies are right of so many that were asked for, and what then was wrong, where the
/// stream comes in pieces; what is remembered goes to `replies`.
pub(crate) fn take_all(
    requests: &Requests,
    replies: &mut Replies,
    asked: u32,
    pieces: &[&[u8]],
) -> (u32, Option<ReplyError>) {
    let (mut whole, mut offset) = (0, 0);
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let at = At {
                index: INDEX,
                id: id(whole),
                offset,
                is_asked: whole < asked,
            };
            let taken = match requests.take(replies, at, rest) {
                Ok(taken) => taken,
                Err(error) => return (whole, Some(error)),
            };
            rest = &rest[taken.bytes..];
            match taken.after {
                After::Whole => (whole, offset) = (whole + 1, 0),
                After::Between => offset = 0,
                After::Part => offset += taken.bytes,
            }
            assert!(taken.bytes > 0 && (rest.is_empty() || offset == 0));
        }
    }
    (whole, None)
}
