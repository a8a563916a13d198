//! Buffers that belong to no connection: the kernel takes one when bytes have come, so an idle
//! connection holds none. A provided buffer ring: io_uring_register_buf_ring(3).

use crate::ring::Ring;
use model_kit::Chunk;
use std::{
    io,
    sync::atomic::{AtomicU16, Ordering::Release},
};

/// Name of the ring's only group of buffers.
pub const GROUP: u16 = 0;

/// One loop's `N` buffers, a power of two. They are never freed, because the kernel may write to
/// those it has.
pub struct Buffers<const N: usize> {
    ring: &'static mut Entries<N>,
    chunks: &'static mut [Chunk],
    tail: u16,
}

/// What the kernel reads: `struct io_uring_buf_ring`, which takes a page of its own.
#[repr(C, align(4096))]
struct Entries<const N: usize>([Entry; N]);

#[derive(Default)]
#[repr(C)]
struct Entry {
    address: u64,
    length_bytes: u32,
    id: u16,
    /// The first entry's is the ring's: how many buffers were ever given to the kernel.
    tail: AtomicU16,
}

impl<const N: usize> Buffers<N> {
    /// Gives the kernel all buffers, of `buffer_bytes` each.
    ///
    /// # Errors
    /// The kernel has no such rings, or no memory.
    pub fn register(ring: &Ring, buffer_bytes: usize) -> io::Result<Self> {
        const { assert!(N.is_power_of_two() && N <= 1 << 15) };
        let entries = Box::leak(Box::new(Entries([(); N].map(|()| Entry::default()))));
        let address = (&raw const *entries) as u64;
        // SAFETY: there are so many entries at the address, on a page, and they are never freed.
        unsafe {
            let submitter = ring.submitter();
            submitter.register_buf_ring_with_flags(address, N as u16, GROUP, 0)?;
        }
        let chunks = (0..N).map(|_| Chunk::new(buffer_bytes));
        let mut buffers = Self {
            ring: entries,
            chunks: Box::leak(chunks.collect()),
            tail: 0,
        };
        buffers.give_back(0..N as u16);
        Ok(buffers)
    }

    /// A buffer that the kernel has filled.
    #[inline(always)]
    pub fn chunk(&mut self, id: u16) -> &mut Chunk {
        &mut self.chunks[usize::from(id)]
    }

    /// Lets the kernel have these buffers: their bytes are gone.
    #[inline(always)]
    pub fn give_back(&mut self, ids: impl IntoIterator<Item = u16>) {
        for id in ids {
            let space = self.chunks[usize::from(id)].space();
            let entry = &mut self.ring.0[usize::from(self.tail) % N];
            entry.address = space.as_mut_ptr() as u64;
            entry.length_bytes = space.len() as u32;
            entry.id = id;
            self.tail = self.tail.wrapping_add(1);
        }
        // The kernel reads an entry only after it has seen the tail behind it.
        self.ring.0[0].tail.store(self.tail, Release);
    }
}
