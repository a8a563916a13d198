//! Work that the kernel's own threads do for a process: synchronising a file by io_submit(2), which
//! hands it to a kworker of the CPU on which it was asked for (fs/aio.c, `aio_fsync`).
//!
//! The file is in memory and has nothing to synchronise, so that it takes a microsecond. What
//! matters is that it is in no process' CPU time. Neither the standard library nor rustix has these
//! system calls.

use rustix::fs::{MemfdFlags, memfd_create};
use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
    ptr,
};

const FSYNC: u16 = 2;
const IN_FLIGHT_MAX: usize = 512;

/// `struct iocb` of include/uapi/linux/aio_abi.h, little-endian.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Order {
    data: u64,
    key: u32,
    flags: u32,
    operation: u16,
    priority: i16,
    descriptor: u32,
    buffer: u64,
    bytes: u64,
    offset: i64,
    reserved: u64,
    more_flags: u32,
    event_descriptor: u32,
}

/// `struct io_event`, likewise.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Event {
    data: u64,
    order: u64,
    result: i64,
    more_result: i64,
}

/// A file, and the kernel's queue for it. The kernel frees that when the process ends.
#[derive(Debug)]
pub(crate) struct KernelWork {
    file: OwnedFd,
    queue: libc::c_ulong,
    times: usize,
    events: Box<[Event; IN_FLIGHT_MAX]>,
}

impl KernelWork {
    pub(crate) fn new(times: u32) -> io::Result<Self> {
        let file = memfd_create("kernel-work", MemfdFlags::CLOEXEC)?;
        let mut queue: libc::c_ulong = 0;
        // SAFETY: io_setup(2) writes one word to `queue`, which lives and is 0 as it asks for.
        let made = unsafe { libc::syscall(libc::SYS_io_setup, IN_FLIGHT_MAX, &raw mut queue) };
        if made < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            file,
            queue,
            times: times as usize,
            events: Box::new([Event::default(); IN_FLIGHT_MAX]),
        })
    }

    /// Hands it over, and takes back what is done. With too many in flight some aren't taken.
    pub(crate) fn ask(&mut self) {
        let mut order = Order {
            operation: FSYNC,
            descriptor: self.file.as_raw_fd() as u32,
            ..Order::default()
        };
        // The kernel copies an order before it returns, so that all may be the same one.
        let orders = vec![&raw mut order; self.times];
        // SAFETY: `orders` holds `times` pointers to an order that outlives the call, and into which
        // the kernel writes nothing but its key.
        unsafe { libc::syscall(libc::SYS_io_submit, self.queue, self.times, orders.as_ptr()) };
        let nothing = ptr::null::<libc::timespec>();
        // SAFETY: `events` has room for as many as are asked for; at least none are waited for.
        unsafe {
            libc::syscall(
                libc::SYS_io_getevents,
                self.queue,
                0,
                IN_FLIGHT_MAX,
                self.events.as_mut_ptr(),
                nothing,
            )
        };
    }
}
