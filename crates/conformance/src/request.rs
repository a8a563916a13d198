//! The bytes of a request and of its reply. An echo's reply is the same bytes.

use protocol::wire::{HEADER_BYTES, Header, Kind, RAW_PREFIX_BYTES, Wire};
use sha2::{Digest as _, Sha256};

/// A request that is answered: a frame with `payload_bytes` of payload, or a raw message of
/// that size (at least its prefix). No two ids look alike, in the payload either, so that a
/// reply from another connection's buffer doesn't pass.
pub(super) fn echo(wire: Wire, id: u64, payload_bytes: usize) -> Vec<u8> {
    match wire {
        Wire::Framed => frame(Kind::Echo, 0, id, payload_bytes),
        // The suite is for those two; others are refused before: see `Wire::is_of_contract`.
        Wire::Raw | Wire::Http1 | Wire::Websocket => {
            let mut message = id.to_le_bytes().to_vec();
            append_pattern(
                &mut message,
                id,
                payload_bytes.saturating_sub(RAW_PREFIX_BYTES),
            );
            message
        }
    }
}

/// A request that isn't answered; only frames have them.
pub(super) fn discard(id: u64, payload_bytes: usize) -> Vec<u8> {
    frame(Kind::Discard, 0, id, payload_bytes)
}

/// A request that takes time, and its reply.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) request: Vec<u8>,
    pub(super) reply: Vec<u8>,
}

/// A request for work; only frames have them. The reply is put together from what the wire's
/// documentation says, without the code that servers use.
pub(super) fn work(kind: Kind, argument: u32, id: u64, payload_bytes: usize) -> Work {
    let request = frame(kind, argument, id, payload_bytes);
    if kind != Kind::Cpu {
        let reply = request.clone();
        return Work { request, reply };
    }
    let mut digest = Sha256::digest(&request[HEADER_BYTES..]);
    for _ in 1..argument {
        digest = Sha256::digest(digest);
    }
    let mut reply = header(kind, argument, id, digest.len()).to_vec();
    reply.extend(digest);
    Work { request, reply }
}

/// A request's header alone, for a case to break.
pub(super) fn header(
    kind: Kind,
    argument: u32,
    id: u64,
    payload_bytes: usize,
) -> [u8; HEADER_BYTES] {
    let header = Header {
        kind,
        payload_bytes: u32::try_from(payload_bytes).unwrap_or(u32::MAX),
        id,
        argument,
    };
    header.encode()
}

fn frame(kind: Kind, argument: u32, id: u64, payload_bytes: usize) -> Vec<u8> {
    let mut frame = header(kind, argument, id, payload_bytes).to_vec();
    append_pattern(&mut frame, id, payload_bytes);
    frame
}

/// splitmix64: cheap, and no two stretches of it look alike.
fn append_pattern(message: &mut Vec<u8>, id: u64, bytes: usize) {
    let end = message.len() + bytes;
    message.reserve_exact(bytes + 8);
    let mut state = id.wrapping_mul(0xd134_2543_de82_ef95);
    while message.len() < end {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        message.extend_from_slice(&(z ^ (z >> 31)).to_le_bytes());
    }
    message.truncate(end);
}
