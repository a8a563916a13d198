//! The end of connections: when the kernel holds nothing of them any longer.

use probe::kernel::{tcp_sockets_held, unix_sockets_held};
use process::interrupt;
use protocol::endpoint::Endpoint;
use std::{
    thread,
    time::{Duration, Instant},
};

/// How long the end of a trial's connections is waited for; a server closes some 50,000 a second.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
const CLOSE_LIMIT_PER_CONNECTION: Duration = Duration::from_micros(60);
const CLOSE_LOOK: Duration = Duration::from_millis(5);
const SOCKETS_OF_OTHERS: u64 = 20;

/// Sockets of a server's kind, on the whole machine.
#[derive(Clone, Copy, Debug)]
pub struct Sockets {
    held: fn() -> Option<u64>,
    before: Option<u64>,
}

impl Sockets {
    /// Counts them before a trial's first connection.
    pub fn before(server: &Endpoint) -> Self {
        let held = match server {
            Endpoint::Tcp(_) => tcp_sockets_held,
            Endpoint::Unix(_) => unix_sockets_held,
        };
        Self {
            held,
            before: held(),
        }
    }

    /// Waits until the kernel has let go of the trial's: a server may need a while to see that its
    /// clients are gone, and memory and ports would be missing from the next trial. Says whether it
    /// was so within the limit, which grows with their number.
    pub fn await_closed(&self, connections: u32) -> bool {
        let Some(before) = self.before else {
            return false;
        };
        let limit = Instant::now() + CLOSE_LIMIT + CLOSE_LIMIT_PER_CONNECTION * connections;
        // Other programs open sockets, too.
        let few = before + SOCKETS_OF_OTHERS;
        loop {
            if (self.held)().is_some_and(|held| held <= few) {
                return true;
            }
            if Instant::now() >= limit || interrupt::asked() {
                return false;
            }
            thread::sleep(CLOSE_LOOK);
        }
    }
}
