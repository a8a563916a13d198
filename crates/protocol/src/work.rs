//! Requests that take time: `cpu`, `wait` and `block`.
//!
//! A session hands out such a request whole, as [`Work`], instead of replying. The server does
//! it wherever its model does such things, and [`Work::finish`] makes the reply of it. Hashes
//! are computed here, because every server computes the same; to let time pass is up to the
//! server, because that is where servers differ.
//!
//! Work takes along the bytes that came after it in its chunk. Until the server goes on with
//! those ([`Finished::into_rest`]), nothing behind the work can be answered: replies stay in order
//! without anyone taking care of it, and only a connection with work to do holds bytes.

use crate::{
    chunk::Chunk,
    wire::{DIGEST_BYTES, HEADER_BYTES, Header, Kind},
};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// A SHA-256 digest.
pub type Digest = [u8; DIGEST_BYTES];

/// The digest that a `cpu` request asks for: over the bytes, and then over each digest before,
/// `hashes` times in all (none count as one).
pub fn chained_digest(bytes: &[u8], hashes: u32) -> Digest {
    let mut digest = Sha256::digest(bytes);
    for _ in 1..hashes {
        digest = Sha256::digest(digest);
    }
    digest.into()
}

/// 64-byte blocks that SHA-256 works through for [`chained_digest`]: a measure of the time it
/// takes.
pub fn digest_blocks(bytes: usize, hashes: u32) -> u64 {
    // Padding takes 9 bytes, so a digest fits one block.
    (bytes as u64 + 9).div_ceil(64) + u64::from(hashes.saturating_sub(1))
}

/// A request that takes time, received whole.
///
/// A pointer: what it points to exists only while the request is received and worked on.
#[derive(Debug)]
pub struct Work(Box<Request>);

#[derive(Debug)]
struct Request {
    header: Header,
    /// The request as it came; once hashing has begun, the reply as far as it is computed.
    frame: Vec<u8>,
    /// `cpu` hashes still to be computed.
    hashes_left: u32,
    /// What came behind the request.
    rest: Chunk,
}

/// What has to be done before the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Compute a digest.
    Cpu {
        /// See [`digest_blocks`].
        blocks: u64,
    },
    /// Let this time pass without holding a thread.
    Wait(Duration),
    /// Block a thread for this time.
    Block(Duration),
}

impl Work {
    /// A request of which nothing but the header has been looked at.
    pub(crate) fn asked_by(header: Header) -> Self {
        Self(Box::new(Request {
            header,
            frame: Vec::new(),
            hashes_left: match header.kind {
                Kind::Cpu => header.argument,
                _ => 0,
            },
            rest: Chunk::empty(),
        }))
    }

    /// Takes as many of the next bytes as belong to it, header included; returns how many.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> usize {
        let Request { header, frame, .. } = &mut *self.0;
        let missing = HEADER_BYTES + header.payload_bytes as usize - frame.len();
        let taken = missing.min(bytes.len());
        if frame.capacity() - frame.len() < taken {
            // Memory grows with what has come, not with what was announced, and never beyond:
            // an announcement costs a client nothing.
            frame.reserve_exact(taken.max(frame.len()).min(missing));
        }
        frame.extend_from_slice(&bytes[..taken]);
        taken
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.0.frame.len() == HEADER_BYTES + self.0.header.payload_bytes as usize
    }

    pub(crate) fn take_along(&mut self, rest: Chunk) {
        self.0.rest = rest;
    }

    /// What is asked for.
    pub fn task(&self) -> Task {
        let Header {
            kind,
            argument,
            payload_bytes,
            ..
        } = self.0.header;
        let time = Duration::from_micros(argument.into());
        match kind {
            Kind::Cpu => Task::Cpu {
                blocks: digest_blocks(payload_bytes as usize, argument),
            },
            Kind::Block => Task::Block(time),
            // The others are done when they have been read, and never become work.
            Kind::Wait | Kind::Echo | Kind::Discard => Task::Wait(time),
        }
    }

    /// Computes up to `hashes` of the hashes that are left; says whether none is left. For
    /// servers that work a stretch at a time.
    pub fn hash(&mut self, hashes: u32) -> bool {
        let Request {
            header,
            frame,
            hashes_left,
            ..
        } = &mut *self.0;
        let now = hashes.min(*hashes_left);
        if now > 0 {
            let digest = chained_digest(&frame[HEADER_BYTES..], now);
            let reply = Header {
                payload_bytes: DIGEST_BYTES as u32,
                ..*header
            };
            // A buffer of its own size: the payload's may be a megabyte.
            *frame = [&reply.encode()[..], &digest].concat();
            *hashes_left -= now;
        }
        *hashes_left == 0
    }

    /// Computes the hashes that are left. The time of `wait` and `block` has to be over.
    pub fn finish(mut self) -> Finished {
        self.hash(u32::MAX);
        Finished(self)
    }
}

/// Work that is done: its reply, and what came behind the request.
#[derive(Debug)]
pub struct Finished(Work);

impl Finished {
    /// The reply's bytes.
    pub fn reply(&self) -> &[u8] {
        &self.0.0.frame
    }

    /// What the session has to go on with, once the reply is on its way. It is only to be
    /// worked through: reads go into another chunk.
    pub fn into_rest(self) -> Chunk {
        self.0.0.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn digests_are_those_of_the_standard() {
        // FIPS 180-2, appendix B.1; the chained one by Python's hashlib.
        assert_eq!(
            hex(&chained_digest(b"abc", 1)),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            hex(&chained_digest(b"abc", 3)),
            "f2a778f1a6ed3d5bc59a5d79104c598f3f07093f240ca4e91333fb09ed4f36da"
        );
    }

    #[test]
    fn blocks_count_the_padding() {
        assert_eq!(
            [0, 55, 56, 119, 120].map(|n| digest_blocks(n, 1)),
            [1, 1, 2, 2, 3]
        );
        assert_eq!(digest_blocks(0, 1000), 1000);
    }

    #[test]
    fn a_digest_in_stretches_is_the_digest() {
        let header = Header {
            kind: Kind::Cpu,
            payload_bytes: 100,
            id: 9,
            argument: 1000,
        };
        let request = [&header.encode()[..], &[7; 100]].concat();
        let work = || {
            let mut work = Work::asked_by(header);
            assert_eq!(work.receive(&request), request.len());
            work
        };
        let at_once = work().finish();
        assert_eq!(
            at_once.reply()[HEADER_BYTES..],
            chained_digest(&[7; 100], 1000)
        );

        let mut slowly = work();
        let mut stretches = 1;
        while !slowly.hash(300) {
            stretches += 1;
        }
        assert_eq!(stretches, 4);
        assert_eq!(slowly.finish().reply(), at_once.reply());
    }

    #[test]
    fn an_announced_payload_takes_no_more_memory_than_came() {
        let header = Header {
            kind: Kind::Wait,
            payload_bytes: 1 << 20,
            id: 9,
            argument: 1000,
        };
        for piece in [1_000, 30_000, 50_000, 70_000, 300_000] {
            let mut work = Work::asked_by(header);
            assert_eq!(work.receive(&header.encode()), HEADER_BYTES);
            assert!(work.0.frame.capacity() <= 2 * HEADER_BYTES);
            let mut came = HEADER_BYTES;
            while !work.is_whole() {
                came += work.receive(&vec![0; piece]);
                assert!(work.0.frame.capacity() <= (2 * came).min(HEADER_BYTES + (1 << 20)));
            }
            assert_eq!(came, HEADER_BYTES + (1 << 20));
        }
    }
}
