//! Who listens where, as the kernel has it: better than trying to connect again and again, because
//! it disturbs no server, and tells whose the listener is.
//!
//! Sources: proc(5), /proc/net/tcp, /proc/net/unix and /proc/PID/fd.

use process::tree::with_descendants;
use procfs::{
    ProcError,
    net::{TcpState, UnixState, tcp, tcp6, unix},
    process::{FDTarget, Process, all_processes},
};
use protocol::endpoint::{Endpoint, UNIX_PREFIX};
use socket2::{SockAddr, Socket, Type};
use std::{
    io::{self, Read as _},
    net::{IpAddr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    path::{Path, PathBuf, absolute},
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
pub(super) fn free_address(ip: IpAddr) -> io::Result<SocketAddr> {
    TcpListener::bind((ip, 0))?.local_addr()
}

/// Sockets that connections to this place come in by, by the inodes of their descriptors.
pub(super) fn listeners(endpoint: &Endpoint) -> Vec<u64> {
    match endpoint {
        Endpoint::Tcp(addr) => at_address(*addr),
        Endpoint::Unix(path) => at_path(path),
    }
}

fn at_address(addr: SocketAddr) -> Vec<u64> {
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

/// The sockets of its connections have the listener's path, too, and are connected. The kernel has paths as
/// they were bound: another way to the same file, or seen from where the server runs, which whoever holds such a
/// socket tells.
fn at_path(path: &Path) -> Vec<u64> {
    let entries = || {
        let waiting = unix().into_iter().flatten();
        waiting.filter(|entry| entry.state == UnixState::UNCONNECTED)
    };
    let matching = |is_it: &dyn Fn(&Path) -> bool| -> Vec<u64> {
        let found = entries().filter(|entry| entry.path.as_deref().is_some_and(is_it));
        found.map(|entry| entry.inode).collect()
    };
    let file = path.canonicalize().ok();
    let is_same = |bound: &Path| bound.is_absolute() && bound.canonicalize().ok() == file;
    let found = matching(&|bound| bound == path || (file.is_some() && is_same(bound)));
    if !found.is_empty() {
        return found;
    }
    let by_name = entries().filter_map(|entry| {
        let bound = entry.path.filter(|bound| bound.is_relative())?;
        (bound.file_name() == path.file_name()).then_some((bound, entry.inode))
    });
    let is_there = |(bound, inode): &(PathBuf, u64)| {
        let seen = all_processes().into_iter().flatten().flatten();
        let mut holders = seen.filter(|process| hold(&[process.pid as u32], &[*inode]));
        let is_it = |from: PathBuf| from.join(bound).canonicalize().ok() == file;
        file.is_some() && holders.any(|holder| holder.cwd().is_ok_and(is_it))
    };
    by_name.filter(is_there).map(|(_, inode)| inode).collect()
}

/// The process that listens there, if it is a single one with all that descend from it; `None` where
/// that can't be seen, and where this process is among those: what it does would be taken for the
/// server's.
pub fn owner(endpoint: &Endpoint) -> Option<u32> {
    let is_ours =
        |pid: u32| with_descendants(&[pid]).is_ok_and(|of| of.contains(&std::process::id()));
    first_holder(endpoint).filter(|&pid| !is_ours(pid))
}

/// PID 1 may hold sockets for others.
fn first_holder(endpoint: &Endpoint) -> Option<u32> {
    let sockets = listeners(endpoint);
    let parents = all_processes().into_iter().flatten().flatten();
    let holders: Vec<(u32, u32)> = parents
        .filter_map(|process| Some((u32::try_from(process.pid).ok()?, process)))
        .filter(|(pid, _)| *pid != 1 && !sockets.is_empty() && hold(&[*pid], &sockets))
        .filter_map(|(pid, process)| Some((pid, process.stat().ok()?.ppid as u32)))
        .collect();
    let is_holder = |pid: u32| holders.iter().any(|(holder, _)| *holder == pid);
    let mut first = holders.iter().filter(|(_, parent)| !is_holder(*parent));
    match (first.next(), first.next()) {
        (Some((pid, _)), None) => Some(*pid),
        _ => None,
    }
}

/// Is a first client, which says nothing and parts: whoever listens has to accept, too.
///
/// It is more than a test. Servers that have never seen a client go may be in a state that no server
/// in use is in: Python's asyncio took three times the CPU per request, because glibc's malloc asks
/// the kernel for each of its buffers until the first one is freed in full, at the end of a stream.
///
/// # Errors
/// Nobody accepts.
pub(super) fn visit(endpoint: &Endpoint) -> io::Result<()> {
    let addr = match endpoint {
        Endpoint::Tcp(addr) => SockAddr::from(*addr),
        Endpoint::Unix(path) => SockAddr::unix(path)?,
    };
    let mut socket = Socket::new(addr.domain(), Type::STREAM, None)?;
    socket.connect_timeout(&addr, CONNECT_LIMIT)?;
    socket.set_read_timeout(Some(PARTING_LIMIT))?;
    socket.shutdown(Shutdown::Write)?;
    // Until the server has closed, too, if it does.
    let _ = socket.read(&mut [0; 64]);
    Ok(())
}

/// Where a server is running, by a host's name or address and a port, or by a Unix socket's path. Of
/// several addresses of a name that are this machine's, the first at which somebody answers.
///
/// # Errors
/// There is no such place, in words.
pub fn resolve(place: &str) -> Result<Endpoint, String> {
    let form = "HOST:PORT, such as 127.0.0.1:7000, [::1]:7000 or localhost:7000; or \
                unix:/run/x.sock";
    if let Some(path) = place.strip_prefix(UNIX_PREFIX) {
        // The generator may run elsewhere.
        let path = absolute(path).map_err(|error| format!("{error}; {form}"))?;
        let endpoint = format!("{UNIX_PREFIX}{}", path.display()).parse::<Endpoint>();
        return endpoint.map_err(|error| error.to_string());
    }
    let found = place.to_socket_addrs();
    let all: Vec<SocketAddr> = found.map_err(|error| format!("{error}; {form}"))?.collect();
    let answers = |addr: &&SocketAddr| {
        // No packet leaves the machine unasked.
        addr.ip().is_loopback() && TcpStream::connect_timeout(addr, CONNECT_LIMIT).is_ok()
    };
    let one_of_several = all.iter().find(|addr| all.len() > 1 && answers(addr));
    let chosen = one_of_several.or(all.first()).copied();
    let chosen = chosen.ok_or_else(|| format!("the name has no address; {form}"));
    chosen.map(Endpoint::Tcp)
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
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn a_listener_is_found_with_its_owner() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = Endpoint::Tcp(listener.local_addr().unwrap());
        let sockets = listeners(&addr);
        assert_eq!(sockets.len(), 1);
        assert!(hold(&[std::process::id()], &sockets));
        assert!(!hold(&[std::process::id()], &[0]));
        assert_eq!(first_holder(&addr), Some(std::process::id()));
        assert_eq!(
            owner(&addr),
            None,
            "this process is no server to be measured"
        );
        drop(listener);
        assert!(listeners(&addr).is_empty());
        assert_eq!(first_holder(&addr), None);
    }

    #[test]
    fn a_socket_of_a_file_is_found_among_those_of_its_connections() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.sock");
        let endpoint = resolve(&format!("unix:{}", path.display())).unwrap();
        assert!(visit(&endpoint).is_err());
        let listener = UnixListener::bind(&path).unwrap();
        let _client = UnixStream::connect(&path).unwrap();
        let _accepted = listener.accept().unwrap();
        assert_eq!(listeners(&endpoint).len(), 1);
        assert_eq!(first_holder(&endpoint), Some(std::process::id()));
        assert!(visit(&endpoint).is_ok());
        drop(listener);
        assert!(listeners(&endpoint).is_empty());
        assert!(visit(&endpoint).is_err());
    }

    #[test]
    fn a_name_leads_to_the_address_that_answers() {
        let listeners = ["127.0.0.1:0", "[::1]:0"].map(TcpListener::bind);
        for listener in listeners.into_iter().flatten() {
            let addr = listener.local_addr().unwrap();
            assert_eq!(resolve(&addr.to_string()), Ok(Endpoint::Tcp(addr)));
            let found = resolve(&format!("localhost:{}", addr.port())).unwrap();
            let found = found.tcp().unwrap();
            // Not every machine has both addresses under this name.
            assert!(
                found == addr || found.is_ipv4() != addr.is_ipv4(),
                "{found}"
            );
        }
        for wrong in ["7000", "localhost", "unix:", "no.such.host.invalid:1"] {
            assert!(resolve(wrong).unwrap_err().contains("HOST:PORT"), "{wrong}");
        }
    }

    #[test]
    fn one_for_all_addresses_answers_for_each() {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let addr: SocketAddr = ([127, 0, 0, 1], port).into();
        assert_eq!(listeners(&addr.into()).len(), 1);
    }
}
