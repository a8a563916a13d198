//! WebSockets (RFC 6455): after the upgrade, messages that the server sends back.
//!
//! A message is one of the raw wire, in a masked binary frame. What comes back may be in several
//! frames, with pings between them, which are answered.

pub mod frame;
pub mod upgrade;

use crate::{
    error::ReplyError,
    http1::find_end,
    limits::HEAD_BYTES_MAX,
    reply::{At, Taken},
};
use frame::{CONTROL_BYTES_MAX, HEADER_BYTES_MAX, Header, Kind};
use protocol::{
    client::{MessageId, Messages},
    generator::Plan,
};
use std::collections::HashMap;

const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PONG: u8 = 10;

/// The status code of a close that needs no reason, and that of one without a code.
const NORMAL: u16 = 1000;
const NO_CODE: u16 = 1005;

/// What is sent, and what is to come back.
#[derive(Debug)]
pub struct Websocket {
    /// Asks for the upgrade.
    pub(crate) greeting: Box<[u8]>,
    /// Says goodbye.
    pub(crate) farewell: Box<[u8]>,
    offered_protocols: Vec<String>,
    messages: Messages,
    /// Before a message of ours, with the mask.
    header_bytes: usize,
    /// Of a reply that is one frame.
    reply_header: Box<[u8]>,
}

/// What a thread remembers.
#[derive(Debug, Default)]
pub struct Partials {
    table: HashMap<usize, Partial>,
    /// Answers to an upgrade, as far as they have come.
    greetings: HashMap<usize, Greeting>,
    /// Answers to pings, the newest of each connection.
    pongs: HashMap<usize, Box<[u8]>>,
}

/// What has come in part.
#[derive(Debug, Default)]
struct Partial {
    /// Of a frame's header.
    held: Vec<u8>,
    /// The frame, and what is to come of it.
    frame: Option<(Header, u64)>,
    /// The payload of one that says something of the connection.
    control: Vec<u8>,
    /// Within a message, bytes of it that have come.
    message: Option<usize>,
}

impl Websocket {
    pub(crate) fn new(plan: &Plan, messages: Messages) -> Self {
        let message_bytes = messages.message_bytes();
        let (header, length) = frame::plain_header(BINARY, message_bytes);
        Self {
            greeting: upgrade::request(plan),
            offered_protocols: upgrade::offered_protocols(plan),
            farewell: masked(CLOSE, &NORMAL.to_be_bytes()),
            header_bytes: length + 4,
            reply_header: header[..length].into(),
            messages,
        }
    }

    #[inline]
    pub(crate) fn request_bytes(&self) -> usize {
        self.header_bytes + self.messages.message_bytes()
    }

    #[inline]
    pub(crate) fn write(&self, id: MessageId, offset: usize, out: &mut [u8]) -> usize {
        let key = key(id);
        let mut written = 0;
        if offset < self.header_bytes {
            let (header, length) = frame::masked_header(BINARY, self.messages.message_bytes(), key);
            let part = &header[offset..length];
            written = part.len().min(out.len());
            out[..written].copy_from_slice(&part[..written]);
        }
        let from = (offset + written).saturating_sub(self.header_bytes);
        let rest = &mut out[written..];
        let length = self.messages.write(id, from, rest);
        frame::mask(&mut rest[..length], key, from);
        written + length
    }

    #[inline(always)]
    pub(crate) fn take(
        &self,
        partials: &mut Partials,
        at: At,
        received: &[u8],
    ) -> Result<Taken, ReplyError> {
        let header_bytes = self.reply_header.len();
        let end = header_bytes + self.messages.message_bytes();
        if at.offset == 0
            && at.is_asked
            && received.starts_with(&self.reply_header)
            && let Some(message) = received.get(header_bytes..end)
        {
            return match self.messages.matches(at.id, 0, message) {
                true => Ok(Taken::whole(end)),
                false => Err(ReplyError::Message),
            };
        }
        self.take_part(partials, at, received)
    }

    /// The way of replies that aren't whole, or not in one frame, and of what isn't a reply.
    #[inline(never)]
    fn take_part(
        &self,
        partials: &mut Partials,
        at: At,
        received: &[u8],
    ) -> Result<Taken, ReplyError> {
        let remembered = match at.offset {
            0 => None,
            _ => partials.table.remove(&at.index),
        };
        let mut partial = remembered.unwrap_or_default();
        let mut taken = 0;
        loop {
            let rest = &received[taken..];
            let Some((header, left)) = &mut partial.frame else {
                if rest.is_empty() {
                    break;
                }
                taken += self.begin_frame(&mut partial, at, rest)?;
                continue;
            };
            let part = &rest[..rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX))];
            taken += part.len();
            *left -= part.len() as u64;
            let (header, is_over) = (*header, *left == 0);
            match (&mut partial.message, header.kind) {
                (Some(offset), Kind::Binary | Kind::Continuation) => {
                    if !self.messages.matches(at.id, *offset, part) {
                        return Err(ReplyError::Message);
                    }
                    *offset += part.len();
                }
                _ => partial.control.extend_from_slice(part),
            }
            if !is_over {
                break;
            }
            partial.frame = None;
            match (header.kind, partial.message) {
                (Kind::Binary | Kind::Continuation, Some(offset)) if header.is_last => {
                    return match offset == self.messages.message_bytes() {
                        true => Ok(Taken::whole(taken)),
                        false => Err(ReplyError::MessageLength),
                    };
                }
                (Kind::Close, _) => return Err(ReplyError::Closed(code(&partial.control))),
                (Kind::Ping, _) => {
                    let pong = masked(PONG, &partial.control);
                    partials.pongs.insert(at.index, pong);
                }
                _ => {}
            }
            partial.control.clear();
        }
        if partial.held.is_empty() && partial.frame.is_none() && partial.message.is_none() {
            return Ok(Taken::between(taken));
        }
        partials.table.insert(at.index, partial);
        Ok(Taken::part(taken))
    }

    /// Reads a frame's header, or a part of it; returns how many bytes that took.
    fn begin_frame(&self, partial: &mut Partial, at: At, rest: &[u8]) -> Result<usize, ReplyError> {
        let before = partial.held.len();
        let room = HEADER_BYTES_MAX - before;
        partial
            .held
            .extend_from_slice(&rest[..rest.len().min(room)]);
        let Some(header) = frame::parse(&partial.held)? else {
            return Ok(partial.held.len() - before);
        };
        partial.held.clear();
        partial.frame = Some((header, header.payload_bytes));
        match (header.kind, partial.message) {
            (Kind::Binary, Some(_)) | (Kind::Continuation, None) => return Err(ReplyError::Frame),
            (Kind::Binary, None) if !at.is_asked => return Err(ReplyError::Unasked),
            (Kind::Binary, None) => partial.message = Some(0),
            _ => {}
        }
        if matches!(header.kind, Kind::Binary | Kind::Continuation) {
            let so_far = partial.message.unwrap_or_default() as u64;
            let all = so_far.saturating_add(header.payload_bytes);
            if all > self.messages.message_bytes() as u64 {
                return Err(ReplyError::MessageLength);
            }
        }
        Ok(header.header_bytes - before)
    }

    /// Bytes that belong to the answer to an upgrade, once it is whole and right.
    pub(crate) fn take_greeting(
        &self,
        partials: &mut Partials,
        index: usize,
        received: &[u8],
    ) -> Result<Option<usize>, ReplyError> {
        let mut greeting = partials.greetings.remove(&index).unwrap_or_default();
        let mut rest = received;
        loop {
            let held = &mut greeting.held;
            let before = held.len();
            let Some(end) = find_end(held, rest)? else {
                partials.greetings.insert(index, greeting);
                return Ok(None);
            };
            let head = if before == 0 { rest } else { &held[..] };
            let answer = upgrade::check(&head[..end], &self.offered_protocols);
            rest = &rest[end - before..];
            held.clear();
            match answer {
                // Others may come before the answer: RFC 9110, section 15.2. Not without end.
                Err(ReplyError::Status(100..=199)) if greeting.interim_bytes <= HEAD_BYTES_MAX => {
                    greeting.interim_bytes += end;
                }
                Err(ReplyError::Status(100..=199)) => return Err(ReplyError::Flood),
                answer => return answer.map(|()| Some(received.len() - rest.len())),
            }
        }
    }
}

impl Partials {
    pub(crate) fn forget(&mut self, index: usize) {
        self.table.remove(&index);
        self.greetings.remove(&index);
        self.pongs.remove(&index);
    }

    #[inline]
    pub(crate) fn pong(&mut self, index: usize) -> Option<Box<[u8]>> {
        match self.pongs.is_empty() {
            true => None,
            false => self.pongs.remove(&index),
        }
    }

    pub(crate) fn put_back(&mut self, index: usize, pong: Box<[u8]>) {
        self.pongs.insert(index, pong);
    }
}

/// The answer to an upgrade, of which a part has come.
#[derive(Debug, Default)]
struct Greeting {
    held: Vec<u8>,
    /// Of what came before it.
    interim_bytes: usize,
}

/// A whole frame of ours.
fn masked(opcode: u8, payload: &[u8]) -> Box<[u8]> {
    debug_assert!(payload.len() <= CONTROL_BYTES_MAX);
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let (header, length) = frame::masked_header(opcode, payload.len(), key);
    let mut bytes = [&header[..length], payload].concat();
    frame::mask(&mut bytes[length..], key, 0);
    bytes.into()
}

/// Another one for each message. It needn't be a secret: nobody here is to be deceived by what a
/// message looks like (RFC 6455, section 10.3).
#[inline]
fn key(id: MessageId) -> [u8; 4] {
    (id.connection ^ id.sequence.rotate_left(16))
        .wrapping_mul(0x9e37_79b1)
        .to_le_bytes()
}

/// Of a close.
fn code(payload: &[u8]) -> u16 {
    payload
        .first_chunk()
        .map_or(NO_CODE, |code| u16::from_be_bytes(*code))
}
