//! Who listens where, as the kernel has it: better than trying to connect again and again, because
//! it disturbs no server, and tells whose the listener is.
//!
//! Sources: proc(5), /proc/net/tcp and /proc/PID/fd.

use procfs::{
    ProcError,
    net::{TcpState, tcp, tcp6},
    process::{FDTarget, Process},
};
use std::{
    io::{self, Read as _},
    net::{
        IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs,
    },
    time::Duration,
};

/// How long a server may take to accept a first client.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// And how long to part with it.
const PARTING_LIMIT: Duration = Duration::from_millis(200);

/// An address of this host that nobody listens on, until somebody else takes it.
///
/// # Errors
/// There is none left.
pub(super) fn free_address(ip: Ipv4Addr) -> io::Result<SocketAddr> {
    TcpListener::bind((ip, 0))?.local_addr()
}

/// Sockets that connections to this address come in by, by the inodes of their descriptors.
pub(super) fn listeners(addr: SocketAddr) -> Vec<u64> {
    let answers = |ip: IpAddr| match ip {
        IpAddr::V6(v6) => {
            v6 == Ipv6Addr::UNSPECIFIED
                || ip == addr.ip()
                || v6.to_ipv4_mapped().map(IpAddr::V4) == Some(addr.ip())
        }
        IpAddr::V4(v4) => (v4.is_unspecified() && addr.is_ipv4()) || ip == addr.ip(),
    };
    let entries = [tcp(), tcp6()].into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.state == TcpState::Listen)
        .filter(|entry| entry.local_address.port() == addr.port())
        .filter(|entry| answers(entry.local_address.ip()))
        .map(|entry| entry.inode)
        .collect()
}

/// Is a first client, which says nothing and parts: whoever listens has to accept, too.
///
/// It is more than a test. Servers that have never seen a client go may be in a state that no server
/// in use is in: Python's asyncio took three times the CPU per request, because glibc's malloc asks
/// the kernel for each of its buffers until the first one is freed in full, at the end of a stream.
///
/// # Errors
/// Nobody accepts.
pub(super) fn visit(addr: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&addr, CONNECT_LIMIT)?;
    stream.set_read_timeout(Some(PARTING_LIMIT))?;
    stream.shutdown(Shutdown::Write)?;
    // Until the server has closed, too, if it does.
    let _ = stream.read(&mut [0; 64]);
    Ok(())
}

/// Where a server is running, by a host's name or address and a port. Of several addresses of a name
/// that are this machine's, the first at which somebody answers.
///
/// # Errors
/// There is no such place, in words.
pub fn resolve(place: &str) -> Result<SocketAddr, String> {
    let form = "HOST:PORT, such as 127.0.0.1:7000, [::1]:7000 or localhost:7000";
    if place.starts_with("unix:") {
        return Err(format!("sockets of files can't be measured yet; {form}"));
    }
    let found = place.to_socket_addrs();
    let all: Vec<SocketAddr> = found.map_err(|error| format!("{error}; {form}"))?.collect();
    let answers = |addr: &&SocketAddr| {
        // No packet leaves the machine unasked.
        addr.ip().is_loopback() && TcpStream::connect_timeout(addr, CONNECT_LIMIT).is_ok()
    };
    let one_of_several = all.iter().find(|addr| all.len() > 1 && answers(addr));
    let chosen = one_of_several.or(all.first()).copied();
    chosen.ok_or_else(|| format!("the name has no address; {form}"))
}

/// Whether it isn't permitted to see what a process holds: it is another user's.
pub(super) fn is_forbidden(pid: u32) -> bool {
    let process = i32::try_from(pid).ok().map(Process::new);
    let files = process.map(|process| process.and_then(|process| process.fd()).err());
    matches!(files, Some(Some(ProcError::PermissionDenied(_))))
}

/// Whether one of these processes holds one of these sockets.
pub(super) fn hold(pids: &[u32], sockets: &[u64]) -> bool {
    let holds = |pid: u32| -> Option<bool> {
        let mut fds = Process::new(i32::try_from(pid).ok()?).ok()?.fd().ok()?;
        Some(fds.any(|fd| {
            fd.is_ok_and(
                |fd| matches!(fd.target, FDTarget::Socket(inode) if sockets.contains(&inode)),
            )
        }))
    };
    pids.iter().any(|&pid| holds(pid).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_with_its_owner() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let sockets = listeners(addr);
        assert_eq!(sockets.len(), 1);
        assert!(hold(&[std::process::id()], &sockets));
        assert!(!hold(&[std::process::id()], &[0]));
        drop(listener);
        assert!(listeners(addr).is_empty());
    }

    #[test]
    fn a_name_leads_to_the_address_that_answers() {
        let listeners = ["127.0.0.1:0", "[::1]:0"].map(TcpListener::bind);
        for listener in listeners.into_iter().flatten() {
            let addr = listener.local_addr().unwrap();
            assert_eq!(resolve(&addr.to_string()), Ok(addr));
            let found = resolve(&format!("localhost:{}", addr.port())).unwrap();
            // Not every machine has both addresses under this name.
            assert!(
                found == addr || found.is_ipv4() != addr.is_ipv4(),
                "{found}"
            );
        }
        for wrong in [
            "7000",
            "localhost",
            "unix:/run/x.sock",
            "no.such.host.invalid:1",
        ] {
            assert!(resolve(wrong).unwrap_err().contains("HOST:PORT"), "{wrong}");
        }
    }

    #[test]
    fn one_for_all_addresses_answers_for_each() {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(listeners(([127, 0, 0, 1], port).into()).len(), 1);
    }
}
