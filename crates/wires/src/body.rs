//! Whether a reply's body is the right one, as it comes.

use crate::{error::ReplyError, limits::BODY_BYTES_MAX};
use protocol::{
    client::{MessageId, Messages},
    http::Body,
};
use std::sync::OnceLock;

/// Up to this length every byte of every body is compared.
const FULLY_COMPARED_BYTES: usize = 4096;

/// Of longer ones one in this many is, the others by their length.
const COMPARED_SHARE: u32 = 16;

/// What bodies are held against; all threads of a generator share it.
#[derive(Debug)]
pub(crate) struct Bodies {
    rule: Body,
    /// That which came first, of the rule that asks for the same.
    first: OnceLock<Box<[u8]>>,
}

/// A body of which a part has come.
#[derive(Debug, Default)]
pub(crate) struct Arriving {
    offset: usize,
    /// It is kept, because it may be the first.
    kept: Option<Vec<u8>>,
}

impl Bodies {
    pub(crate) fn new(rule: Body) -> Self {
        Self {
            rule,
            first: OnceLock::new(),
        }
    }

    /// Whether the next body is to be kept, so that others can be held against it.
    pub(crate) fn lacks_first(&self) -> bool {
        self.rule == Body::Same && self.first.get().is_none()
    }

    /// A body that is there as a whole.
    #[inline(always)]
    pub(crate) fn check(
        &self,
        id: MessageId,
        messages: &Messages,
        body: &[u8],
    ) -> Result<(), ReplyError> {
        match self.rule {
            Body::Same => match self.first.get() {
                Some(first) => {
                    let (part, _) = within(body, first.len());
                    same(!is_compared(id, first.len()) || first.starts_with(part))?;
                    same_length(body.len() == first.len())
                }
                None => self.settle(body.into()),
            },
            Body::Echo => {
                let (part, _) = within(body, messages.message_bytes());
                same(messages.matches(id, 0, part))?;
                same_length(body.len() == messages.message_bytes())
            }
            Body::Length(bytes) => same_length(body.len() == bytes as usize),
            Body::Any => Ok(()),
        }
    }

    /// The next part of a body.
    pub(crate) fn feed(
        &self,
        id: MessageId,
        messages: &Messages,
        body: &mut Arriving,
        part: &[u8],
    ) -> Result<(), ReplyError> {
        let from = body.offset;
        body.offset += part.len();
        if body.offset > BODY_BYTES_MAX {
            return Err(ReplyError::BodyTooLong);
        }
        if let Some(kept) = &mut body.kept {
            kept.extend_from_slice(part);
            return Ok(());
        }
        match (self.rule, self.first.get()) {
            (Body::Same, Some(first)) => {
                // Another connection may have settled what is shorter than what has come here already.
                let left = first.get(from..).unwrap_or_default();
                let (expected, too_long) = within(part, left.len());
                same(!is_compared(id, first.len()) || left.starts_with(expected))?;
                same_length(!too_long)
            }
            (Body::Echo, _) => {
                let left = messages.message_bytes().saturating_sub(from);
                let (part, too_long) = within(part, left);
                same(messages.matches(id, from, part))?;
                same_length(!too_long)
            }
            _ => Ok(()),
        }
    }

    /// No more of it will come.
    pub(crate) fn end(&self, messages: &Messages, body: Arriving) -> Result<(), ReplyError> {
        match (self.rule, body.kept) {
            (Body::Same, Some(kept)) => self.settle(kept.into()),
            (Body::Same, None) => match self.first.get() {
                Some(first) => same_length(body.offset == first.len()),
                // Another connection keeps what will be the first.
                None => Ok(()),
            },
            (Body::Echo, _) => same_length(body.offset == messages.message_bytes()),
            (Body::Length(bytes), _) => same_length(body.offset == bytes as usize),
            (Body::Any, _) => Ok(()),
        }
    }

    /// Takes a body for the first; another thread may have been faster.
    fn settle(&self, body: Box<[u8]>) -> Result<(), ReplyError> {
        match self.first.set(body) {
            Ok(()) => Ok(()),
            Err(body) => same(self.first.get() == Some(&body)),
        }
    }
}

impl Arriving {
    pub(crate) fn begin(keeps: bool) -> Self {
        Self {
            offset: 0,
            kept: keeps.then(Vec::new),
        }
    }

    #[cfg(test)]
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.is_some()
    }
}

/// As much as there may be, and whether there is more: where a body is cut doesn't say what is wrong with it.
#[inline]
fn within(part: &[u8], bytes: usize) -> (&[u8], bool) {
    (&part[..part.len().min(bytes)], part.len() > bytes)
}

#[inline]
fn is_compared(id: MessageId, bytes: usize) -> bool {
    bytes <= FULLY_COMPARED_BYTES || id.sequence.is_multiple_of(COMPARED_SHARE)
}

#[inline]
fn same(is_same: bool) -> Result<(), ReplyError> {
    if is_same {
        Ok(())
    } else {
        Err(ReplyError::Body)
    }
}

#[inline]
fn same_length(is_same: bool) -> Result<(), ReplyError> {
    if is_same {
        Ok(())
    } else {
        Err(ReplyError::BodyLength)
    }
}
