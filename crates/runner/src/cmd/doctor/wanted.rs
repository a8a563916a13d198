//! What a number of connections takes: processes, threads, source addresses.

use crate::plan::{CONNECTIONS_PER_SOURCE, OTHER_DESCRIPTORS};

/// A process has its I/O threads, one that waits for the end, and some of its runtime's.
const THREADS_PER_PROCESS: u64 = 16;

/// How far from the mean the kernel's hash may put a process: in standard deviations, which are
/// the square root of the mean.
const HASH_SPREAD: f64 = 6.0;

/// Connections that somebody wants, and what they take here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) connections: u64,
    pub(super) server_processes: u64,
    pub(super) generator_processes: u64,
}

impl Wanted {
    /// `open_files_max` is the hard limit of a process; `None` is no limit.
    pub(super) fn new(connections: u64, open_files_max: Option<u64>) -> Self {
        let capacity = open_files_max.map(|max| max.saturating_sub(OTHER_DESCRIPTORS).max(1));
        Self {
            connections,
            server_processes: capacity.map_or(1, |capacity| servers(connections, capacity)),
            generator_processes: capacity.map_or(1, |capacity| connections.div_ceil(capacity)),
        }
    }

    pub(super) fn processes(&self) -> u64 {
        self.server_processes + self.generator_processes
    }

    pub(super) fn threads(&self) -> u64 {
        self.processes() * THREADS_PER_PROCESS
    }

    /// 127.0.0.1, 127.0.0.2 and so on.
    pub(super) fn sources(&self) -> u64 {
        self.connections.div_ceil(CONNECTIONS_PER_SOURCE.into())
    }
}

/// Server processes that share a port: connections are spread over them by a hash, unevenly, so
/// that the mean has to leave room. `mean + 6 sqrt(mean) <= capacity`, solved for the mean.
fn servers(connections: u64, capacity: u64) -> u64 {
    if connections <= capacity {
        return 1;
    }
    let half = HASH_SPREAD / 2.0;
    let mean = ((capacity as f64 + half * half).sqrt() - half).powi(2);
    (connections as f64 / mean).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_open_files_is_met_by_more_processes() {
        let million = Wanted::new(1_000_000, Some(20_000));
        assert_eq!(million.server_processes, 53);
        assert_eq!(million.generator_processes, 51);
        assert_eq!(million.sources(), 100);
        let one = Wanted::new(1_000_000, Some(1_000_100));
        assert_eq!((one.server_processes, one.generator_processes), (1, 1));
        assert_eq!(Wanted::new(1, Some(0)).processes(), 2);
        assert_eq!(Wanted::new(1_000_000, None).processes(), 2);
    }

    #[test]
    fn no_server_process_gets_more_than_it_can_hold() {
        for connections in [20_000, 30_000, 300_000, 1_000_000, 2_000_000_u64] {
            let fits = |processes: u64| {
                let mean = connections as f64 / processes as f64;
                mean + HASH_SPREAD * mean.sqrt() <= 19_900.0
            };
            let processes = servers(connections, 19_900);
            assert!(fits(processes) && !fits(processes - 1), "{connections}");
        }
    }
}
