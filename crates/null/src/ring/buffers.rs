//! Buffers that the kernel takes when bytes have come: io_uring_register_buf_ring(3).

use io_uring::Submitter;
use std::{
    io,
    sync::atomic::{AtomicU16, Ordering::Release},
};

/// Name of the ring's only group of buffers.
pub(super) const GROUP: u16 = 0;

/// More than a turn uses, so that the kernel rarely finds none: then every receive ends, and has to
/// be asked for again. A power of two.
const BUFFERS: usize = 4096;

const BUFFER_BYTES: usize = 4 << 10;

/// One loop's buffers. They are never freed, because the kernel may write to those it has.
pub(super) struct Buffers {
    ring: &'static mut Entries,
    /// One behind the other.
    bytes: &'static mut [u8],
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
    pub(super) fn register(submitter: &Submitter<'_>) -> io::Result<Self> {
        let ring = Box::leak(Box::new(Entries([(); BUFFERS].map(|()| Entry::default()))));
        let address = (&raw const *ring) as u64;
        // SAFETY: there are so many entries at the address, on a page, and they are never freed.
        unsafe {
            submitter.register_buf_ring_with_flags(address, BUFFERS as u16, GROUP, 0)?;
        }
        let mut buffers = Self {
            ring,
            bytes: vec![0; BUFFERS * BUFFER_BYTES].leak(),
            tail: 0,
        };
        (0..BUFFERS as u16).for_each(|id| buffers.give_back(id));
        Ok(buffers)
    }

    /// What the kernel has put into a buffer.
    pub(super) fn bytes(&self, id: u16, length: u32) -> &[u8] {
        &self.bytes[usize::from(id) * BUFFER_BYTES..][..length as usize]
    }

    /// Lets the kernel have a buffer: its bytes are gone.
    pub(super) fn give_back(&mut self, id: u16) {
        let space = &mut self.bytes[usize::from(id) * BUFFER_BYTES..][..BUFFER_BYTES];
        let entry = &mut self.ring.0[usize::from(self.tail) % BUFFERS];
        entry.address = space.as_mut_ptr() as u64;
        entry.length_bytes = space.len() as u32;
        entry.id = id;
        self.tail = self.tail.wrapping_add(1);
        // The kernel reads an entry only after it has seen the tail behind it.
        self.ring.0[0].tail.store(self.tail, Release);
    }
}
