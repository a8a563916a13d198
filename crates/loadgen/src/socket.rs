//! System calls on client sockets.

use protocol::endpoint::Endpoint;
use rustix::{
    io::Errno,
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, addr::SocketAddrArg, bind, connect,
        socket_with, sockopt,
    },
};
use std::{
    mem,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    os::fd::{AsRawFd as _, OwnedFd},
    ptr,
    time::Duration,
};

/// When something had arrived in its socket: nanoseconds of CLOCK_REALTIME.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrived(pub(crate) i64);

/// Room for the control message of a time stamp (64 bytes), and for what else may come. Aligned as
/// cmsg(3) asks for.
#[repr(align(8))]
struct Control([u8; 128]);

/// Whatever the machine's default is: BBR for one paces what is sent, by timers of its own. A minimal
/// client took 0.984 of the CPU time per request with this one instead (50 connections, interval 0.977
/// to 0.989). Every kernel has it and allows it to everyone: tcp(7).
const CONGESTION_CONTROL: &str = "reno";

/// Begins to connect, without waiting. Established or not shows when the socket is writable. A Unix
/// socket whose accept queue is full says EAGAIN: it has to be tried again.
///
/// # Errors
/// The call that failed, and why.
pub(crate) fn begin_connect(
    target: &Endpoint,
    source: Option<Ipv4Addr>,
) -> Result<OwnedFd, (&'static str, Errno)> {
    match target {
        Endpoint::Tcp(addr) => begin_tcp(*addr, source),
        Endpoint::Unix(path) => {
            let addr = SocketAddrUnix::new(path).map_err(|e| ("connect", e))?;
            begin(stream(AddressFamily::UNIX)?, &addr)
        }
    }
}

fn begin_tcp(
    target: SocketAddr,
    source: Option<Ipv4Addr>,
) -> Result<OwnedFd, (&'static str, Errno)> {
    let fd = stream(match target {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    })?;
    sockopt::set_tcp_nodelay(&fd, true).map_err(|e| ("setsockopt", e))?;
    sockopt::set_tcp_congestion(&fd, CONGESTION_CONTROL).map_err(|e| ("setsockopt", e))?;
    if let Some(source) = source {
        choose_port_at_connect(&fd).map_err(|e| ("setsockopt", e))?;
        bind(&fd, &SocketAddrV4::new(source, 0)).map_err(|e| ("bind", e))?;
    }
    begin(fd, &target)
}

fn stream(family: AddressFamily) -> Result<OwnedFd, (&'static str, Errno)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(family, SocketType::STREAM, flags, None).map_err(|e| ("socket", e))
}

fn begin(fd: OwnedFd, target: &impl SocketAddrArg) -> Result<OwnedFd, (&'static str, Errno)> {
    match connect(&fd, target) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(fd),
        Err(errno) => Err(("connect", errno)),
    }
}

/// Makes the close a reset: the figures are taken, and a reset leaves no TIME_WAIT behind that
/// the next trial would meet.
pub(crate) fn reset_on_close(fd: &OwnedFd) {
    // A socket that can't be told so closes in the ordinary way.
    let _ = sockopt::set_socket_linger(fd, Some(Duration::ZERO));
}

/// Has the kernel note when each packet for this socket arrives, before TCP looks at it, or not any
/// longer (SOF_TIMESTAMPING_RX_SOFTWARE in the kernel's Documentation/networking/timestamping.rst).
///
/// # Errors
/// The kernel doesn't offer it.
pub(crate) fn stamp_arrivals(fd: &OwnedFd, on: bool) -> Result<(), Errno> {
    let flags = if on {
        libc::SOF_TIMESTAMPING_RX_SOFTWARE | libc::SOF_TIMESTAMPING_SOFTWARE
    } else {
        0
    };
    set_option(
        fd,
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPING),
        flags as libc::c_int,
    )
}

/// Receives once; says when the last of the bytes had arrived, if the kernel has noted it.
///
/// # Errors
/// As with recvmsg(2).
pub(crate) fn receive_stamped(
    fd: &OwnedFd,
    buffer: &mut [u8],
) -> Result<(usize, Option<Arrived>), Errno> {
    let mut control = Control([0; 128]);
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    // SAFETY: all of its fields may be zero; the system call fills in or reads the rest.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: the message names a buffer and a control buffer with their lengths, which live across
    // the call and which nobody else refers to meanwhile; the descriptor is open.
    let received = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, 0) };
    match usize::try_from(received) {
        Ok(bytes) => Ok((bytes, arrived(&message))),
        Err(_) => Err(last_error()),
    }
}

/// The software time stamp among the control messages: the first of three times.
fn arrived(message: &libc::msghdr) -> Option<Arrived> {
    // SAFETY: the kernel has filled the control buffer, which lives, up to the length that it has
    // put into the message; the macros of cmsg(3) walk through it and stay within.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !header.is_null() {
        // SAFETY: not null, so it points to a whole header in the control buffer.
        let (level, kind) = unsafe { ((*header).cmsg_level, (*header).cmsg_type) };
        if (level, kind) == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) {
            // SAFETY: the data of such a message are three `timespec`s (socket(7)), perhaps not
            // aligned.
            let at: libc::timespec = unsafe { ptr::read_unaligned(libc::CMSG_DATA(header).cast()) };
            let arrived_ns = at.tv_sec * 1_000_000_000 + at.tv_nsec;
            return (arrived_ns > 0).then_some(Arrived(arrived_ns));
        }
        // SAFETY: as above.
        header = unsafe { libc::CMSG_NXTHDR(message, header) };
    }
    None
}

/// Why a call failed, with the name that manual pages have for it: `connect: ECONNREFUSED: ...`.
pub(crate) fn explain(call: &str, errno: Errno) -> String {
    let name = match errno {
        Errno::ACCESS => "EACCES",
        Errno::ADDRINUSE => "EADDRINUSE",
        Errno::ADDRNOTAVAIL => "EADDRNOTAVAIL",
        Errno::AGAIN => "EAGAIN",
        Errno::CONNABORTED => "ECONNABORTED",
        Errno::CONNREFUSED => "ECONNREFUSED",
        Errno::CONNRESET => "ECONNRESET",
        Errno::HOSTUNREACH => "EHOSTUNREACH",
        Errno::MFILE => "EMFILE",
        Errno::NETUNREACH => "ENETUNREACH",
        Errno::NFILE => "ENFILE",
        Errno::NOBUFS => "ENOBUFS",
        Errno::NOMEM => "ENOMEM",
        Errno::NOSPC => "ENOSPC",
        Errno::PERM => "EPERM",
        Errno::PIPE => "EPIPE",
        Errno::TIMEDOUT => "ETIMEDOUT",
        other => return format!("{call}: errno {}: {other}", other.raw_os_error()),
    };
    format!("{call}: {name}: {errno}")
}

/// Lets `bind` fix the address alone and `connect` choose the port, so that a port can serve
/// towards several targets and the search is cheap: IP_BIND_ADDRESS_NO_PORT in ip(7).
fn choose_port_at_connect(fd: &OwnedFd) -> Result<(), Errno> {
    set_option(fd, (libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT), 1)
}

/// For the options that rustix doesn't have.
fn set_option(
    fd: &OwnedFd,
    (level, name): (libc::c_int, libc::c_int),
    value: libc::c_int,
) -> Result<(), Errno> {
    // SAFETY: both options take an int, and are given the address and size of one that lives across
    // the call; the descriptor is open.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            ptr::from_ref(&value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(last_error())
    }
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_has_the_name_of_its_errno() {
        let refused = explain("connect", Errno::CONNREFUSED);
        assert!(refused.starts_with("connect: ECONNREFUSED: "), "{refused}");
        let unnamed = explain("connect", Errno::XDEV);
        assert!(unnamed.starts_with("connect: errno 18: "), "{unnamed}");
    }
}
