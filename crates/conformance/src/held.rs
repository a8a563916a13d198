//! A case of a connection whose file somebody else holds while the server closes it, as who reads
//! /proc/PID/fd does for a moment: the kernel keeps the file then, and epoll goes on to name it
//! (epoll(7), question 6).

use crate::{
    client::{Client, PATIENCE},
    needs::CantBeJudged,
    proc,
    promise::Promise,
    request,
    running::{Running, run},
    tally::Tally,
};
use anyhow::{Context as _, Result, ensure};
use protocol::wire::{Kind, MAX_PAYLOAD_BYTES, Wire};
use rustix::{
    net::{SocketAddrAny, getpeername, getsockname},
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};
use std::{
    net::SocketAddr,
    os::fd::{OwnedFd, RawFd},
};

/// Connections that come after it: some on each of a server's threads.
const OTHERS: usize = 8;

/// How a connection comes to its end.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// The client closes its sending side.
    HalfClosed,
    /// The same with requests in flight.
    InFlight,
    /// It sends a malformed frame, and goes on to send.
    Malformed,
}

pub(super) fn held_file(promise: &Promise) -> Result<()> {
    let mut tally = Tally::new(promise.wire);
    let done = run(promise, |running| {
        for way in [Way::HalfClosed, Way::InFlight, Way::Malformed] {
            if running.wire() == Wire::Framed || !matches!(way, Way::Malformed) {
                end_while_held(running, &mut tally, way).with_context(|| {
                    format!("another process held the file of a connection ({way:?})")
                })?;
            }
        }
        Ok(())
    })?;
    tally.expect(done.as_ref())
}

fn end_while_held(running: &Running, tally: &mut Tally, way: Way) -> Result<()> {
    let client = running.connect_many(1)?.remove(0);
    tally.accepted(1);
    tally.echo(&running.greeting(0));
    let held = Held::take(running, &client)?;
    let echoes: Vec<Vec<u8>> = (0..3).map(|id| running.echo(id, 100)).collect();
    match way {
        Way::HalfClosed => client.half_close()?,
        Way::InFlight => {
            echoes.iter().for_each(|echo| tally.echo(echo));
            client.send(&echoes.concat())?;
            client.half_close()?;
            client.expect_all(&echoes)?;
        }
        Way::Malformed => {
            let broken = request::header(Kind::Echo, 0, 1, MAX_PAYLOAD_BYTES as usize + 1);
            tally.malformed(&broken);
            client.send(&broken)?;
        }
    }
    let closed = proc::in_time(|| {
        Ok(!proc::sockets(&running.pids()).any(|(_, _, open)| open == held.socket))
    })?;
    ensure!(
        closed,
        "the server didn't close its own descriptor within {PATIENCE:?}"
    );

    // What comes now is heard by nobody, and the kernel may tell the server of it all the same.
    let others = running.connect_many(OTHERS)?;
    tally.accepted(OTHERS as u64);
    (0..OTHERS).for_each(|i| tally.echo(&running.greeting(i)));
    if matches!(way, Way::Malformed) {
        // The other side may have ended the whole connection, whoever holds the file.
        let _ = client.send(&echoes[0]);
    }
    client.reset()?;
    for (i, other) in others.into_iter().enumerate() {
        let greeting = running.greeting(i);
        tally.echo(&greeting);
        other
            .round_trip(&greeting)
            .and_then(|()| other.finish())
            .context("another connection, when the client had reset the held one")?;
    }
    Ok(())
}

/// The server's file of a connection, held by us.
struct Held {
    socket: u64,
    _file: OwnedFd,
}

impl Held {
    /// Looks for it among the sockets that the server's processes have open. A table of all sockets
    /// of the machine (/proc/net/tcp) would take seconds where thousands have just closed.
    fn take(running: &Running, client: &Client) -> Result<Self> {
        let ends = client.ends()?;
        let mut refused = None;
        for (pid, fd, socket) in proc::sockets(&running.pids()) {
            match duplicate(pid, fd) {
                Ok(file) if is_between(&file, ends) => {
                    return Ok(Self {
                        socket,
                        _file: file,
                    });
                }
                Ok(_) => {}
                Err(errno) => refused = Some(errno),
            }
        }
        let reason = match refused {
            Some(errno) => format!("pidfd_getfd: {errno}"),
            None => "no process of the server has a descriptor of it".to_owned(),
        };
        Err(CantBeJudged(format!("the server's end can't be held: {reason}")).into())
    }
}

/// A second descriptor of the file that a process has open as `fd`.
fn duplicate(pid: u32, fd: RawFd) -> rustix::io::Result<OwnedFd> {
    let pid = Pid::from_raw(pid as i32).ok_or(rustix::io::Errno::SRCH)?;
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    pidfd_getfd(process, fd, PidfdGetfdFlags::empty())
}

/// Whether this is the socket between a local and a remote address.
fn is_between(file: &OwnedFd, ends: (SocketAddr, SocketAddr)) -> bool {
    // A socket of IPv6 may have a client of IPv4.
    let plain = |addr: SocketAddr| (addr.ip().to_canonical(), addr.port());
    let is = |found: Option<SocketAddrAny>, expected| {
        let found = found.and_then(|found| SocketAddr::try_from(found).ok());
        found.is_some_and(|found| plain(found) == plain(expected))
    };
    is(getsockname(file).ok(), ends.0) && is(getpeername(file).ok().flatten(), ends.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::TcpListener, os::fd::AsRawFd as _, process::id};

    #[test]
    fn a_held_file_outlives_its_descriptor() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let ends = client.ends().unwrap();
        let own = [id()];
        let mut sockets = proc::sockets(&own);
        let found = sockets.find(|(pid, fd, _)| is_between(&duplicate(*pid, *fd).unwrap(), ends));
        assert_eq!(found.unwrap().1, accepted.as_raw_fd());

        let held = duplicate(id(), accepted.as_raw_fd()).unwrap();
        drop(accepted);
        assert!(client.is_silent().unwrap(), "nobody has closed the file");
        drop(held);
        assert!(client.expect_end().is_ok());
    }
}
