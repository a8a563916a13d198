//! Replies that are sent from where they are: from the provided buffer into which their requests came.

use crate::ring::keep;
use std::io;

/// A reply that goes with the turn. Its buffer is given back when the turn has been handed in.
#[derive(Debug)]
pub struct Echo {
    /// The connection's.
    pub key: usize,
    /// Where it lies.
    pub buffer: u16,
    reply: *const [u8],
}

impl Echo {
    /// A reply that is still to be handed in.
    ///
    /// # Safety
    /// It lies in this buffer, which isn't given back before this is dropped.
    #[inline(always)]
    pub unsafe fn new(key: usize, buffer: u16, reply: *const [u8]) -> Self {
        Self { key, buffer, reply }
    }

    /// Its bytes.
    #[inline(always)]
    pub fn reply(&self) -> &[u8] {
        // SAFETY: it lies in a buffer that is ours, as `new` was promised, and buffers are never freed.
        unsafe { &*self.reply }
    }
}

/// Leaves the first reply where it is, as if it had been sent; those behind it are unsent.
///
/// # Errors
/// That of [`keep`], for all but the first.
#[inline(always)]
pub fn keep_in_place(first: &mut Option<*const [u8]>, reply: &[u8]) -> io::Result<usize> {
    if first.is_some() {
        return keep(reply);
    }
    *first = Some(reply);
    Ok(reply.len())
}
