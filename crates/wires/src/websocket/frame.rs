//! Frames of a WebSocket (RFC 6455, section 5): a server's from their bytes, ours to theirs. Pure.

use crate::error::ReplyError;

/// The longest header of a frame that isn't masked.
pub(crate) const HEADER_BYTES_MAX: usize = 10;

/// The longest payload of a frame that says something of the connection.
pub(crate) const CONTROL_BYTES_MAX: usize = 125;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// More of a message.
    Continuation,
    /// A message, or its beginning.
    Binary,
    /// The connection ends.
    Close,
    /// It wants to be answered.
    Ping,
    /// An answer.
    Pong,
}

/// The beginning of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub kind: Kind,
    /// Whether its message ends with it.
    pub is_last: bool,
    /// Bytes that follow.
    pub payload_bytes: u64,
    /// Bytes of the header itself.
    pub header_bytes: usize,
}

/// Understands a server's frame; `None`: its header isn't there yet.
///
/// # Errors
/// It breaks a rule, or is text, which nobody sent.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, ReplyError> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    if first & 0x70 != 0 {
        return Err(ReplyError::ReservedBits);
    }
    if second & 0x80 != 0 {
        return Err(ReplyError::Masked);
    }
    let kind = match first & 0x0f {
        0 => Kind::Continuation,
        1 => return Err(ReplyError::Text),
        2 => Kind::Binary,
        8 => Kind::Close,
        9 => Kind::Ping,
        10 => Kind::Pong,
        _ => return Err(ReplyError::Frame),
    };
    let is_last = first & 0x80 != 0;
    let (payload_bytes, header_bytes) = match second & 0x7f {
        126 => match rest.first_chunk() {
            Some(length) => (u64::from(u16::from_be_bytes(*length)), 4),
            None => return Ok(None),
        },
        127 => match rest.first_chunk() {
            Some(length) => (u64::from_be_bytes(*length), 10),
            None => return Ok(None),
        },
        length => (u64::from(length), 2),
    };
    let is_control = !matches!(kind, Kind::Continuation | Kind::Binary);
    let is_shortest = match header_bytes {
        4 => payload_bytes > 125,
        10 => payload_bytes > 0xffff,
        _ => true,
    };
    if !is_shortest || (is_control && (!is_last || header_bytes > 2)) {
        return Err(ReplyError::Frame);
    }
    Ok(Some(Header {
        kind,
        is_last,
        payload_bytes,
        header_bytes,
    }))
}

/// The header of a whole frame of ours with its mask, and its length.
pub(crate) fn masked_header(opcode: u8, payload_bytes: usize, mask: [u8; 4]) -> ([u8; 14], usize) {
    let mut bytes = [0; 14];
    let (header, length) = plain_header(opcode, payload_bytes);
    bytes[..length].copy_from_slice(&header[..length]);
    bytes[1] |= 0x80;
    bytes[length..length + 4].copy_from_slice(&mask);
    (bytes, length + 4)
}

/// The header of a server's whole frame, and its length.
pub(crate) fn plain_header(opcode: u8, payload_bytes: usize) -> ([u8; HEADER_BYTES_MAX], usize) {
    let mut bytes = [0; HEADER_BYTES_MAX];
    bytes[0] = 0x80 | opcode;
    let length = match payload_bytes {
        0..=125 => {
            bytes[1] = payload_bytes as u8;
            2
        }
        126..=0xffff => {
            bytes[1] = 126;
            bytes[2..4].copy_from_slice(&(payload_bytes as u16).to_be_bytes());
            4
        }
        _ => {
            bytes[1] = 127;
            bytes[2..].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
            10
        }
    };
    (bytes, length)
}

/// Masks bytes that stand at this offset in their payload.
#[inline]
pub(crate) fn mask(bytes: &mut [u8], key: [u8; 4], offset: usize) {
    let mut key = key;
    key.rotate_left(offset % 4);
    let mut fours = bytes.chunks_exact_mut(4);
    for four in &mut fours {
        four.iter_mut()
            .zip(key)
            .for_each(|(byte, key)| *byte ^= key);
    }
    let rest = fours.into_remainder();
    rest.iter_mut()
        .zip(key)
        .for_each(|(byte, key)| *byte ^= key);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_lengths_are_understood() {
        for payload_bytes in [0, 125, 126, 0xffff, 0x1_0000, 1 << 20] {
            let (bytes, length) = plain_header(2, payload_bytes);
            let header = Header {
                kind: Kind::Binary,
                is_last: true,
                payload_bytes: payload_bytes as u64,
                header_bytes: length,
            };
            assert_eq!(parse(&bytes[..length]), Ok(Some(header)));
            assert_eq!(parse(&bytes[..length - 1]), Ok(None));
        }
    }

    #[test]
    fn each_broken_rule_is_named() {
        for (bytes, error) in [
            (&[0xc2, 0][..], ReplyError::ReservedBits),
            (&[0x82, 0x80], ReplyError::Masked),
            (&[0x81, 0], ReplyError::Text),
            (&[0x83, 0], ReplyError::Frame),
            (&[0x09, 0], ReplyError::Frame),
            (&[0x89, 126, 0, 200], ReplyError::Frame),
            (&[0x82, 126, 0, 5], ReplyError::Frame),
            (&[0x82, 127, 0, 0, 0, 0, 0, 0, 0, 200], ReplyError::Frame),
        ] {
            assert_eq!(parse(bytes), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn a_mask_is_taken_off_by_itself_wherever_it_is_cut() {
        let plain: Vec<u8> = (0..40).collect();
        for cut in 0..plain.len() {
            let mut bytes = plain.clone();
            mask(&mut bytes, [1, 2, 3, 4], 0);
            let (one, other) = bytes.split_at_mut(cut);
            mask(one, [1, 2, 3, 4], 0);
            mask(other, [1, 2, 3, 4], cut);
            assert_eq!(bytes, plain);
        }
    }
}
