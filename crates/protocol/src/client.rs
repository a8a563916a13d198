//! The generator's half of the wire: which bytes a request consists of, and whether the bytes
//! that came back are the right ones.
//!
//! Every message is a function of its id alone, so a connection needs to remember two numbers
//! (which message, how far into it) and not the bytes, and a reply that belongs to another
//! request, is too long, too short or altered, differs from what is expected.

use crate::wire::{HEADER_BYTES, Header, Kind, RAW_PREFIX_BYTES, Wire};
use serde::{Deserialize, Serialize};

/// Payloads start at one of this many places in the pattern (a prime, so that neighbouring
/// ids don't meet the same bytes).
const PATTERN_STARTS: usize = 4093;

/// Up to this length every byte of every reply is compared.
const FULLY_COMPARED_BYTES: usize = 4096;

/// Of longer messages one in this many is compared whole, the others by their prefix.
const COMPARED_SHARE: u32 = 16;

/// What the requests of a trial ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Workload {
    /// Every request is an `echo`.
    Echo,
    /// Requests are `discard`s; an `echo` closes each batch, and its reply proves that the
    /// whole batch has been read.
    Discard,
}

/// The messages of all connections of a trial.
#[derive(Debug)]
pub struct Messages {
    wire: Wire,
    payload_bytes: usize,
    batch: u32,
    pattern: Box<[u8]>,
}

/// Names one message: the `sequence`-th of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageId {
    /// The connection, unique among all generators of a trial.
    pub connection: u32,
    /// Counted from 0 on each connection.
    pub sequence: u32,
}

impl Messages {
    /// Messages with `payload_bytes` of payload (framed: `0..=MAX_PAYLOAD_BYTES`) or of that
    /// size (raw: at least [`RAW_PREFIX_BYTES`]; less is taken as that).
    ///
    /// The last message of every `batch` (at least 1) is an echo, the others are discards: a
    /// batch of one is the `echo` workload. A raw wire has echoes only.
    pub fn new(wire: Wire, payload_bytes: u32, batch: u32) -> Self {
        let payload_bytes = match wire {
            Wire::Framed => payload_bytes as usize,
            Wire::Raw => (payload_bytes as usize).saturating_sub(RAW_PREFIX_BYTES),
        };
        // splitmix64: cheap, and no two stretches of it look alike.
        let pattern = (0..payload_bytes + PATTERN_STARTS)
            .map(|i| {
                let mut z = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                (z >> 56) as u8
            })
            .collect();
        let batch = match wire {
            Wire::Framed => batch.max(1),
            Wire::Raw => 1,
        };
        Self {
            wire,
            payload_bytes,
            batch,
            pattern,
        }
    }

    /// Messages per batch; one reply comes back for each batch.
    pub fn batch(&self) -> u32 {
        self.batch
    }

    /// The batch that a message belongs to.
    #[inline]
    pub fn batch_of(&self, sequence: u32) -> u32 {
        // Divisions are what the request's way can spare most easily: nearly all batches are
        // of one.
        if self.batch == 1 {
            sequence
        } else {
            sequence / self.batch
        }
    }

    /// Whether a message is the first of its batch.
    #[inline]
    pub fn opens_batch(&self, sequence: u32) -> bool {
        self.batch == 1 || sequence.is_multiple_of(self.batch)
    }

    /// Whether a message is the last of its batch, the one that is answered.
    #[inline]
    fn closes_batch(&self, sequence: u32) -> bool {
        self.batch == 1 || sequence % self.batch == self.batch - 1
    }

    /// Length of one message, header included.
    pub fn message_bytes(&self) -> usize {
        self.prefix_bytes() + self.payload_bytes
    }

    /// Copies the message's bytes from `offset` on into `out`, as many as there are or fit;
    /// returns how many.
    #[inline]
    pub fn write(&self, id: MessageId, offset: usize, out: &mut [u8]) -> usize {
        let prefix_bytes = self.prefix_bytes();
        let mut written = 0;
        if offset < prefix_bytes {
            let prefix = self.prefix(id);
            let part = &prefix[offset..prefix_bytes];
            written = part.len().min(out.len());
            out[..written].copy_from_slice(&part[..written]);
        }
        let from = (offset + written).saturating_sub(prefix_bytes);
        let payload = &self.payload(id)[from..];
        let rest = &mut out[written..];
        let length = payload.len().min(rest.len());
        rest[..length].copy_from_slice(&payload[..length]);
        written + length
    }

    /// Whether `received` is what the reply to this message holds from `offset` on. The
    /// caller hands over no more than the message's end.
    #[inline]
    pub fn matches(&self, id: MessageId, offset: usize, received: &[u8]) -> bool {
        let prefix_bytes = self.prefix_bytes();
        let mut rest = received;
        if offset < prefix_bytes {
            let prefix = self.prefix(id);
            let part = &prefix[offset..prefix_bytes];
            let length = part.len().min(received.len());
            if part[..length] != received[..length] {
                return false;
            }
            rest = &received[length..];
        }
        if self.payload_bytes > FULLY_COMPARED_BYTES && !id.sequence.is_multiple_of(COMPARED_SHARE)
        {
            return true;
        }
        let from = (offset + received.len() - rest.len()).saturating_sub(prefix_bytes);
        self.payload(id).get(from..from + rest.len()) == Some(rest)
    }

    #[inline]
    fn prefix_bytes(&self) -> usize {
        match self.wire {
            Wire::Framed => HEADER_BYTES,
            Wire::Raw => RAW_PREFIX_BYTES,
        }
    }

    #[inline]
    fn prefix(&self, id: MessageId) -> [u8; HEADER_BYTES] {
        let number = u64::from(id.connection) << 32 | u64::from(id.sequence);
        match self.wire {
            Wire::Framed => Header {
                kind: if self.closes_batch(id.sequence) {
                    Kind::Echo
                } else {
                    Kind::Discard
                },
                payload_bytes: self.payload_bytes as u32,
                id: number,
                argument: 0,
            }
            .encode(),
            Wire::Raw => {
                let mut bytes = [0; HEADER_BYTES];
                bytes[..RAW_PREFIX_BYTES].copy_from_slice(&number.to_le_bytes());
                bytes
            }
        }
    }

    #[inline]
    fn payload(&self, id: MessageId) -> &[u8] {
        let mixed = (id.connection ^ id.sequence.rotate_left(16)).wrapping_mul(0x9e37_79b1);
        let start = mixed as usize % PATTERN_STARTS;
        &self.pattern[start..start + self.payload_bytes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Chunk, Session};
    use proptest::prelude::*;

    fn whole(messages: &Messages, id: MessageId) -> Vec<u8> {
        let mut bytes = vec![0; messages.message_bytes() + 1];
        assert_eq!(messages.write(id, 0, &mut bytes), messages.message_bytes());
        bytes.truncate(messages.message_bytes());
        bytes
    }

    proptest! {
        #[test]
        fn pieces_are_written_and_recognised_at_any_offset(
            raw in any::<bool>(),
            payload_bytes in 0_u32..200,
            connection in any::<u32>(),
            sequence in any::<u32>(),
            cut in 0_usize..230,
            flipped in any::<prop::sample::Index>(),
        ) {
            let wire = if raw { Wire::Raw } else { Wire::Framed };
            let messages = Messages::new(wire, payload_bytes, 3);
            let id = MessageId { connection, sequence };
            let bytes = whole(&messages, id);
            let cut = cut.min(bytes.len());

            let mut tail = vec![0; bytes.len() - cut];
            prop_assert_eq!(messages.write(id, cut, &mut tail), tail.len());
            prop_assert_eq!(&tail[..], &bytes[cut..]);
            prop_assert!(messages.matches(id, 0, &bytes[..cut]));
            prop_assert!(messages.matches(id, cut, &tail));

            let mut wrong = bytes.clone();
            let at = flipped.index(wrong.len());
            wrong[at] ^= 1;
            prop_assert!(!messages.matches(id, 0, &wrong));
        }
    }

    #[test]
    fn the_last_of_a_batch_is_answered_and_the_others_are_not() {
        let messages = Messages::new(Wire::Framed, 5, 3);
        let mut session = Session::new(Wire::Framed);
        let mut chunk = Chunk::new(4096);
        let stream: Vec<u8> = (0..3)
            .flat_map(|sequence| {
                whole(
                    &messages,
                    MessageId {
                        connection: 1,
                        sequence,
                    },
                )
            })
            .collect();
        chunk.space()[..stream.len()].copy_from_slice(&stream);
        chunk.fill(stream.len());
        let (mut requests, mut reply) = (0, Vec::new());
        while let Some(step) = session.next(&mut chunk).unwrap() {
            requests += step.requests;
            reply.extend_from_slice(step.reply);
        }
        assert_eq!(requests, 3);
        let last = MessageId {
            connection: 1,
            sequence: 2,
        };
        assert_eq!(reply.len(), messages.message_bytes());
        assert!(messages.matches(last, 0, &reply));
    }

    #[test]
    fn another_requests_reply_is_not_taken() {
        let messages = Messages::new(Wire::Framed, 8, 1);
        let reply = whole(
            &messages,
            MessageId {
                connection: 1,
                sequence: 1,
            },
        );
        for (connection, sequence) in [(1, 2), (2, 1)] {
            assert!(!messages.matches(
                MessageId {
                    connection,
                    sequence
                },
                0,
                &reply
            ));
        }
    }
}
