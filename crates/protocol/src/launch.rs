//! The launch contract, version 1: how the runner and a server speak.
//!
//! Start: `model-x --listen 127.0.0.1:0 --threads N [--wire framed|raw] [--cpus 0,1]
//! [--backlog N] [--reuse-port] [--relay ADDR]`. The server raises its own soft limit of open files
//! to the hard one.
//!
//! 1. When every listener is up it writes one line to standard output, a [`Ready`].
//! 2. It serves until standard input ends, or SIGTERM. Then it stops accepting, answers every
//!    request that it has fully received, closes, writes one line, a [`Done`], and exits 0.
//!    After [`STOP_LIMIT_S`] seconds the runner kills it.
//! 3. `--preflight` checks what the model needs and exits 0, or writes one line, an
//!    [`Unmet`], and exits non-zero.
//!
//! Standard error is free text.
//!
//! With `--relay ADDR` the server answers nothing itself: it passes bytes. When a client connects it
//! opens a connection to the backend at ADDR, for that client alone; what the client sends goes there,
//! and what the backend sends comes back. While one side doesn't take what it is sent, the other side
//! isn't read from, so a connection's buffers have a bound. An end of one side's stream is passed on,
//! and the other direction goes on until it ends, too. When the backend refuses or breaks off, the
//! client's connection is closed and counted as one of [`Done::backend_failures`]. Counts are of the
//! clients' side; bytes are passed unread, so there are no requests to count, on no wire. When it is to
//! stop, it reads what clients have sent, passes it on with its end, and passes back what comes of it.
//! A server that offers no relaying exits with an error.

use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, ops::AddAssign};

/// The contract's version, said in the ready line.
pub const CONTRACT: u32 = 1;

/// How long a server may take to stop before it is killed, in seconds.
pub const STOP_LIMIT_S: u64 = 5;

/// A line that a server writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ServerLine {
    /// Every listener is up.
    Ready(Ready),
    /// Everything has been answered and closed.
    Done(Done),
    /// The answer to `--preflight` when something is missing.
    Unmet(Unmet),
}

/// Every listener is up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// [`CONTRACT`].
    pub contract: u32,
    /// Where to connect, with the real port.
    pub addr: SocketAddr,
    /// The server's process.
    pub pid: u32,
    /// I/O threads (loops, executors, workers).
    pub threads: u32,
}

/// What the server counted over its whole life, to be compared with what the generator did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Connections accepted.
    pub accepted: u64,
    /// Requests fully received; `None` where the wire has no frames to count, and of a relay.
    pub requests: Option<u64>,
    /// Requests answered; `None` likewise.
    pub responses: Option<u64>,
    /// Bytes received from clients.
    pub bytes_in: u64,
    /// Bytes sent to clients.
    pub bytes_out: u64,
    /// Connections closed because of a malformed frame.
    pub malformed: u64,
    /// `accept` calls that failed, out of file descriptors for instance.
    pub accept_errors: u64,
    /// Connections that were still open when the time to stop was over.
    pub abandoned: u64,
    /// Of a relay: connections whose backend refused or broke off.
    #[serde(default, skip_serializing_if = "is_none")]
    pub backend_failures: u64,
    /// The same by thread, of those that counted anything; none where a server doesn't tell, or had
    /// more than anybody would read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_thread: Vec<ThreadCounts>,
}

/// What one thread of a server counted over the server's whole life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadCounts {
    /// Connections that it accepted.
    pub accepted: u64,
    /// Requests that it received; `None` where the wire has no frames to count.
    pub requests: Option<u64>,
    /// Bytes that it received.
    pub bytes_in: u64,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

/// A count that one of two servers couldn't make, both together have none of. A sum that doesn't fit stays
/// at the largest number, which agrees with nobody's count.
impl AddAssign for Done {
    fn add_assign(&mut self, other: Self) {
        let both = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
        self.accepted = self.accepted.saturating_add(other.accepted);
        self.requests = both(self.requests, other.requests);
        self.responses = both(self.responses, other.responses);
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        self.malformed = self.malformed.saturating_add(other.malformed);
        self.accept_errors = self.accept_errors.saturating_add(other.accept_errors);
        self.abandoned = self.abandoned.saturating_add(other.abandoned);
        let failures = self.backend_failures;
        self.backend_failures = failures.saturating_add(other.backend_failures);
        self.by_thread.extend(other.by_thread);
    }
}

/// Something the model needs is missing here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmet {
    /// What is missing.
    pub missing: String,
    /// How to mend it.
    pub mend: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_what_the_contract_shows() {
        let ready = ServerLine::Ready(Ready {
            contract: CONTRACT,
            addr: "127.0.0.1:40123".parse().unwrap(),
            pid: 7,
            threads: 2,
        });
        assert_eq!(
            serde_json::to_string(&ready).unwrap(),
            r#"{"event":"ready","contract":1,"addr":"127.0.0.1:40123","pid":7,"threads":2}"#
        );
        let done: ServerLine = serde_json::from_str(
            r#"{"event":"done","accepted":1,"requests":2,"responses":2,"bytes_in":3,"bytes_out":3,"malformed":0,"accept_errors":0,"abandoned":0,"later":"more"}"#,
        )
        .unwrap();
        assert!(matches!(done, ServerLine::Done(Done { accepted: 1, .. })));
    }
}
