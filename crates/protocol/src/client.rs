//! The generator's half of the wire: which bytes a request consists of, and whether the bytes
//! that came back are the right ones.
//!
//! Every message is a function of its id alone, so a connection needs to remember two numbers
//! (which message, how far into it) and not the bytes, and a reply that belongs to another
//! request, is too long, too short or altered, differs from what is expected.
//!
//! The digest of a `cpu` reply can't be computed again for every reply: that would cost the
//! generator as much as the server. So `cpu` requests have few different payloads, whose digests
//! are computed once at the start. A server could remember them too; that it doesn't is a
//! matter of its source, like all else that a server could do to please a benchmark.

mod workload;

pub use workload::{Mix, Part, Workload, WorkloadError};

use crate::{
    wire::{DIGEST_BYTES, HEADER_BYTES, Header, Kind, RAW_PREFIX_BYTES, Wire},
    work::{Digest, chained_digest, digest_blocks},
};
use thiserror::Error;
use workload::WHOLE_PPM;

/// Payloads start at one of this many places in the pattern (a prime, so that neighbouring
/// ids don't meet the same bytes).
const PATTERN_STARTS: usize = 4093;

/// Up to this length every byte of every reply is compared.
const FULLY_COMPARED_BYTES: usize = 4096;

/// Of longer messages one in this many is compared whole, the others by their prefix.
const COMPARED_SHARE: u32 = 16;

/// SHA-256 blocks that are computed at the start for a kind of `cpu` request: some tens of
/// milliseconds. It decides how many different payloads there are.
const STARTUP_BLOCKS: u64 = 500_000;

/// The least number of payloads for a kind of `cpu` request, however long they take.
const DIGESTS_MIN: u64 = 4;

/// The messages of all connections of a trial.
#[derive(Debug)]
pub struct Messages {
    wire: Wire,
    payload_bytes: usize,
    batch: u32,
    pattern: Box<[u8]>,
    /// None when every message is an echo or a discard.
    parts: Box<[MessagePart]>,
    /// Turns the lots by which messages are dealt to the parts.
    mix_seed: u64,
}

/// A part of a mix: which messages it has and what their replies are.
#[derive(Debug)]
struct MessagePart {
    kind: Kind,
    argument: u32,
    /// A message belongs to the first part that its lot is below.
    lots_below: u64,
    /// Of `cpu`: by the payload's start in the pattern.
    digests: Box<[Digest]>,
}

/// A workload that the wire can't say.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the {wire} wire has echoes only, it can't say {0}; use the framed wire", wire = .1.word())]
pub struct Unspeakable(Workload, Wire);

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
    /// size (raw: at least [`RAW_PREFIX_BYTES`]; less is taken as that). What another wire carries
    /// is a message of the raw one.
    ///
    /// Of `discard`, the last message of every `batch` (at least 1) is an echo. In the other
    /// workloads every message is a batch of its own.
    ///
    /// # Errors
    /// All wires but the framed one have echoes only.
    pub fn new(
        wire: Wire,
        workload: &Workload,
        payload_bytes: u32,
        batch: u32,
    ) -> Result<Self, Unspeakable> {
        if wire != Wire::Framed && !matches!(workload, Workload::Echo | Workload::Relay) {
            return Err(Unspeakable(workload.clone(), wire));
        }
        let payload_bytes = match wire {
            Wire::Framed => payload_bytes as usize,
            Wire::Raw | Wire::Http1 | Wire::Websocket => {
                (payload_bytes as usize).saturating_sub(RAW_PREFIX_BYTES)
            }
        };
        let pattern: Box<[u8]> = (0..payload_bytes + PATTERN_STARTS)
            .map(|i| (scatter(i as u64) >> 56) as u8)
            .collect();
        let mut below_ppm = 0;
        let parts = match workload {
            Workload::Echo | Workload::Discard | Workload::Relay => &[],
            Workload::Mix(mix) => mix.parts(),
        };
        let parts = parts.iter().map(|part| {
            below_ppm += part.share_ppm;
            MessagePart {
                kind: part.kind,
                argument: part.argument,
                lots_below: (u64::from(below_ppm) << 32) / u64::from(WHOLE_PPM),
                digests: match part.kind {
                    Kind::Cpu => digests(&pattern, payload_bytes, part.argument),
                    _ => Box::default(),
                },
            }
        });
        Ok(Self {
            wire,
            payload_bytes,
            batch: match workload {
                Workload::Discard => batch.max(1),
                Workload::Echo | Workload::Relay | Workload::Mix(_) => 1,
            },
            parts: parts.collect(),
            mix_seed: 0,
            pattern,
        })
    }

    /// The same, with its messages dealt to the parts of a mix by another seed: what a share comes to among
    /// a few thousand messages is chance, and one that stayed the same would be in every trial.
    #[must_use]
    pub fn mixed_by(self, seed: u64) -> Self {
        Self {
            mix_seed: scatter(seed),
            ..self
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

    /// Whether a message is the last of its batch, the one that is answered.
    #[inline]
    fn closes_batch(&self, sequence: u32) -> bool {
        self.batch == 1 || sequence % self.batch == self.batch - 1
    }

    /// Length of one message, header included.
    pub fn message_bytes(&self) -> usize {
        self.prefix_bytes() + self.payload_bytes
    }

    /// Length of the reply to this message, header included.
    #[inline]
    pub fn reply_bytes(&self, id: MessageId) -> usize {
        match self.part(id) {
            Some(part) if part.kind == Kind::Cpu => HEADER_BYTES + DIGEST_BYTES,
            _ => self.message_bytes(),
        }
    }

    /// How long a server has to take for this message at least, in microseconds: what `wait` and `block`
    /// ask for, 0 for all else.
    #[inline]
    pub fn takes_at_least_us(&self, id: MessageId) -> u32 {
        match self.part(id) {
            Some(part) if matches!(part.kind, Kind::Wait | Kind::Block) => part.argument,
            _ => 0,
        }
    }

    /// Copies the message's bytes from `offset` on into `out`, as many as there are or fit;
    /// returns how many.
    #[inline]
    pub fn write(&self, id: MessageId, offset: usize, out: &mut [u8]) -> usize {
        let prefix_bytes = self.prefix_bytes();
        let part = self.part(id);
        let mut written = 0;
        if offset < prefix_bytes {
            let prefix = self.prefix(id, part, self.payload_bytes);
            let part = &prefix[offset..prefix_bytes];
            written = part.len().min(out.len());
            out[..written].copy_from_slice(&part[..written]);
        }
        let from = (offset + written).saturating_sub(prefix_bytes);
        let payload = &self.payload(id, part)[from..];
        let rest = &mut out[written..];
        let length = payload.len().min(rest.len());
        rest[..length].copy_from_slice(&payload[..length]);
        written + length
    }

    /// Whether `received` is what the reply to this message holds from `offset` on. The
    /// caller hands over no more than the reply's end.
    #[inline]
    pub fn matches(&self, id: MessageId, offset: usize, received: &[u8]) -> bool {
        let prefix_bytes = self.prefix_bytes();
        let part = self.part(id);
        let payload = match part.and_then(|part| part.digest(id)) {
            None => self.payload(id, part),
            Some(digest) => digest,
        };
        let mut rest = received;
        if offset < prefix_bytes {
            let prefix = self.prefix(id, part, payload.len());
            let part = &prefix[offset..prefix_bytes];
            let length = part.len().min(received.len());
            if part[..length] != received[..length] {
                return false;
            }
            rest = &received[length..];
        }
        // Of batches, of which the last message is answered: their numbers may all be odd.
        let is_sampled = || self.batch_of(id.sequence).is_multiple_of(COMPARED_SHARE);
        if payload.len() > FULLY_COMPARED_BYTES && !is_sampled() {
            return true;
        }
        let from = (offset + received.len() - rest.len()).saturating_sub(prefix_bytes);
        payload.get(from..from + rest.len()) == Some(rest)
    }

    #[inline]
    fn prefix_bytes(&self) -> usize {
        match self.wire {
            Wire::Framed => HEADER_BYTES,
            Wire::Raw | Wire::Http1 | Wire::Websocket => RAW_PREFIX_BYTES,
        }
    }

    /// The start of a message or its reply, which differ in the length of their payload.
    #[inline]
    fn prefix(
        &self,
        id: MessageId,
        part: Option<&MessagePart>,
        payload_bytes: usize,
    ) -> [u8; HEADER_BYTES] {
        match self.wire {
            Wire::Framed => {
                let (kind, argument) = match part {
                    Some(part) => (part.kind, part.argument),
                    None if self.closes_batch(id.sequence) => (Kind::Echo, 0),
                    None => (Kind::Discard, 0),
                };
                Header {
                    kind,
                    payload_bytes: payload_bytes as u32,
                    id: id.number(),
                    argument,
                }
                .encode()
            }
            Wire::Raw | Wire::Http1 | Wire::Websocket => {
                let mut bytes = [0; HEADER_BYTES];
                bytes[..RAW_PREFIX_BYTES].copy_from_slice(&id.number().to_le_bytes());
                bytes
            }
        }
    }

    /// The part of the mix that the message belongs to, if the workload is one.
    #[inline]
    fn part(&self, id: MessageId) -> Option<&MessagePart> {
        if self.parts.is_empty() {
            return None;
        }
        let lot = scatter(id.number() ^ self.mix_seed) >> 32;
        self.parts.iter().find(|part| lot < part.lots_below)
    }

    #[inline]
    fn payload(&self, id: MessageId, part: Option<&MessagePart>) -> &[u8] {
        let start = match part {
            Some(part) if part.kind == Kind::Cpu => part.start(id),
            _ => id.scattered() % PATTERN_STARTS,
        };
        &self.pattern[start..start + self.payload_bytes]
    }
}

impl MessagePart {
    /// Where in the pattern the payload of a `cpu` message starts.
    #[inline]
    fn start(&self, id: MessageId) -> usize {
        id.scattered() % self.digests.len().max(1)
    }

    #[inline]
    fn digest(&self, id: MessageId) -> Option<&[u8]> {
        let digest = self.digests.get(self.start(id))?;
        Some(digest)
    }
}

impl MessageId {
    /// The id in the header.
    #[inline]
    fn number(self) -> u64 {
        u64::from(self.connection) << 32 | u64::from(self.sequence)
    }

    /// Another number for each, so that neighbours don't meet the same payload.
    #[inline]
    fn scattered(self) -> usize {
        (self.connection ^ self.sequence.rotate_left(16)).wrapping_mul(0x9e37_79b1) as usize
    }
}

/// The replies to `cpu` requests whose payloads start at the pattern's first places.
fn digests(pattern: &[u8], payload_bytes: usize, hashes: u32) -> Box<[Digest]> {
    let affordable = STARTUP_BLOCKS / digest_blocks(payload_bytes, hashes);
    let starts = affordable.clamp(DIGESTS_MIN, PATTERN_STARTS as u64) as usize;
    let payloads = (0..starts).map(|start| &pattern[start..start + payload_bytes]);
    payloads
        .map(|payload| chained_digest(payload, hashes))
        .collect()
}

/// splitmix64: cheap, and no two stretches of it look alike.
#[inline]
fn scatter(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
