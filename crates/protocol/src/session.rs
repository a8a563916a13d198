//! The server's half of the wire: received bytes in, replies out.
//!
//! A [`Session`] is what a connection remembers between two reads. A [`Chunk`] is the buffer
//! a read goes into; one serves all connections of a thread, because nothing of it is needed
//! after the read has been worked through:
//!
//! 1. read into [`Chunk::space`] and tell [`Chunk::fill`] how many bytes came;
//! 2. call [`Session::next`] until it returns `None`, and send each [`Step`]'s reply.
//!
//! Replies are slices of the chunk: an echo is never copied. An echo's payload is passed on
//! as it arrives, so a session holds no payload either, however long it is.

use crate::wire::{HEADER_BYTES, Header, Kind, Malformed, Wire};
use std::mem;

/// What one connection remembers between two reads: at most 32 bytes, and no heap.
#[derive(Debug)]
pub struct Session(State);

#[derive(Debug)]
enum State {
    /// Between frames, with the first `held` bytes of a header that the network cut in two.
    Header {
        held: u8,
        bytes: [u8; HEADER_BYTES - 1],
    },
    /// Inside a payload of which `left` bytes are still to come.
    Payload { kind: Kind, left: u32 },
    /// A wire without frames.
    Raw,
}

const BETWEEN_FRAMES: State = State::Header {
    held: 0,
    bytes: [0; HEADER_BYTES - 1],
};

/// A part of a chunk that has been understood.
#[derive(Debug, PartialEq, Eq)]
pub struct Step<'chunk> {
    /// What the connection has to send now; may be empty.
    pub reply: &'chunk [u8],
    /// Requests that were completed by this part.
    pub requests: u32,
    /// Requests whose reply ends in `reply`.
    pub responses: u32,
}

impl Session {
    /// A connection that has received nothing yet.
    pub fn new(wire: Wire) -> Self {
        Self(match wire {
            Wire::Framed => BETWEEN_FRAMES,
            Wire::Raw => State::Raw,
        })
    }

    /// Understands the next part of the chunk; `None` when nothing is left to do in it.
    ///
    /// # Errors
    /// [`Malformed`] when the stream leaves the wire's rules. Everything before that point has
    /// been returned by earlier calls; the connection has to be closed.
    #[inline]
    pub fn next<'chunk>(
        &mut self,
        chunk: &'chunk mut Chunk,
    ) -> Result<Option<Step<'chunk>>, Malformed> {
        if chunk.start == chunk.end {
            return Ok(None);
        }
        if matches!(self.0, State::Raw) {
            return Ok(FramesSeen::default().replying(chunk.take_rest()));
        }
        self.put_back_held(chunk);
        // The reply is `start..chunk.start`: one stretch of the chunk. What is dropped must not
        // lie inside it, so it either moves the start along or waits for the next call.
        let mut start = chunk.start;
        let mut seen = FramesSeen::default();
        while chunk.start < chunk.end {
            let (kind, taken, left) = match &mut self.0 {
                State::Payload { kind, left } => {
                    let taken = (*left as usize).min(chunk.end - chunk.start);
                    (*kind, taken, *left - taken as u32)
                }
                State::Header { held, bytes } => {
                    let rest = &chunk.buffer[chunk.start..chunk.end];
                    let Some(header) = rest.first_chunk::<HEADER_BYTES>() else {
                        bytes[..rest.len()].copy_from_slice(rest);
                        *held = rest.len() as u8;
                        let reply_end = mem::replace(&mut chunk.start, chunk.end);
                        return Ok(seen.replying(&chunk.buffer[start..reply_end]));
                    };
                    match Header::decode(header) {
                        Ok(header) => (header.kind, HEADER_BYTES, header.payload_bytes),
                        // Answer what came before; the next call finds this header again.
                        Err(_) if seen.requests > 0 || chunk.start > start => break,
                        Err(malformed) => return Err(malformed),
                    }
                }
                State::Raw => unreachable!("a raw session stays raw and returned above"),
            };
            if kind == Kind::Discard {
                if chunk.start > start {
                    break;
                }
                start += taken;
            }
            chunk.start += taken;
            self.0 = State::Payload { kind, left };
            if left == 0 {
                self.0 = BETWEEN_FRAMES;
                seen.complete(kind);
            }
        }
        Ok(seen.replying(&chunk.buffer[start..chunk.start]))
    }

    /// Puts the held start of a header in front of the bytes that continue it.
    fn put_back_held(&mut self, chunk: &mut Chunk) {
        if let State::Header { held, bytes } = &mut self.0
            && *held > 0
        {
            let length = usize::from(*held);
            chunk.start -= length;
            chunk.buffer[chunk.start..chunk.start + length].copy_from_slice(&bytes[..length]);
            *held = 0;
        }
    }
}

#[derive(Default)]
struct FramesSeen {
    requests: u32,
    responses: u32,
}

impl FramesSeen {
    fn complete(&mut self, kind: Kind) {
        self.requests += 1;
        self.responses += u32::from(kind == Kind::Echo);
    }

    fn replying(self, reply: &[u8]) -> Option<Step<'_>> {
        (self.requests > 0 || !reply.is_empty()).then_some(Step {
            reply,
            requests: self.requests,
            responses: self.responses,
        })
    }
}

/// A buffer for received bytes, with room in front for the held start of a header.
#[derive(Debug)]
pub struct Chunk {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Chunk {
    /// A buffer for reads of up to `bytes` bytes (at least one).
    pub fn new(bytes: usize) -> Self {
        Self {
            buffer: vec![0; HEADER_BYTES + bytes.max(1)].into_boxed_slice(),
            start: HEADER_BYTES,
            end: HEADER_BYTES,
        }
    }

    /// Where the next read goes. What the chunk held before is forgotten.
    pub fn space(&mut self) -> &mut [u8] {
        self.start = HEADER_BYTES;
        self.end = HEADER_BYTES;
        &mut self.buffer[HEADER_BYTES..]
    }

    /// The read brought `received_bytes` bytes (at most the length of the space).
    pub fn fill(&mut self, received_bytes: usize) {
        self.start = HEADER_BYTES;
        self.end = (HEADER_BYTES + received_bytes).min(self.buffer.len());
    }

    fn take_rest(&mut self) -> &[u8] {
        let start = mem::replace(&mut self.start, self.end);
        &self.buffer[start..self.end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a whole stream came to, however it was cut.
    #[derive(Debug, Default, PartialEq)]
    struct Outcome {
        replies: Vec<u8>,
        requests: u32,
        responses: u32,
        malformed: Option<Malformed>,
    }

    fn run(wire: Wire, stream: &[u8], cuts: &[usize]) -> Outcome {
        let mut session = Session::new(wire);
        let mut chunk = Chunk::new(stream.len());
        let mut outcome = Outcome::default();
        let mut rest = stream;
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() {
            let length = cuts
                .next()
                .map_or(rest.len(), |&cut| cut.clamp(1, rest.len()));
            let (piece, after) = rest.split_at(length);
            rest = after;
            chunk.space()[..length].copy_from_slice(piece);
            chunk.fill(length);
            loop {
                match session.next(&mut chunk) {
                    Ok(Some(step)) => {
                        assert!(step.requests > 0 || !step.reply.is_empty(), "no progress");
                        outcome.replies.extend_from_slice(step.reply);
                        outcome.requests += step.requests;
                        outcome.responses += step.responses;
                    }
                    Ok(None) => break,
                    Err(malformed) => {
                        outcome.malformed = Some(malformed);
                        return outcome;
                    }
                }
            }
        }
        outcome
    }

    fn frame(kind: Kind, id: u64, payload: &[u8]) -> Vec<u8> {
        let header = Header {
            kind,
            payload_bytes: payload.len() as u32,
            id,
            argument: 0,
        };
        [&header.encode()[..], payload].concat()
    }

    fn kind() -> impl Strategy<Value = Kind> {
        prop_oneof![Just(Kind::Echo), Just(Kind::Discard)]
    }

    proptest! {
        #[test]
        fn any_cutting_of_a_valid_stream_gives_the_same_requests(
            frames in prop::collection::vec((kind(), any::<u64>(), prop::collection::vec(any::<u8>(), 0..90)), 0..12),
            cuts in prop::collection::vec(1_usize..70, 1..8),
        ) {
            let stream: Vec<u8> = frames.iter().flat_map(|(kind, id, payload)| frame(*kind, *id, payload)).collect();
            let echoes: Vec<u8> = frames
                .iter()
                .filter(|(kind, ..)| *kind == Kind::Echo)
                .flat_map(|(kind, id, payload)| frame(*kind, *id, payload))
                .collect();
            let expected = Outcome {
                replies: echoes,
                requests: frames.len() as u32,
                responses: frames.iter().filter(|(kind, ..)| *kind == Kind::Echo).count() as u32,
                malformed: None,
            };
            prop_assert_eq!(&run(Wire::Framed, &stream, &[stream.len().max(1)]), &expected);
            prop_assert_eq!(&run(Wire::Framed, &stream, &cuts), &expected);
        }

        #[test]
        fn any_bytes_end_in_requests_or_in_a_defined_error(
            stream in prop::collection::vec(prop_oneof![4 => 0_u8..3, 1 => any::<u8>()], 0..400),
            cuts in prop::collection::vec(1_usize..70, 1..8),
        ) {
            let cut = run(Wire::Framed, &stream, &cuts);
            prop_assert_eq!(&cut, &run(Wire::Framed, &stream, &[stream.len().max(1)]));
            prop_assert!(cut.replies.len() <= stream.len());
        }

        #[test]
        fn a_raw_session_echoes_every_byte(
            stream in prop::collection::vec(any::<u8>(), 0..400),
            cuts in prop::collection::vec(1_usize..70, 1..8),
        ) {
            prop_assert_eq!(run(Wire::Raw, &stream, &cuts).replies, stream);
        }
    }

    #[test]
    fn requests_before_a_malformed_header_are_answered() {
        let mut stream = frame(Kind::Echo, 1, b"first");
        let answered = stream.clone();
        stream.extend([9; HEADER_BYTES]);
        let outcome = run(Wire::Framed, &stream, &[]);
        assert_eq!(outcome.replies, answered);
        assert_eq!(outcome.malformed, Some(Malformed::Version(9)));
    }

    #[test]
    fn an_idle_session_is_small_and_owns_no_heap() {
        assert!(size_of::<Session>() <= 32);
        assert!(!std::mem::needs_drop::<Session>());
    }
}
