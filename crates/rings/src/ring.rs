//! The ring as any server of today sets it up: a single issuer, and completions that are made when
//! the loop asks for them rather than by interrupting it.

use crate::about::About;
use io_uring::{
    IoUring, Submitter, cqueue, opcode, squeue,
    types::{Fd, SubmitArgs, Timespec},
};
use model_kit::{Closed, Connection, Refused, Server};
use rustix::{io::Errno, net::SendFlags};
use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, IntoRawFd as _, OwnedFd},
};

/// Room for what the completions of a turn lead to.
const REQUESTS: u32 = 1024;

/// `MSG_WAITALL`, which rustix has for receiving alone. Source: include/linux/socket.h.
const WAIT_ALL: i32 = 0x100;

/// For bursts, and more than requests take at a time.
const COMPLETIONS: u32 = 4096;

/// So many completions are made for a turn that awaits one, though more may be due: the kernel's
/// `IO_LOCAL_TW_DEFAULT_MAX`. Source: io_uring/io_uring.c, `io_run_local_work`.
const FEW: usize = 20;

/// As many are asked for when there were so many in the last turn: so each system call is for more
/// connections, and the kernel does the same for many in a row.
const MANY: usize = 256;

const NO_TIME: Timespec = Timespec::new();

/// How much a turn asks the kernel for, where the one before has found as many as it brings unasked.
/// Which is cheaper depends on what completes: where sends do as well, asking for many costs more than
/// it spares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// No more than comes unasked.
    Few,
    /// Up to 256 at a time.
    Many,
}

/// A ring of requests, and one of what has been done.
pub struct Ring {
    ring: IoUring,
    batch: Batch,
    /// The last turn had as many completions as the kernel makes unasked.
    has_many: bool,
    /// What was done before its turn, because the kernel took no more requests.
    early: Vec<Completion>,
}

/// Something that has been done, or has failed.
pub struct Completion(cqueue::Entry);

impl Ring {
    /// For the thread that calls, and for no other.
    ///
    /// # Errors
    /// There is no io_uring, it isn't allowed, or there is no memory.
    pub fn new(batch: Batch) -> io::Result<Self> {
        let mut builder = IoUring::builder();
        builder.setup_single_issuer().setup_defer_taskrun();
        Ok(Self {
            ring: builder.setup_cqsize(COMPLETIONS).build(REQUESTS)?,
            batch,
            has_many: false,
            early: Vec::new(),
        })
    }

    pub(crate) fn submitter(&self) -> Submitter<'_> {
        self.ring.submitter()
    }

    /// Puts a request in, to go to the kernel with the turn's others.
    ///
    /// # Errors
    /// The ring is broken.
    ///
    /// # Safety
    /// What the request points to lives until it is completed. Requests about [`About::Accept`]
    /// are those to accept, and no others: [`Door`](super::Door) makes them.
    #[inline(always)]
    pub unsafe fn push(
        &mut self,
        request: squeue::Entry,
        about: About,
        key: usize,
    ) -> io::Result<()> {
        let request = request.user_data(about.user_data(key));
        // SAFETY: the caller's promise.
        while unsafe { self.ring.submission().push(&request) }.is_err() {
            self.make_room()?;
        }
        Ok(())
    }

    /// Hands in what the kernel takes now. It may want completions taken first.
    #[cold]
    fn make_room(&mut self) -> io::Result<()> {
        self.ring.submit().map(drop).or_else(unless_passing)?;
        self.early.extend(self.ring.completion().map(Completion));
        Ok(())
    }

    /// The kernel has taken all requests, and has no completion left for which there was no room.
    fn has_handed_in_all(&mut self) -> bool {
        let requests = self.ring.submission();
        requests.is_empty() && !requests.cq_overflow()
    }

    /// Hands in all that was put in, waits for `awaited` completions, and takes all that there are.
    /// There may be fewer: the kernel may be interrupted, or want some taken first.
    ///
    /// # Errors
    /// The ring is broken.
    #[inline(always)]
    pub fn turn(&mut self, awaited: usize, completions: &mut Vec<Completion>) -> io::Result<()> {
        let awaited = if self.early.is_empty() { awaited } else { 0 };
        let handed_in = if self.has_many && awaited > 0 {
            // Those that are due. When there are none, the next turn waits.
            let at_once = SubmitArgs::new().timespec(&NO_TIME);
            self.ring.submitter().submit_with_args(MANY, &at_once)
        } else {
            self.ring.submit_and_wait(awaited)
        };
        handed_in.map(drop).or_else(unless_passing)?;
        while !self.has_handed_in_all() {
            self.make_room()?;
        }
        completions.append(&mut self.early);
        completions.extend(self.ring.completion().map(Completion));
        self.has_many = self.batch == Batch::Many && completions.len() >= FEW;
        Ok(())
    }
}

impl Completion {
    /// What it is about, and the connection's key.
    #[inline(always)]
    pub fn about(&self) -> (About, usize) {
        About::of(self.0.user_data())
    }

    /// How many bytes it was about, where it was about bytes.
    ///
    /// # Errors
    /// Why it failed.
    #[inline(always)]
    pub fn bytes(&self) -> Result<usize, Errno> {
        let result = self.0.result();
        usize::try_from(result).map_err(|_| Errno::from_raw_os_error(-result))
    }

    /// The same request will complete again.
    #[inline(always)]
    pub fn has_more(&self) -> bool {
        cqueue::more(self.0.flags())
    }

    /// The provided buffer that was taken for it.
    #[inline(always)]
    pub fn buffer(&self) -> Option<u16> {
        cqueue::buffer_select(self.0.flags())
    }

    /// The connection that an accept has brought.
    ///
    /// # Errors
    /// What to do about one that failed.
    pub(crate) fn accepted(&self, server: &Server) -> Result<(OwnedFd, Connection), Refused> {
        debug_assert_eq!(self.about().0, About::Accept);
        match self.bytes() {
            Ok(_) => {
                // SAFETY: the request was one to accept, as `Ring::push` was promised, so the
                // kernel has made this descriptor for us.
                let fd = unsafe { OwnedFd::from_raw_fd(self.0.result()) };
                Ok((fd, Connection::open(server.wire())))
            }
            Err(errno) => Err(server.refused(&errno.into())),
        }
    }

    /// Tells the connection what a send has come to. What is unsent then is to be sent again.
    ///
    /// # Errors
    /// The socket failed.
    #[inline(always)]
    pub fn sent(&self, connection: &mut Connection) -> Result<(), Closed> {
        let mut sent = match self.bytes() {
            Ok(bytes) => Some(bytes),
            Err(Errno::AGAIN | Errno::INTR) => None,
            Err(errno) => return Err(io::Error::from(errno).into()),
        };
        connection.resend(|_| sent.take().ok_or_else(|| io::ErrorKind::WouldBlock.into()))
    }
}

/// A request to send at once, which is heard of only when the kernel doesn't take all of it. It is done
/// when it has been handed in: a send that doesn't wait is made there. One that is short fails the
/// request (`MSG_WAITALL`), and so its completion comes. Source: io_uring/net.c, `io_send`.
pub fn send_at_once(socket: &OwnedFd, unsent: &[u8]) -> squeue::Entry {
    let flags = SendFlags::DONTWAIT.bits() as i32 | WAIT_ALL;
    request_to_send(socket, unsent, flags).flags(squeue::Flags::SKIP_SUCCESS)
}

/// A request to send what fits, as soon as anything does.
pub fn send_when_room(socket: &OwnedFd, unsent: &[u8]) -> squeue::Entry {
    request_to_send(socket, unsent, 0)
}

fn request_to_send(socket: &OwnedFd, unsent: &[u8], flags: i32) -> squeue::Entry {
    let fd = Fd(socket.as_raw_fd());
    let send = opcode::Send::new(fd, unsent.as_ptr(), unsent.len() as u32);
    send.flags(SendFlags::NOSIGNAL.bits() as i32 | flags)
        .build()
}

/// A request to close, which is heard of only when it fails.
pub fn close(fd: OwnedFd) -> squeue::Entry {
    let close = opcode::Close::new(Fd(fd.into_raw_fd())).build();
    close.flags(squeue::Flags::SKIP_SUCCESS)
}

/// Replies are sent by the ring, so all of them are unsent at first.
///
/// # Errors
/// Always that the kernel doesn't take them now.
#[inline(always)]
pub fn keep(_reply: &[u8]) -> io::Result<usize> {
    Err(io::ErrorKind::WouldBlock.into())
}

/// The kernel was interrupted, has no memory at the moment, wants completions taken first, or has
/// fewer than were asked for.
fn unless_passing(error: io::Error) -> io::Result<()> {
    match Errno::from_io_error(&error) {
        Some(Errno::INTR | Errno::BUSY | Errno::AGAIN | Errno::TIME) => Ok(()),
        _ => Err(error),
    }
}
