//! Buffers that belong to no connection: the kernel takes one when bytes have come, so an idle
//! connection holds none. A provided buffer ring: io_uring_register_buf_ring(3).

use io_uring::Submitter;
use model_kit::Chunk;
use std::{
    io,
    sync::atomic::{AtomicU16, Ordering::Release},
};

/// Name of the ring's only group of buffers.
pub(crate) const GROUP: u16 = 0;

/// More than a turn uses, so that the kernel rarely finds none; a power of two.
const BUFFERS: usize = 256;

const BUFFER_BYTES: usize = 16 << 10;

/// One loop's buffers. They are never freed, because the kernel may write to those it has.
pub(crate) struct Buffers {
    ring: &'static mut Entries,
    chunks: &'static mut [Chunk],
    tail: u16,
}

/// What the kernel reads: `struct io_uring_buf_ring`, which takes a page of its own.
#[repr(C, align(4096))]
struct Entries([Entry; BUFFERS]);

#[derive(Default)]
#[repr(C)]
struct Entry {
    address: u64,
    length_bytes: u32,
    id: u16,
    /// The first entry's is the ring's: how many buffers were ever given to the kernel.
    tail: AtomicU16,
}

impl Buffers {
    /// Gives the kernel all buffers.
    pub(crate) fn register(submitter: &Submitter<'_>) -> io::Result<Self> {
        let ring = Box::leak(Box::new(Entries([(); BUFFERS].map(|()| Entry::default()))));
        let address = (&raw const *ring) as u64;
        // SAFETY: there are so many entries at the address, on a page, and they are never freed.
        unsafe {
            submitter.register_buf_ring_with_flags(address, BUFFERS as u16, GROUP, 0)?;
        }
        let chunks = (0..BUFFERS).map(|_| Chunk::new(BUFFER_BYTES));
        let mut buffers = Self {
            ring,
            chunks: Box::leak(chunks.collect()),
            tail: 0,
        };
        (0..BUFFERS as u16).for_each(|id| buffers.give_back(id));
        Ok(buffers)
    }

    /// A buffer that the kernel has filled.
    pub(crate) fn chunk(&mut self, id: u16) -> &mut Chunk {
        &mut self.chunks[usize::from(id)]
    }

    /// Lets the kernel have a buffer: its bytes are gone.
    pub(crate) fn give_back(&mut self, id: u16) {
        let space = self.chunks[usize::from(id)].space();
        let entry = &mut self.ring.0[usize::from(self.tail) % BUFFERS];
        entry.address = space.as_mut_ptr() as u64;
        entry.length_bytes = space.len() as u32;
        entry.id = id;
        self.tail = self.tail.wrapping_add(1);
        // The kernel reads an entry only after it has seen the tail behind it.
        self.ring.0[0].tail.store(self.tail, Release);
    }
}
