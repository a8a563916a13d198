//! What a running model asks of the kit: listeners, readiness, advice on failed accepts.

use crate::{
    args::Args,
    counters::{self, counters},
    drain::Drain,
};
use protocol::{
    launch::{CONTRACT, Done, Ready, ServerLine},
    wire::Wire,
};
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt},
};
use std::{
    future::Future,
    io::{self, BufRead, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

/// How long to leave a listener alone after an `accept` failed for want of something. The
/// failure leaves the listener readable: without a pause the loop would burn its core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The kit's side of a running model; shared by its threads.
#[derive(Debug)]
pub struct Server {
    args: Args,
    listeners: Listeners,
    /// The address with its real port, once the first listener has one.
    bound: Mutex<Option<SocketAddr>>,
    not_ready: AtomicU32,
    stopping: AtomicBool,
    drain: Drain,
}

/// How many listening sockets there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listeners {
    /// One for the whole server.
    One,
    /// One for each I/O thread, sharing the port with SO_REUSEPORT.
    PerThread,
}

/// What to do after an `accept` that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Accept again: this one connection was already gone.
    Retry,
    /// Leave the listener alone for this long, then accept again: out of file descriptors,
    /// for instance. Open connections have to be served meanwhile.
    Pause(Duration),
    /// Stop accepting for good.
    Stopping,
}

impl Server {
    pub(crate) fn new(args: Args, listeners: Listeners) -> Self {
        let not_ready = match listeners {
            Listeners::One => 1,
            Listeners::PerThread => args.threads,
        };
        Self {
            args,
            listeners,
            bound: Mutex::new(None),
            not_ready: AtomicU32::new(not_ready),
            stopping: AtomicBool::new(false),
            drain: Drain::default(),
        }
    }

    /// I/O threads to run, at least 1.
    pub fn threads(&self) -> usize {
        self.args.threads as usize
    }

    /// CPUs that it was told to run on, where its process is already; none are any.
    pub fn cpus(&self) -> &[usize] {
        &self.args.cpus
    }

    /// The wire that connections speak.
    pub fn wire(&self) -> Wire {
        self.args.wire
    }

    /// Whether it counts frames: a raw wire has none, and who relays doesn't see them.
    pub(crate) fn counts_frames(&self) -> bool {
        self.wire() == Wire::Framed && self.args.relay.is_none()
    }

    /// A listening socket in blocking mode, with the same options for every model.
    ///
    /// Models with one listener per thread call this once in each; all share the port.
    /// TCP_NODELAY is set here, because Linux hands it down to accepted sockets: no model pays
    /// a system call for it.
    ///
    /// # Errors
    /// The address, and what the system says about it.
    pub fn listen(&self) -> io::Result<TcpListener> {
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        let address = bound.unwrap_or(self.args.listen);
        let listener = self
            .listen_on(address)
            .map_err(|errno| explain_listen(address, errno))?;
        *bound = Some(listener.local_addr()?);
        Ok(listener)
    }

    fn listen_on(&self, address: SocketAddr) -> Result<TcpListener, Errno> {
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        if self.args.reuse_port || self.listeners == Listeners::PerThread {
            sockopt::set_socket_reuseport(&socket, true)?;
        }
        bind(&socket, &address)?;
        listen(&socket, self.args.backlog)?;
        Ok(socket.into())
    }

    /// One more listener is up. The last one writes the ready line.
    ///
    /// # Errors
    /// Standard output is gone.
    pub fn ready(&self) -> io::Result<()> {
        if self.not_ready.fetch_sub(1, SeqCst) != 1 {
            return Ok(());
        }
        let addr = self
            .bound
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .unwrap_or(self.args.listen);
        write_line(&ServerLine::Ready(Ready {
            contract: CONTRACT,
            addr,
            pid: std::process::id(),
            threads: self.args.threads,
        }))
    }

    /// What to do about a failed `accept`.
    ///
    /// Source: accept(2), "Error handling": network errors of the connection itself are to be
    /// treated like EAGAIN by retrying.
    pub fn refused(&self, error: &io::Error) -> Refused {
        // A listener that has been shut says EINVAL: by another process, it may be, whose word to
        // stop is still on its way.
        if self.stopping.load(SeqCst) || error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) {
            return Refused::Stopping;
        }
        counters().accept_errors.add(1);
        if is_passing(error) {
            Refused::Retry
        } else {
            Refused::Pause(ACCEPT_PAUSE)
        }
    }

    /// Resolves when the server is stopping and its last connection has closed. Works in any
    /// runtime.
    pub fn drained(&self) -> impl Future<Output = ()> + Send + '_ {
        self.drain.wait()
    }

    /// Blocks the thread until the server is stopping and its last connection has closed.
    pub fn wait_until_drained(&self) {
        self.drain.block();
    }

    /// Adds what another process of this server, of one thread, has counted in its life.
    pub fn add_counts(&self, done: &Done) {
        let counters = counters::new();
        counters.accepted.add(done.accepted);
        counters
            .closed
            .add(done.accepted.saturating_sub(done.abandoned));
        counters.requests.add(done.requests.unwrap_or(0));
        counters.responses.add(done.responses.unwrap_or(0));
        counters.bytes_in.add(done.bytes_in);
        counters.bytes_out.add(done.bytes_out);
        counters.malformed.add(done.malformed);
        counters.accept_errors.add(done.accept_errors);
        counters.backend_failures.add(done.backend_failures);
    }

    pub(crate) fn begin_stop(&self) {
        self.stopping.store(true, SeqCst);
    }

    pub(crate) fn end_drain(&self) {
        self.drain.finish();
    }
}

/// Reads one line of the contract, for a server of several processes whose parent starts the
/// others as servers.
///
/// # Errors
/// The other process has closed its output, or written something else.
pub fn read_line(from: &mut impl BufRead) -> io::Result<ServerLine> {
    let mut text = String::new();
    if from.read_line(&mut text)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&text)?)
}

/// Writes one line of the contract.
pub(crate) fn write_line(line: &ServerLine) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// It was the trouble of one connection, or of its network: the listener has nothing to wait for.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    // By their kind, which runtimes keep that wrap an error; not all of them have one.
    let by_kind = matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::HostUnreachable
            | Kind::Interrupted
            | Kind::NetworkDown
            | Kind::NetworkUnreachable
    );
    let kindless = [
        Errno::PROTO,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        Errno::NONET,
        Errno::OPNOTSUPP,
    ];
    by_kind || Errno::from_io_error(error).is_some_and(|errno| kindless.contains(&errno))
}

fn explain_listen(address: SocketAddr, errno: Errno) -> io::Error {
    let advice = match errno {
        Errno::ADDRINUSE => "; port 0 takes a free one",
        Errno::ACCESS => "; ports below 1024 need privileges",
        Errno::ADDRNOTAVAIL => "; it is no address of this machine",
        _ => "",
    };
    let error = io::Error::from(errno);
    io::Error::new(
        error.kind(),
        format!("can't listen on {address}: {error}{advice}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an accept that failed with this leads to.
    fn refused(errno: Errno) -> Refused {
        let server = Server::new(Args::default(), Listeners::One);
        server.refused(&errno.into())
    }

    #[test]
    fn the_trouble_of_one_connection_holds_up_no_other() {
        for errno in [
            Errno::CONNABORTED,
            Errno::INTR,
            Errno::NETDOWN,
            Errno::PROTO,
            Errno::NOPROTOOPT,
            Errno::HOSTDOWN,
            Errno::NONET,
            Errno::HOSTUNREACH,
            Errno::OPNOTSUPP,
            Errno::NETUNREACH,
        ] {
            assert_eq!(refused(errno), Refused::Retry, "{errno}");
        }
    }

    #[test]
    fn a_want_of_something_is_waited_out_and_the_end_of_the_listener_is_an_end() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            assert!(matches!(refused(errno), Refused::Pause(_)), "{errno}");
        }
        assert_eq!(refused(Errno::INVAL), Refused::Stopping);
    }
}
