//! How a server is told to stop, and how every runtime hears of it.
//!
//! The kernel carries the message: the receiving side of each TCP socket is shut down. A
//! listener then fails its `accept` with EINVAL, and a connection reads what had been received
//! and then the end of its stream, just as if the client had closed. So a model has no second
//! thing to wait for on each connection, which would cost memory and CPU per connection, and
//! readiness and completion runtimes hear of it alike. A relay's sockets to its backend are left
//! alone: what the backend has still to say is passed back.
//!
//! Sources: shutdown(2); the kernel's `inet_shutdown` (listeners) and `tcp_recvmsg` (what is
//! queued is delivered before the end).

use crate::counters::open_connections;
use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{Dir, Mode, OFlags, open},
    io::{Errno, read},
    net::{AddressFamily, Shutdown, SocketType, getpeername, getsockname, shutdown, sockopt},
    pipe::{PipeFlags, pipe_with},
};
use std::{
    io,
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    thread,
    time::{Duration, Instant},
};

/// How often sockets are looked for while stopping: one may have been accepted just before its
/// listener was shut.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Hears of the end, and brings it about. Made at the start, with all the descriptors that it
/// takes: at the end there may be none left.
#[derive(Debug)]
pub(crate) struct Stop {
    /// Becomes readable on SIGTERM or SIGINT.
    signals: OwnedFd,
    /// /proc/self/fd
    descriptors: Dir,
    /// Of a relay.
    backend: Option<SocketAddr>,
}

impl Stop {
    /// # Errors
    /// Out of descriptors already, or /proc is missing.
    pub(crate) fn prepare(backend: Option<SocketAddr>) -> io::Result<Self> {
        let (signals, told) = pipe_with(PipeFlags::CLOEXEC)?;
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            signal_hook::low_level::pipe::register(signal, told.try_clone()?)?;
        }
        // The handlers keep write ends of their own, for as long as the process lives.
        drop(told);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptors = Dir::new(open("/proc/self/fd", flags, Mode::empty())?)?;
        Ok(Self {
            signals,
            descriptors,
            backend,
        })
    }

    /// Returns when standard input has ended or a signal has come.
    pub(crate) fn wait(&self) {
        let stdin = io::stdin();
        let mut ignored = [0; 512];
        loop {
            let mut fds = [
                PollFd::new(&stdin, PollFlags::IN),
                PollFd::new(&self.signals, PollFlags::IN),
            ];
            match poll(&mut fds, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(_) => return,
            }
            if !fds[1].revents().is_empty() {
                return;
            }
            if !fds[0].revents().is_empty() && !matches!(read(stdin.as_fd(), &mut ignored), Ok(1..))
            {
                return;
            }
        }
    }

    /// Shuts every TCP socket of the process until nothing listens and no connection is left, or the
    /// time is over; says whether that came about.
    pub(crate) fn shut_all(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut was_quiet = false;
        loop {
            let listens = self.shut_tcp_sockets();
            // Looked for twice: a connection that was accepted just now may not be counted yet.
            let is_quiet = !listens && open_connections() == 0;
            if is_quiet && was_quiet {
                return true;
            }
            was_quiet = is_quiet;
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Whether one of them listens all the same.
    fn shut_tcp_sockets(&mut self) -> bool {
        let mut listens = false;
        self.descriptors.rewind();
        for entry in self.descriptors.by_ref().flatten() {
            let Some(fd) = entry
                .file_name()
                .to_str()
                .ok()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            // SAFETY: the number was an open descriptor a moment ago. Should its thread have
            // closed it since, the calls below fail with EBADF; should another TCP socket have
            // taken the number, it is one of ours too and has to be shut all the same.
            let fd = unsafe { BorrowedFd::borrow_raw(fd) };
            if is_tcp(fd) && !leads_to(fd, self.backend) {
                let is_shut = shutdown(fd, Shutdown::Read).is_ok();
                listens |= !is_shut && sockopt::socket_acceptconn(fd) == Ok(true);
            }
        }
        listens
    }
}

fn leads_to(fd: BorrowedFd<'_>, backend: Option<SocketAddr>) -> bool {
    let peer = || SocketAddr::try_from(getpeername(fd).ok()??).ok();
    backend.is_some() && peer() == backend
}

fn is_tcp(fd: BorrowedFd<'_>) -> bool {
    sockopt::socket_type(fd) == Ok(SocketType::STREAM)
        && getsockname(fd).is_ok_and(|address| {
            [AddressFamily::INET, AddressFamily::INET6].contains(&address.address_family())
        })
}
