//! Over how many processes and source addresses connections are spread, and why.
//!
//! No process may hold more files than its hard limit, and a connection is one at either end. Where
//! that limit is out of the way one server process and one generator process do.

use crate::{network::Network, refusal::Refusal};

/// Kernel work per connect grows beyond some 14,000 connections from one address: see
/// bench-results/METHOD.md.
pub const CONNECTIONS_PER_SOURCE: u32 = 10_000;

/// Descriptors that a process needs besides its connections.
pub const OTHER_DESCRIPTORS: u64 = 100;

/// A churned connection's port rests for a while, so churn goes through so many addresses.
const CHURN_ADDRESSES: u32 = 64;

/// The kernel spreads connections over the listeners of a port by a hash, so a process' share
/// varies as with drawing lots. This many standard deviations of head-room: one run in ten million
/// finds a process that is full.
const HEADROOM_DEVIATIONS: f64 = 6.0;

/// How connections are spread.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shards {
    pub(super) server_processes: u32,
    pub(super) client_processes: u32,
    pub(super) sources: Network,
    pub(super) source_addresses: u32,
}

/// What is to be spread, and what of it has been asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// At the same time, at most.
    pub(super) connections: u32,
    /// Whether connections are closed and opened again.
    pub(super) churn: bool,
    pub(super) server_processes: Option<u32>,
    pub(super) client_processes: Option<u32>,
    pub(super) sources: Network,
}

/// Spreads the wanted connections.
///
/// # Errors
/// The user asked for fewer processes or addresses than it takes, with the way out.
pub(super) fn shards(wanted: Wanted, open_files_max: Option<u64>) -> Result<Shards, Refusal> {
    let Wanted { connections, .. } = wanted;
    let per_process = open_files_max.map_or(u64::MAX, |max| max.saturating_sub(OTHER_DESCRIPTORS));
    let (servers, clients) = processes_needed(connections, per_process).ok_or_else(|| {
        Refusal::new(format!(
            "the hard limit of open files leaves no room for connections: raise it with 'ulimit \
             -Hn {}' as root, or nofile in /etc/security/limits.conf",
            u64::from(connections) + OTHER_DESCRIPTORS
        ))
    })?;
    for (flag, asked, needed) in [
        ("--server-processes", wanted.server_processes, servers),
        ("--client-processes", wanted.client_processes, clients),
    ] {
        if let Some(asked) = asked.filter(|&asked| asked < needed) {
            return Err(Refusal::new(format!(
                "{flag} {asked}: {connections} connections take {needed}, because a process may \
                 hold {per_process} at most (hard limit of open files, 'ulimit -Hn'); fewer \
                 connections, or a higher limit: see 'runner doctor --connections {connections}'"
            )));
        }
    }
    let sources = wanted.sources;
    let addresses = connections.div_ceil(CONNECTIONS_PER_SOURCE).max(1);
    if sources.addresses() < addresses {
        return Err(Refusal::new(format!(
            "--source {sources} has {} address(es), and {connections} connections take \
             {addresses}: {CONNECTIONS_PER_SOURCE} from each, or the search for a free port takes \
             over",
            sources.addresses()
        )));
    }
    Ok(Shards {
        server_processes: wanted.server_processes.unwrap_or(servers),
        client_processes: wanted.client_processes.unwrap_or(clients),
        sources,
        source_addresses: if wanted.churn {
            addresses.max(CHURN_ADDRESSES).min(sources.addresses())
        } else {
            addresses
        },
    })
}

/// Processes of the server and of the generator; `None` when no process has room for any.
pub fn processes_needed(connections: u32, per_process: u64) -> Option<(u32, u32)> {
    let connections = f64::from(connections);
    let room = per_process as f64;
    if per_process == 0 {
        return None;
    }
    let holds = |processes: f64| {
        let mean = connections / processes;
        // A single process has no share that could vary.
        let deviation = if processes > 1.0 { mean.sqrt() } else { 0.0 };
        mean + HEADROOM_DEVIATIONS * deviation <= room
    };
    let least = (connections / room).ceil().max(1.0);
    // A process with room for a few only is never sure to be spared.
    let servers = (0..=u32::from(u16::MAX))
        .map(|more| least + f64::from(more))
        .find(|&processes| holds(processes))?;
    Some((servers as u32, least as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(connections: u32) -> Wanted {
        Wanted {
            connections,
            churn: false,
            server_processes: None,
            client_processes: None,
            sources: Network::LOOPBACK,
        }
    }

    fn counts(connections: u32, open_files_max: Option<u64>) -> (u32, u32, u32) {
        let shards = shards(wanted(connections), open_files_max).unwrap();
        (
            shards.server_processes,
            shards.client_processes,
            shards.source_addresses,
        )
    }

    #[test]
    fn a_million_is_spread_as_the_limit_of_open_files_asks_for() {
        assert_eq!(counts(1_000_000, None), (1, 1, 100));
        assert_eq!(counts(1_000_000, Some(1_048_576)), (1, 1, 100));
        assert_eq!(counts(1_000_000, Some(20_000)), (53, 51, 100));
        assert_eq!(counts(30_000, Some(20_000)), (2, 2, 3));
        assert_eq!(counts(19_900, Some(20_000)), (1, 1, 2));
        assert_eq!(counts(1, Some(1024)), (1, 1, 1));
        assert!(shards(wanted(10), Some(100)).is_err());
    }

    #[test]
    fn too_few_of_anything_is_said_before_the_start() {
        let refused = |wanted| shards(wanted, Some(20_000)).unwrap_err().to_string();
        let one_server = Wanted {
            server_processes: Some(1),
            ..wanted(30_000)
        };
        assert!(refused(one_server).contains("--server-processes 1: 30000 connections take 2"));
        let one_source = Wanted {
            sources: "127.9.9.9".parse().unwrap(),
            ..wanted(30_000)
        };
        assert!(refused(one_source).contains("has 1 address(es), and 30000 connections take 3"));
    }
}
