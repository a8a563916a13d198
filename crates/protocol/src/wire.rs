//! The wire, version 1: how requests and replies lie in a TCP stream.
//!
//! **framed** is a fixed header followed by a payload. All integers are little-endian.
//!
//! | offset | bytes | field | meaning |
//! |---:|---:|---|---|
//! | 0 | 1 | version | [`VERSION`] |
//! | 1 | 1 | kind | what the server shall do: see below |
//! | 2 | 2 | reserved | zero |
//! | 4 | 4 | payload length | bytes after the header, at most [`MAX_PAYLOAD_BYTES`] |
//! | 8 | 8 | id | the client's; a reply carries its request's |
//! | 16 | 4 | argument | of the kind: see below |
//!
//! | kind | | argument | the server | reply |
//! |---|---:|---|---|---|
//! | `echo` | 0 | 0 | answers at once | the request, byte for byte |
//! | `discard` | 1 | 0 | drops it | none |
//! | `cpu` | 2 | hashes, 1 to [`HASHES_MAX`] | computes the digest | the digest |
//! | `wait` | 3 | microseconds, 0 to [`TIME_MAX_US`] | lets the time pass, holding no thread | the request, byte for byte |
//! | `block` | 4 | microseconds, 0 to [`TIME_MAX_US`] | blocks a thread for the time | the request, byte for byte |
//!
//! The digest of `cpu` is SHA-256 over the payload and then, as often as the argument is more
//! than 1, SHA-256 over the digest before. The reply has the request's version, kind, id and
//! argument, and a payload of [`DIGEST_BYTES`] bytes. Time counts from when the request has
//! been received whole.
//!
//! Replies come in the order of their requests: a request that takes time holds up those that
//! follow on its connection. A header that breaks a rule gets its connection closed, after the
//! requests before it have been answered, and touches no other connection.
//!
//! **raw** has no frames: fixed-size messages of at least [`RAW_PREFIX_BYTES`] bytes, of
//! which the first eight are a sequence number. The server echoes bytes as they come, so
//! that any echo server in the world can be measured.
//!
//! Others' servers may speak **http1**: HTTP/1.1 (RFC 9112) over connections that are kept, or
//! **websocket**: RFC 6455, whose messages are those of the raw wire. What is asked of them in HTTP is
//! in [`crate::http`].

use serde::{Deserialize, Serialize};
use std::{ops::RangeInclusive, str::FromStr};
use thiserror::Error;

/// The wire's version, the first byte of every frame.
pub const VERSION: u8 = 1;

/// Length of a frame's header in bytes.
pub const HEADER_BYTES: usize = 20;

/// The longest payload a frame may announce: 1 MiB.
pub const MAX_PAYLOAD_BYTES: u32 = 1 << 20;

/// The most hashes that one `cpu` request may ask for: a tenth of a second or so.
pub const HASHES_MAX: u32 = 1_000_000;

/// The longest time that a `wait` or `block` request may ask for: 10 s.
pub const TIME_MAX_US: u32 = 10_000_000;

/// Length of a `cpu` reply's payload: a SHA-256 digest.
pub const DIGEST_BYTES: usize = 32;

/// The sequence number at the start of every raw message, in bytes.
pub const RAW_PREFIX_BYTES: usize = 8;

/// What requests and replies look like on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// A header, then a payload.
    Framed,
    /// Bytes are echoed as they come.
    Raw,
    /// HTTP/1.1.
    Http1,
    /// WebSockets.
    Websocket,
}

impl Wire {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Framed, Self::Raw, Self::Http1, Self::Websocket];

    /// Those that a server which keeps the launch contract speaks.
    pub const OF_CONTRACT: [Self; 2] = [Self::Framed, Self::Raw];

    /// Whether a server that keeps the launch contract speaks it.
    pub fn is_of_contract(self) -> bool {
        Self::OF_CONTRACT.contains(&self)
    }

    /// Its name, as command lines and reports have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Framed => "framed",
            Self::Raw => "raw",
            Self::Http1 => "http1",
            Self::Websocket => "websocket",
        }
    }
}

impl FromStr for Wire {
    type Err = UnknownWire;

    fn from_str(text: &str) -> Result<Self, UnknownWire> {
        let mut all = Self::ALL.into_iter();
        all.find(|wire| wire.word() == text)
            .ok_or_else(|| UnknownWire(text.to_owned()))
    }
}

/// A text that names no wire.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no wire {0:?}; there are framed, raw, http1 and websocket")]
pub struct UnknownWire(String);

/// What one request asks the server to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Kind {
    /// Answer at once with the request itself.
    Echo = 0,
    /// Read it, drop it, say nothing.
    Discard = 1,
    /// Compute chained hashes, answer with the digest.
    Cpu = 2,
    /// Answer after a time, without holding a thread meanwhile.
    Wait = 3,
    /// Answer after a call that blocks its thread for a time.
    Block = 4,
}

impl Kind {
    /// The arguments that a request of this kind may have.
    #[inline]
    pub const fn arguments(self) -> RangeInclusive<u32> {
        match self {
            Self::Echo | Self::Discard => 0..=0,
            Self::Cpu => 1..=HASHES_MAX,
            Self::Wait | Self::Block => 0..=TIME_MAX_US,
        }
    }

    /// Whether its requests are work for later, rather than done when they have been read.
    #[inline]
    pub const fn takes_time(self) -> bool {
        matches!(self, Self::Cpu | Self::Wait | Self::Block)
    }
}

/// A frame's header: the version and the reserved bytes are implied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What to do.
    pub kind: Kind,
    /// Bytes that follow the header, `0..=MAX_PAYLOAD_BYTES`.
    pub payload_bytes: u32,
    /// The client's name for this request.
    pub id: u64,
    /// The kind's argument.
    pub argument: u32,
}

/// Why a header is no header of this wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// The first byte is not [`VERSION`].
    #[error("wire version {0} instead of {VERSION}")]
    Version(u8),
    /// No such kind.
    #[error("unknown kind {0}")]
    Kind(u8),
    /// The reserved bytes are not zero.
    #[error("reserved bytes are {0:#06x} instead of zero")]
    Reserved(u16),
    /// A payload beyond the bound.
    #[error("payload of {0} bytes is over the bound of {MAX_PAYLOAD_BYTES}")]
    Length(u32),
    /// An argument that the kind doesn't take.
    #[error("argument {argument} for {kind:?}, which takes {:?}", kind.arguments())]
    Argument {
        /// The request's kind.
        kind: Kind,
        /// Outside of [`Kind::arguments`].
        argument: u32,
    },
}

impl Header {
    /// The header's bytes.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = VERSION;
        bytes[1] = self.kind as u8;
        bytes[4..8].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.id.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.argument.to_le_bytes());
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    /// The first rule that the bytes break, in the order of the fields.
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, Malformed> {
        let [
            version,
            kind,
            r0,
            r1,
            l0,
            l1,
            l2,
            l3,
            id @ ..,
            a0,
            a1,
            a2,
            a3,
        ] = *bytes;
        if version != VERSION {
            return Err(Malformed::Version(version));
        }
        let kind = match kind {
            0 => Kind::Echo,
            1 => Kind::Discard,
            2 => Kind::Cpu,
            3 => Kind::Wait,
            4 => Kind::Block,
            other => return Err(Malformed::Kind(other)),
        };
        let reserved = u16::from_le_bytes([r0, r1]);
        if reserved != 0 {
            return Err(Malformed::Reserved(reserved));
        }
        let payload_bytes = u32::from_le_bytes([l0, l1, l2, l3]);
        if payload_bytes > MAX_PAYLOAD_BYTES {
            return Err(Malformed::Length(payload_bytes));
        }
        let argument = u32::from_le_bytes([a0, a1, a2, a3]);
        if !kind.arguments().contains(&argument) {
            return Err(Malformed::Argument { kind, argument });
        }
        Ok(Self {
            kind,
            payload_bytes,
            id: u64::from_le_bytes(id),
            argument,
        })
    }

    /// The frame that `bytes` begin with, header included, if all of it is there: for a server
    /// that treats requests one by one. Others understand whole reads, with a `Session`.
    ///
    /// # Errors
    /// As [`Header::decode`].
    pub fn first_frame(bytes: &[u8]) -> Result<Option<(Self, &[u8])>, Malformed> {
        let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let header = Self::decode(header)?;
        let frame = bytes.get(..HEADER_BYTES + header.payload_bytes as usize);
        Ok(frame.map(|frame| (header, frame)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_offsets_hold() {
        let header = Header {
            kind: Kind::Discard,
            payload_bytes: 0x0001_0203,
            id: 0x1112_1314_1516_1718,
            argument: 0,
        };
        let bytes = header.encode();
        assert_eq!(
            bytes,
            [
                1, 1, 0, 0, 3, 2, 1, 0, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 0, 0, 0, 0
            ]
        );
        assert_eq!(Header::decode(&bytes), Ok(header));
    }

    #[test]
    fn a_frame_is_there_when_its_last_byte_is() {
        let header = Header {
            kind: Kind::Echo,
            payload_bytes: 3,
            id: 7,
            argument: 0,
        };
        let bytes = [&header.encode()[..], b"abc", b"next"].concat();
        let first = |length| Header::first_frame(&bytes[..length]);
        assert_eq!(first(HEADER_BYTES - 1), Ok(None));
        assert_eq!(first(HEADER_BYTES + 2), Ok(None));
        let whole = Ok(Some((header, &bytes[..HEADER_BYTES + 3])));
        assert_eq!(first(HEADER_BYTES + 3), whole);
        assert_eq!(first(bytes.len()), whole);
        assert_eq!(
            Header::first_frame(&[9; HEADER_BYTES]),
            Err(Malformed::Version(9))
        );
    }

    #[test]
    fn each_broken_rule_is_named() {
        let good = Header {
            kind: Kind::Echo,
            payload_bytes: MAX_PAYLOAD_BYTES,
            id: 7,
            argument: 0,
        }
        .encode();
        let broken = |offset: usize, value: u8| {
            let mut bytes = good;
            bytes[offset] = value;
            Header::decode(&bytes)
        };
        assert!(Header::decode(&good).is_ok());
        assert_eq!(broken(0, 9), Err(Malformed::Version(9)));
        assert_eq!(broken(1, 200), Err(Malformed::Kind(200)));
        assert_eq!(broken(3, 1), Err(Malformed::Reserved(256)));
        assert_eq!(broken(4, 1), Err(Malformed::Length(MAX_PAYLOAD_BYTES + 1)));
    }

    #[test]
    fn each_kind_takes_its_own_arguments() {
        let decoded = |kind, argument| {
            let header = Header {
                kind,
                payload_bytes: 0,
                id: 7,
                argument,
            };
            Header::decode(&header.encode()).map(|decoded| assert_eq!(decoded, header))
        };
        for (kind, least, most) in [
            (Kind::Echo, 0, 0),
            (Kind::Discard, 0, 0),
            (Kind::Cpu, 1, 1_000_000),
            (Kind::Wait, 0, 10_000_000),
            (Kind::Block, 0, 10_000_000),
        ] {
            let refused = |argument| Err(Malformed::Argument { kind, argument });
            assert_eq!(decoded(kind, least), Ok(()));
            assert_eq!(decoded(kind, most), Ok(()));
            assert_eq!(decoded(kind, most + 1), refused(most + 1));
            assert_eq!(decoded(kind, u32::MAX), refused(u32::MAX));
        }
        let argument = 0;
        let kind = Kind::Cpu;
        assert_eq!(
            decoded(kind, argument),
            Err(Malformed::Argument { kind, argument })
        );
    }
}
