//! HTTP/1.1 (RFC 9112) over connections that are kept: one request after the other, the replies
//! in their order.
//!
//! A reply that comes with one read, with the head of the one before, costs two comparisons: equal
//! bytes have an equal meaning. Everything else is parsed, and what has come in part is remembered
//! in a table of the thread.

pub mod chunked;
pub mod head;

use crate::{
    body::{Arriving, Bodies},
    error::ReplyError,
    limits::{BODY_BYTES_MAX, HEAD_BYTES_MAX},
    reply::{At, Taken},
};
use chunked::Chunks;
use head::{Head, Length, end_of_head};
use protocol::{
    client::{MessageId, Messages},
    generator::{Load, Plan},
    http::{Body, Expect, HttpRequest},
};
use std::{collections::HashMap, fmt::Write as _};

/// Every reply begins like this.
const START: &[u8] = b"HTTP/1.";

/// What is asked, and what is to come back.
#[derive(Debug)]
pub struct Http1 {
    /// The head of each request; with its body, unless each has one of its own.
    head: Box<[u8]>,
    /// Bodies, if each request has one of its own.
    messages: Messages,
    bodies_differ: bool,
    /// Its replies have a length, and no body.
    is_head: bool,
    expect: Expect,
    bodies: Bodies,
    /// A connection has one request, and may be closed after its reply.
    is_once: bool,
}

/// What a thread remembers.
#[derive(Debug, Default)]
pub struct Partials {
    known: Known,
    table: HashMap<usize, Partial>,
    /// The connection whose body may become the first; only one keeps its body at a time.
    keeper: Option<usize>,
}

/// The head of a reply that was right.
#[derive(Debug, Default)]
struct Known {
    head: Vec<u8>,
    body_bytes: usize,
}

/// A reply of which a part has come.
#[derive(Debug)]
enum Partial {
    /// Its head as far as it has come.
    Head(Vec<u8>),
    Body {
        rest: Rest,
        body: Arriving,
        closes: bool,
    },
}

/// What is still to come of a body.
#[derive(Debug)]
enum Rest {
    Bytes(usize),
    Chunks(Chunks),
}

impl Http1 {
    /// `messages` are the bodies where each request has one of its own.
    pub(crate) fn new(plan: &Plan, messages: Messages) -> Self {
        let HttpRequest {
            line,
            fields,
            expect,
        } = plan.http.clone().unwrap_or_default();
        let mut text = format!("{line} HTTP/1.1\r\n");
        if !fields.iter().any(|f| f.name.eq_ignore_ascii_case("host")) {
            let _ = write!(text, "Host: {}\r\n", plan.target.http_host());
        }
        for field in fields {
            let _ = write!(text, "{}: {}\r\n", field.name, field.value);
        }
        let bodies_differ = line.has_body() && expect.body == Body::Echo;
        let body_bytes = match bodies_differ {
            true => messages.message_bytes(),
            false => plan.payload_bytes as usize,
        };
        if line.has_body() {
            let _ = write!(text, "Content-Length: {body_bytes}\r\n");
        }
        let mut head = format!("{text}\r\n").into_bytes();
        if line.has_body() && !bodies_differ {
            // Printable, so that a server may take it for any kind of text.
            head.extend((b'a'..=b'z').cycle().take(body_bytes));
        }
        Self {
            head: head.into(),
            messages,
            bodies_differ,
            is_head: line.method == "HEAD",
            expect,
            bodies: Bodies::new(expect.body),
            is_once: matches!(plan.load, Load::Churn(_)),
        }
    }

    #[inline]
    pub(crate) fn request_bytes(&self) -> usize {
        match self.bodies_differ {
            true => self.head.len() + self.messages.message_bytes(),
            false => self.head.len(),
        }
    }

    #[inline]
    pub(crate) fn write(&self, id: MessageId, offset: usize, out: &mut [u8]) -> usize {
        let part = self.head.get(offset..).unwrap_or_default();
        let written = part.len().min(out.len());
        out[..written].copy_from_slice(&part[..written]);
        if !self.bodies_differ || written == out.len() {
            return written;
        }
        let from = (offset + written).saturating_sub(self.head.len());
        written + self.messages.write(id, from, &mut out[written..])
    }

    #[inline(always)]
    pub(crate) fn take(
        &self,
        partials: &mut Partials,
        at: At,
        received: &[u8],
    ) -> Result<Taken, ReplyError> {
        let known = &partials.known;
        if at.offset == 0 && at.is_asked && received.starts_with(&known.head) {
            let head_bytes = known.head.len();
            let end = head_bytes + known.body_bytes;
            if head_bytes > 0
                && let Some(body) = received.get(head_bytes..end)
            {
                self.bodies.check(at.id, &self.messages, body)?;
                return Ok(Taken::whole(end));
            }
        }
        self.take_part(partials, at, received)
    }

    /// The way of replies that aren't whole, or whose head is another one.
    #[inline(never)]
    fn take_part(
        &self,
        partials: &mut Partials,
        at: At,
        received: &[u8],
    ) -> Result<Taken, ReplyError> {
        if !at.is_asked {
            return Err(ReplyError::Unasked);
        }
        let remembered = match at.offset {
            0 => None,
            _ => partials.table.remove(&at.index),
        };
        let mut partial = remembered.unwrap_or(Partial::Head(Vec::new()));
        let mut taken = 0;
        while !partial.is_over() {
            let rest = &received[taken..];
            if rest.is_empty() {
                // After an interim reply nothing has come of the one that was asked for.
                if partial.is_empty() {
                    return Ok(Taken::between(taken));
                }
                partials.table.insert(at.index, partial);
                return Ok(Taken::part(taken));
            }
            match &mut partial {
                Partial::Head(held) => {
                    let before = held.len();
                    let Some(end) = find_end(held, rest)? else {
                        taken = received.len();
                        continue;
                    };
                    taken += end - before;
                    let head = if before == 0 { rest } else { held };
                    partial = self.begin_body(partials, at.index, &head[..end])?;
                }
                Partial::Body {
                    rest: left, body, ..
                } => {
                    let mut feed =
                        |part: &[u8]| self.bodies.feed(at.id, &self.messages, body, part);
                    taken += match left {
                        Rest::Chunks(chunks) => chunks.decode(rest, feed)?,
                        Rest::Bytes(left) => {
                            let length = rest.len().min(*left);
                            feed(&rest[..length])?;
                            *left -= length;
                            length
                        }
                    };
                }
            }
        }
        self.end(partials, at.index, partial)?;
        Ok(Taken::whole(taken))
    }

    /// What follows a head: a body, or after an interim reply the next head.
    fn begin_body(
        &self,
        partials: &mut Partials,
        index: usize,
        bytes: &[u8],
    ) -> Result<Partial, ReplyError> {
        let Head {
            status,
            length,
            closes,
        } = head::parse(bytes)?;
        if (100..200).contains(&status) && status != 101 {
            return Ok(Partial::Head(Vec::new()));
        }
        let is_expected = match self.expect.status {
            Some(only) => status == only,
            None => (200..300).contains(&status),
        };
        if !is_expected {
            return Err(ReplyError::Status(status));
        }
        let rest = match length {
            _ if self.is_head || status == 204 || status == 304 => Rest::Bytes(0),
            Length::Known(bytes) if bytes > BODY_BYTES_MAX as u64 => {
                return Err(ReplyError::BodyTooLong);
            }
            Length::Known(bytes) => Rest::Bytes(bytes as usize),
            Length::Chunked => Rest::Chunks(Chunks::START),
            Length::Unsaid => return Err(ReplyError::NoLength),
        };
        if let Rest::Bytes(body_bytes) = rest
            && (self.is_once || !closes)
        {
            partials.known.head.clear();
            partials.known.head.extend_from_slice(bytes);
            partials.known.body_bytes = body_bytes;
        }
        let keeps = self.bodies.lacks_first() && partials.keeper.is_none();
        if keeps {
            partials.keeper = Some(index);
        }
        Ok(Partial::Body {
            rest,
            body: Arriving::begin(keeps),
            closes,
        })
    }

    fn end(
        &self,
        partials: &mut Partials,
        index: usize,
        partial: Partial,
    ) -> Result<(), ReplyError> {
        let Partial::Body { body, closes, .. } = partial else {
            return Ok(());
        };
        partials.release(index);
        self.bodies.end(&self.messages, body)?;
        if closes && !self.is_once {
            return Err(ReplyError::Closes);
        }
        Ok(())
    }
}

impl Partials {
    pub(crate) fn forget(&mut self, index: usize) {
        self.table.remove(&index);
        self.release(index);
    }

    fn release(&mut self, index: usize) {
        if self.keeper == Some(index) {
            self.keeper = None;
        }
    }
}

impl Partial {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Head(held) if held.is_empty())
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Head(_) => false,
            Self::Body { rest, .. } => match rest {
                Rest::Bytes(left) => *left == 0,
                Rest::Chunks(chunks) => chunks.is_over(),
            },
        }
    }
}

/// Where a head ends, of which the first bytes are held and others follow; what isn't its end is
/// held, too, up to the bound.
pub(crate) fn find_end(held: &mut Vec<u8>, rest: &[u8]) -> Result<Option<usize>, ReplyError> {
    if held.is_empty()
        && let Some(end) = end_of_head(rest)
    {
        starts_well(rest)?;
        return match end <= HEAD_BYTES_MAX {
            true => Ok(Some(end)),
            false => Err(ReplyError::HeadTooLong),
        };
    }
    // The end may have begun: three bytes of it.
    let from = held.len().saturating_sub(3);
    let room = HEAD_BYTES_MAX + 1 - held.len();
    held.extend_from_slice(&rest[..rest.len().min(room)]);
    starts_well(held)?;
    match end_of_head(&held[from..]) {
        Some(end) if from + end > HEAD_BYTES_MAX => Err(ReplyError::HeadTooLong),
        Some(end) => Ok(Some(from + end)),
        None if held.len() > HEAD_BYTES_MAX => Err(ReplyError::HeadTooLong),
        None => Ok(None),
    }
}

/// Otherwise what is no HTTP would be waited for until it has an empty line.
fn starts_well(bytes: &[u8]) -> Result<(), ReplyError> {
    let length = bytes.len().min(START.len());
    match bytes[..length] == START[..length] {
        true => Ok(()),
        false => Err(ReplyError::NotHttp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::After;
    use protocol::{client::Workload, wire::Wire};

    #[test]
    fn of_many_replies_that_come_in_part_one_body_is_kept() {
        let messages = Messages::new(Wire::Http1, &Workload::Echo, 8, 1).unwrap();
        let http = Http1 {
            head: Box::default(),
            messages,
            bodies_differ: false,
            is_head: false,
            expect: Expect::default(),
            bodies: Bodies::new(Body::Same),
            is_once: false,
        };
        let mut partials = Partials::default();
        for index in 0..100 {
            let at = At {
                index,
                id: MessageId {
                    connection: index as u32,
                    sequence: 0,
                },
                offset: 0,
                is_asked: true,
            };
            let begun = "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nabc".as_bytes();
            let taken = http.take(&mut partials, at, begun).unwrap();
            assert_eq!(taken.after, After::Part);
        }
        let keeps = |partial: &&Partial| match partial {
            Partial::Body { body, .. } => body.is_kept(),
            Partial::Head(_) => false,
        };
        assert_eq!(partials.table.values().filter(keeps).count(), 1);
        (0..100).for_each(|index| partials.forget(index));
        assert!(partials.table.is_empty() && partials.keeper.is_none());
    }
}
