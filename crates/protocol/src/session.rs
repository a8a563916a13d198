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
//!
//! Only a request that takes time is gathered, and handed out as [`Work`] together with the
//! rest of the chunk. When that is done, send its reply and go on with step 2 in the rest.

use crate::{
    wire::{HEADER_BYTES, Header, Kind, Malformed, Wire},
    work::Work,
};
use std::mem;

pub use crate::chunk::Chunk;

/// What one connection remembers between two reads: at most 32 bytes, and no heap, except
/// inside of a request that takes time.
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
    /// Inside a request that takes time.
    Gathering(Work),
    /// A wire without frames.
    Raw,
}

const BETWEEN_FRAMES: State = State::Header {
    held: 0,
    bytes: [0; HEADER_BYTES - 1],
};

/// A part of a chunk that has been understood.
#[derive(Debug)]
pub struct Step<'chunk> {
    /// What the connection has to send now; may be empty.
    pub reply: &'chunk [u8],
    /// Requests that were completed by this part.
    pub requests: u32,
    /// Requests whose reply ends in `reply`.
    pub responses: u32,
    /// A request that takes time, received whole; its reply is not in `reply`. The chunk is
    /// empty then: the work has taken the rest along.
    pub work: Option<Work>,
}

impl Session {
    /// A connection that has received nothing yet. On a wire of others (`Wire::is_of_contract`) it
    /// sends back what comes, as on the raw one.
    pub fn new(wire: Wire) -> Self {
        Self(match wire {
            Wire::Framed => BETWEEN_FRAMES,
            Wire::Raw | Wire::Http1 | Wire::Websocket => State::Raw,
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
                        Ok(header) if !header.kind.takes_time() => {
                            (header.kind, HEADER_BYTES, header.payload_bytes)
                        }
                        // Answer what came before; the next call finds this header again.
                        _ if seen.requests > 0 => break,
                        Ok(header) => {
                            self.0 = State::Gathering(Work::asked_by(header));
                            return Ok(self.gather(chunk));
                        }
                        Err(malformed) => return Err(malformed),
                    }
                }
                State::Gathering(_) => return Ok(self.gather(chunk)),
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

    /// Goes on with a request that takes time. Never inlined: it would only lengthen the way of
    /// those that don't.
    #[inline(never)]
    fn gather(&mut self, chunk: &mut Chunk) -> Option<Step<'static>> {
        let State::Gathering(work) = &mut self.0 else {
            return None;
        };
        chunk.start += work.receive(&chunk.buffer[chunk.start..chunk.end]);
        if !work.is_whole() {
            return None;
        }
        work.take_along(chunk.part_with_rest());
        match mem::replace(&mut self.0, BETWEEN_FRAMES) {
            State::Gathering(work) => Some(Step {
                reply: &[],
                requests: 1,
                responses: 0,
                work: Some(work),
            }),
            _ => None,
        }
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
            work: None,
        })
    }
}

#[cfg(test)]
mod tests;
