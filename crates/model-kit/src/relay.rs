//! What relays have in common, whatever moves their bytes: two sides, and a way to the backend.

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, connect as start_connect, socket_with, sockopt},
};
use std::{io, net::SocketAddr, os::fd::OwnedFd};

/// A relay's two sides; a number where there is a place for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who has connected.
    Client = 0,
    /// Whom the relay has connected to.
    Backend = 1,
}

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Client, Self::Backend];

    /// What a loop knows this side by, of the pair at that place in its table.
    #[inline]
    pub fn key(self, place: usize) -> usize {
        2 * place + self as usize
    }

    /// The place and the side that have this key.
    #[inline]
    pub fn of_key(key: usize) -> (usize, Self) {
        let side = match key % 2 {
            0 => Self::Client,
            _ => Self::Backend,
        };
        (key / 2, side)
    }

    /// Where that goes which comes from here.
    #[inline]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Backend,
            Self::Backend => Self::Client,
        }
    }
}

/// Begins a connection to the backend, and doesn't wait for it: that it is there, or has been refused,
/// shows when the socket is ready to be written to. The socket doesn't block, and TCP_NODELAY is set as
/// on accepted ones.
///
/// # Errors
/// Out of descriptors or of ports, mostly.
pub fn connect(backend: SocketAddr) -> io::Result<OwnedFd> {
    let family = match backend {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    match start_connect(&socket, &backend) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::Side;

    #[test]
    fn each_side_of_each_pair_has_a_key_of_its_own() {
        let pairs = (0..3).flat_map(|place| Side::BOTH.map(|side| (place, side)));
        for (key, (place, side)) in pairs.enumerate() {
            assert_eq!(side.key(place), key);
            assert_eq!(Side::of_key(key), (place, side));
        }
    }
}
