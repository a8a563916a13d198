//! The buffer that a server's reads go into.

use crate::wire::HEADER_BYTES;
use std::mem;

/// A buffer for received bytes, with room in front for the held start of a header.
#[derive(Debug)]
pub struct Chunk {
    pub(crate) buffer: Box<[u8]>,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Was parted with by another, and is read into by nobody.
    is_rest: bool,
}

impl Chunk {
    /// A buffer for reads of up to `bytes` bytes (at least one).
    pub fn new(bytes: usize) -> Self {
        Self {
            buffer: vec![0; HEADER_BYTES + bytes.max(1)].into_boxed_slice(),
            start: HEADER_BYTES,
            end: HEADER_BYTES,
            is_rest: false,
        }
    }

    /// Nothing, and room for nothing.
    pub(crate) fn empty() -> Self {
        Self {
            buffer: Box::default(),
            start: 0,
            end: 0,
            is_rest: true,
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

    /// What is left to be understood, as a chunk of its own.
    pub(crate) fn part_with_rest(&mut self) -> Chunk {
        if self.is_rest && self.start < self.end {
            // Whole, for many small requests may follow each other: to copy what is left at
            // each of them would take time that grows with the square of their number.
            return mem::replace(self, Self::empty());
        }
        let buffer: Box<[u8]> = self.take_rest().into();
        Chunk {
            start: 0,
            end: buffer.len(),
            buffer,
            is_rest: true,
        }
    }

    pub(crate) fn take_rest(&mut self) -> &[u8] {
        let start = mem::replace(&mut self.start, self.end);
        &self.buffer[start..self.end]
    }
}
