//! How much of a connection lies in the kernel, asked for one socket by its addresses (sock_diag(7)).
//! /proc/net/tcp says the same, in seconds where thousands of connections have just closed.

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketType,
    netlink::{SOCK_DIAG, SocketAddrNetlink},
    recv, sendto, socket,
};
use std::{
    io,
    net::{IpAddr, SocketAddr},
};

/// Of linux/sock_diag.h, linux/netlink.h and netinet/in.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const IPPROTO_TCP: u8 = 6;

/// `struct nlmsghdr`, then `struct inet_diag_req_v2` (linux/inet_diag.h).
const REQUEST_BYTES: u32 = 16 + 56;

/// Where `struct inet_diag_msg` has them, behind the header.
const RECEIVED_AT: usize = 16 + 56;
const SENT_AT: usize = 16 + 60;

/// Bytes that the server has sent and the client hasn't read, if both are on this machine. Those that
/// have come and aren't acknowledged yet count twice.
///
/// # Errors
/// One of the sockets isn't there, or the kernel doesn't tell (CONFIG_INET_DIAG).
pub(super) fn unread_bytes(server: SocketAddr, client: SocketAddr) -> io::Result<u64> {
    let sending = answer(server, client)?;
    let received = answer(client, server)?;
    Ok(u64::from(number(&sending, SENT_AT)?) + u64::from(number(&received, RECEIVED_AT)?))
}

/// What the kernel says of the socket between these addresses.
fn answer(local: SocketAddr, remote: SocketAddr) -> io::Result<Vec<u8>> {
    let kernel = socket(AddressFamily::NETLINK, SocketType::DGRAM, Some(SOCK_DIAG))?;
    let address = SocketAddrNetlink::new(0, 0);
    sendto(
        &kernel,
        &request(local, remote),
        SendFlags::empty(),
        &address,
    )?;
    let mut answer = vec![0; 4096];
    let (read, _) = recv(&kernel, &mut answer[..], RecvFlags::empty())?;
    answer.truncate(read);
    match answer.get(4..6) {
        Some(kind) if kind == SOCK_DIAG_BY_FAMILY.to_ne_bytes() => Ok(answer),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

fn request(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let mut request = Vec::with_capacity(REQUEST_BYTES as usize);
    request.extend(REQUEST_BYTES.to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(NLM_F_REQUEST.to_ne_bytes());
    // Its number, and ours, which the kernel fills in.
    request.extend([0; 8]);
    let family = match local {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    // No extensions, and a socket in any state.
    request.extend([family.as_raw() as u8, IPPROTO_TCP, 0, 0]);
    request.extend(u32::MAX.to_ne_bytes());
    request.extend(local.port().to_be_bytes());
    request.extend(remote.port().to_be_bytes());
    request.extend(address(local.ip()));
    request.extend(address(remote.ip()));
    // On any interface, and without a cookie.
    request.extend(0_u32.to_ne_bytes());
    request.extend([0xff; 8]);
    request
}

/// The room of an address is that of IPv6.
fn address(ip: IpAddr) -> [u8; 16] {
    let mut bytes = [0; 16];
    match ip {
        IpAddr::V4(ip) => bytes[..4].copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => bytes = ip.octets(),
    }
    bytes
}

fn number(answer: &[u8], at: usize) -> io::Result<u32> {
    let bytes = answer
        .get(at..at + 4)
        .and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(u32::from_ne_bytes)
        .ok_or(io::ErrorKind::UnexpectedEof.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read as _, Write as _},
        net::{TcpListener, TcpStream},
    };

    #[test]
    fn what_is_sent_and_not_read_is_counted() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(host) else {
                assert!(host.starts_with('['), "a machine without IPv6");
                continue;
            };
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            let (theirs, ours) = (client.peer_addr().unwrap(), client.local_addr().unwrap());
            assert_eq!(unread_bytes(theirs, ours).unwrap(), 0);
            server.write_all(&[7; 1000]).unwrap();
            // Twice, as long as the kernel waits for the acknowledgement.
            assert!([1000, 2000].contains(&unread_bytes(theirs, ours).unwrap()));
            client.read_exact(&mut [0; 1000]).unwrap();
            assert!([0, 1000].contains(&unread_bytes(theirs, ours).unwrap()));
            drop((client, server));
            assert!(unread_bytes(ours, ours).is_err());
        }
    }
}
