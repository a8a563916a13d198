//! What a number of connections takes: processes, threads, source addresses.

use plan::{
    descriptors::runner_descriptors,
    shards::{OTHER_DESCRIPTORS, connections_per_source, processes_needed},
};

/// A process has its I/O threads, one that waits for the end, and some of its runtime's.
const THREADS_PER_PROCESS: u64 = 16;

/// What else a machine may run, generously.
const OTHER_TASKS: u64 = 100_000;

/// Connections that somebody wants, and what they take here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) connections: u64,
    pub(super) server_processes: u64,
    pub(super) generator_processes: u64,
    /// Of those processes.
    pub(super) threads: u64,
    /// Tasks of everything else.
    tasks_beside: u64,
    /// From one address.
    pub(super) per_source: u64,
}

impl Wanted {
    /// `open_files_max` is the hard limit of a process; `None` is no limit.
    pub(super) fn new(connections: u32, open_files_max: Option<u64>) -> Self {
        let per_process =
            open_files_max.map_or(u64::MAX, |max| max.saturating_sub(OTHER_DESCRIPTORS));
        // Where there is no room for any, the limit itself is what stands in the way.
        let (servers, generators) = processes_needed(connections, per_process).unwrap_or((1, 1));
        Self {
            connections: connections.into(),
            server_processes: servers.into(),
            generator_processes: generators.into(),
            threads: u64::from(servers + generators) * THREADS_PER_PROCESS,
            tasks_beside: 0,
            per_source: connections_per_source(None).into(),
        }
    }

    /// The most that any model takes: all connections in one process, with a thread for each.
    pub(super) fn most(connections: u32) -> Self {
        let mut most = Self::new(connections, None).beside(OTHER_TASKS);
        most.threads = most.connections;
        most
    }

    /// On a machine that has so many tasks without them.
    pub(super) fn beside(mut self, tasks: u64) -> Self {
        self.tasks_beside = tasks;
        self
    }

    /// Where an address has so many ports; `None`: nobody knows.
    pub(super) fn with_ports(mut self, ports: Option<u32>) -> Self {
        self.per_source = connections_per_source(ports).max(1).into();
        self
    }

    /// Descriptors of the runner, which has pipes to all processes.
    pub(super) fn runner_descriptors(&self) -> u64 {
        runner_descriptors(self.server_processes, self.generator_processes)
    }

    pub(super) fn processes(&self) -> u64 {
        self.server_processes + self.generator_processes
    }

    pub(super) fn tasks(&self) -> u64 {
        self.tasks_beside + self.threads
    }

    /// 127.0.0.1, 127.0.0.2 and so on.
    pub(super) fn sources(&self) -> u64 {
        self.connections.div_ceil(self.per_source)
    }
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
}
