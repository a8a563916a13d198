//! How a server is told to stop, and how every runtime hears of it.
//!
//! The kernel carries the message: the receiving side of each TCP socket is shut down. A
//! listener then fails its `accept` with EINVAL, and a connection reads what had been received
//! and then the end of its stream, just as if the client had closed. So a model has no second
//! thing to wait for on each connection, which would cost memory and CPU per connection, and
//! readiness and completion runtimes hear of it alike.
//!
//! Sources: shutdown(2); the kernel's `inet_shutdown` (listeners) and `tcp_recvmsg` (what is
//! queued is delivered before the end).

use crate::counters::open_connections;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, read},
    net::{AddressFamily, Shutdown, SocketType, getsockname, shutdown, sockopt},
};
use std::{
    fs, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd},
    thread,
    time::{Duration, Instant},
};

/// How often sockets are looked for while stopping: one may have been accepted just before its
/// listener was shut.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A pipe that becomes readable on SIGTERM or SIGINT.
pub(crate) fn stop_signals() -> io::Result<OwnedFd> {
    let (heard, told) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::low_level::pipe::register(signal, told.try_clone()?)?;
    }
    // The write end stays open for as long as the handlers are registered, that is, for ever.
    Ok(heard)
}

/// Returns when standard input has ended or a signal has come.
pub(crate) fn wait_for_stop(signals: &OwnedFd) {
    let stdin = io::stdin();
    let mut ignored = [0; 512];
    loop {
        let mut fds = [
            PollFd::new(&stdin, PollFlags::IN),
            PollFd::new(signals, PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return,
        }
        if !fds[1].revents().is_empty() {
            return;
        }
        if !fds[0].revents().is_empty() && !matches!(read(stdin.as_fd(), &mut ignored), Ok(1..)) {
            return;
        }
    }
}

/// Shuts every TCP socket of the process until no connection is left or the time is over;
/// says whether none was left.
pub(crate) fn shut_all(limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        shut_tcp_sockets();
        if open_connections() == 0 {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(LOOK_AGAIN);
    }
}

fn shut_tcp_sockets() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else {
        return;
    };
    let numbers = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // Collected first: the listing's own descriptor is closed before any is touched.
    for fd in numbers.collect::<Vec<RawFd>>() {
        // SAFETY: the number was an open descriptor a moment ago. Should its thread have
        // closed it since, the calls below fail with EBADF; should another TCP socket have
        // taken the number, it is one of ours too and has to be shut all the same.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        if is_tcp(fd) {
            let _ = shutdown(fd, Shutdown::Read);
        }
    }
}

fn is_tcp(fd: BorrowedFd<'_>) -> bool {
    sockopt::socket_type(fd) == Ok(SocketType::STREAM)
        && getsockname(fd).is_ok_and(|address| {
            [AddressFamily::INET, AddressFamily::INET6].contains(&address.address_family())
        })
}
