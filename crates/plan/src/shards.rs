//! Over how many processes and source addresses connections are spread, and why.
//!
//! No process may hold more files than its hard limit, and a connection is one at either end. Where
//! that limit is out of the way one server process and one generator process do.

use crate::host::Host;
use request::{
    network::{Network, Source},
    refusal::Refusal,
};
use std::net::IpAddr;

/// Kernel work per connect grows beyond some 14,000 connections from one address: see
/// bench-results/METHOD.md. Where an address has fewer ports, half of them are cheap to find.
pub const CONNECTIONS_PER_SOURCE: u32 = 10_000;

/// Descriptors that a process needs besides its connections.
pub const OTHER_DESCRIPTORS: u64 = 100;

/// A churned connection's port rests for a while, so churn goes through so many ports: those of 64
/// addresses with the kernel's usual range.
const CHURN_PORTS: u32 = 64 * 28_232;

/// The kernel spreads connections over the listeners of a port by a hash, so a process' share
/// varies as with drawing lots. This many standard deviations of head-room: one run in ten million
/// finds a process that is full.
const HEADROOM_DEVIATIONS: f64 = 6.0;

/// How connections are spread.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shards {
    pub(super) server_processes: u32,
    pub(super) client_processes: u32,
    pub(super) source: Source,
    pub(super) source_addresses: u32,
    pub(super) connections_per_source: u32,
}

/// What is to be spread, and what of it has been asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// At the same time, at most.
    pub(super) connections: u32,
    /// A server has another connection for each of them.
    pub(super) relays: bool,
    /// Whether connections are closed and opened again.
    pub(super) churn: bool,
    pub(super) server_processes: Option<u32>,
    pub(super) client_processes: Option<u32>,
    pub(super) source: Source,
    /// A server is reached from one address only.
    pub(super) one_address: bool,
}

/// Connections that one address makes, where it has so many ports; `None`: that isn't known. None at
/// all where it has too few.
pub fn connections_per_source(ports: Option<u32>) -> u32 {
    ports.map_or(CONNECTIONS_PER_SOURCE, |ports| {
        (ports / 2).min(CONNECTIONS_PER_SOURCE)
    })
}

/// Spreads the wanted connections.
///
/// # Errors
/// The user asked for fewer processes or addresses than it takes, or this host's limits leave no room,
/// with the way out.
pub(super) fn shards(wanted: Wanted, host: &Host) -> Result<Shards, Refusal> {
    let Wanted { connections, .. } = wanted;
    let (server_processes, client_processes) = processes(wanted, host)?;
    let (source_addresses, connections_per_source) = match wanted.source {
        Source::Of(network) => {
            let each = connections_per_source(host.ports);
            (addresses(wanted, network, each, host)?, each)
        }
        Source::Towards(server) => own_addresses(wanted, server, host),
        Source::Nowhere => (0, connections),
    };
    let others = host.others.as_ref();
    let machines = others.map_or(1, |others| others.machines.max(1));
    let ports = others.map_or(host.ports, |others| others.ports);
    let most = ports.map(|ports| ports.saturating_mul(machines * source_addresses));
    if let (true, Some(ports), Some(most)) = (wanted.one_address, ports, most)
        && connections > most
    {
        return Err(Refusal::new(format!(
            "{connections} connections, and {ports} ports to make them from, which \
             net.ipv4.ip_local_port_range leaves to an address: a server beyond 127.0.0.0/8 is reached \
             from {source_addresses} address(es) of each machine. Take --connections {most}, or a wider \
             range: sysctl -w net.ipv4.ip_local_port_range='1024 65535'{}",
            match others {
                Some(_) =>
                    ", or give each machine that generates more addresses in the server's \
                            network: see docs/hosts.md",
                None => "",
            }
        )));
    }
    if let Some(ports) = host
        .ports
        .filter(|&ports| wanted.relays && connections > ports)
    {
        return Err(Refusal::new(format!(
            "{connections} connections, and a relay has {ports} ports for its own connections to the \
             backend, which come from one address (net.ipv4.ip_local_port_range). Take --connections \
             {ports}, or a wider range: sysctl -w net.ipv4.ip_local_port_range='1024 65535'"
        )));
    }
    Ok(Shards {
        server_processes,
        client_processes,
        source: wanted.source,
        source_addresses,
        connections_per_source,
    })
}

/// How many of its own addresses each machine takes towards a server, and for how many connections
/// each: as few as have cheap ports for all, or all that there are.
fn own_addresses(wanted: Wanted, server: IpAddr, host: &Host) -> (u32, u32) {
    let Some(others) = &host.others else {
        return (1, wanted.connections);
    };
    let connections = wanted.connections.div_ceil(others.machines.max(1));
    let all = others.sources_each(server);
    let cheap = connections_per_source(others.ports).max(1);
    let taken = match wanted.churn {
        true => all,
        false => connections.div_ceil(cheap).clamp(1, all),
    };
    (taken, connections.div_ceil(taken).max(1))
}

/// Of the server and of the generator.
fn processes(wanted: Wanted, host: &Host) -> Result<(u32, u32), Refusal> {
    let Wanted { connections, .. } = wanted;
    let others = host.others.as_ref();
    // No limit is more than any.
    let limits = [
        host.open_files_max,
        others.and_then(|others| others.open_files_max),
    ];
    let open_files_max = limits.into_iter().flatten().min();
    let per_process = open_files_max.map_or(u64::MAX, |max| max.saturating_sub(OTHER_DESCRIPTORS));
    // Each process holds both connections of a client that is relayed.
    let of_servers = per_process / (1 + u64::from(wanted.relays));
    let needed = processes_needed(connections, of_servers)
        .zip(processes_needed(connections, per_process))
        .map(|((servers, _), (_, clients))| (servers, clients));
    let (servers, clients) = needed.ok_or_else(|| {
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
    let clients = match others {
        Some(others) => others.processes(wanted.client_processes, clients)?,
        None => wanted.client_processes.unwrap_or(clients),
    };
    Ok((wanted.server_processes.unwrap_or(servers), clients))
}

/// How many addresses of a network connections come from.
fn addresses(wanted: Wanted, network: Network, each: u32, host: &Host) -> Result<u32, Refusal> {
    let Wanted { connections, .. } = wanted;
    if each == 0 {
        return Err(Refusal::new(
            "net.ipv4.ip_local_port_range leaves no ports to connect from: sysctl -w \
             net.ipv4.ip_local_port_range='1024 65535'",
        ));
    }
    let needed = connections.div_ceil(each).max(1);
    let all = network.addresses();
    if all < needed {
        return Err(Refusal::new(format!(
            "--source {network} has {all} address(es), and {connections} connections take {needed}: \
             {each} from each, or the search for a free port takes over"
        )));
    }
    let churned = CHURN_PORTS.div_ceil(host.ports.unwrap_or(28_232).max(1));
    Ok(if wanted.churn {
        needed.max(churned).min(all)
    } else {
        needed
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
    use crate::others::{Others, OwnAddress};

    fn wanted(connections: u32) -> Wanted {
        Wanted {
            connections,
            relays: false,
            churn: false,
            server_processes: None,
            client_processes: None,
            source: Source::LOOPBACK,
            one_address: false,
        }
    }

    fn files(open_files_max: Option<u64>) -> Host {
        Host {
            open_files_max,
            ..Host::default()
        }
    }

    fn with_ports(ports: u32) -> Host {
        Host {
            ports: Some(ports),
            ..Host::default()
        }
    }

    fn counts(connections: u32, open_files_max: Option<u64>) -> (u32, u32, u32) {
        let shards = shards(wanted(connections), &files(open_files_max)).unwrap();
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
        assert!(shards(wanted(10), &files(Some(100))).is_err());
    }

    #[test]
    fn too_few_of_anything_is_said_before_the_start() {
        let host = files(Some(20_000));
        let refused = |wanted| shards(wanted, &host).unwrap_err().to_string();
        let one_server = Wanted {
            server_processes: Some(1),
            ..wanted(30_000)
        };
        assert!(refused(one_server).contains("--server-processes 1: 30000 connections take 2"));
        let one_source = Wanted {
            source: Source::Of("127.9.9.9".parse().unwrap()),
            ..wanted(30_000)
        };
        assert!(refused(one_source).contains("has 1 address(es), and 30000 connections take 3"));
    }

    #[test]
    fn fewer_ports_take_more_addresses() {
        let spread = |wanted, ports| {
            let shards = shards(wanted, &with_ports(ports)).unwrap();
            (shards.source_addresses, shards.connections_per_source)
        };
        assert_eq!(spread(wanted(6_666), 28_232), (1, 10_000));
        assert_eq!(spread(wanted(6_666), 5_001), (3, 2_500));
        assert_eq!(spread(wanted(100_000), 100), (2_000, 50));
        let churn = Wanted {
            relays: false,
            churn: true,
            ..wanted(1_000)
        };
        assert_eq!(spread(churn, 28_232).0, 64);
        assert_eq!(spread(churn, 5_001).0, 362);
        let said = shards(wanted(1), &with_ports(1)).unwrap_err().to_string();
        assert!(said.contains("leaves no ports"), "{said}");
    }

    #[test]
    fn one_address_has_so_many_ports_and_no_more() {
        let towards = |connections| Wanted {
            source: Source::Towards("::1".parse().unwrap()),
            one_address: true,
            ..wanted(connections)
        };
        let fine = shards(towards(20_000), &with_ports(28_232)).unwrap();
        assert_eq!(fine.source.to_string(), "::1/128");
        assert_eq!(
            (fine.source_addresses, fine.connections_per_source),
            (1, 20_000)
        );
        let said = shards(towards(30_000), &with_ports(28_232)).unwrap_err();
        assert!(said.to_string().contains("--connections 28232"), "{said}");
    }

    #[test]
    fn hosts_use_as_many_of_their_addresses_as_have_cheap_ports() {
        let own = |last| OwnAddress {
            address: [192, 0, 2, last].into(),
            prefix: 24,
        };
        let host = Host {
            others: Some(Others {
                machines: 2,
                cpus: 2,
                open_files_max: None,
                ports: Some(28_232),
                shares_cpus: false,
                addresses: vec![vec![own(2), own(3), own(4)], vec![own(5), own(6)]],
            }),
            ..Host::default()
        };
        let spread = |connections| {
            let towards = Wanted {
                source: Source::Towards([192, 0, 2, 1].into()),
                one_address: true,
                ..wanted(connections)
            };
            let shards = shards(towards, &host)?;
            Ok((shards.source_addresses, shards.connections_per_source))
        };
        assert_eq!(spread(20_000), Ok((1, 10_000)));
        assert_eq!(spread(30_000), Ok((2, 7_500)));
        assert_eq!(spread(100_000), Ok((2, 25_000)));
        let said: Refusal = spread(200_000).unwrap_err();
        assert!(said.to_string().contains("--connections 112928"), "{said}");
    }
}
