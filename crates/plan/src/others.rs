//! Other machines, which generate the load while this one has the servers.

use request::refusal::Refusal;
use std::net::{IpAddr, Ipv4Addr};

/// An address of a machine, and the network that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnAddress {
    /// As others reach it.
    pub address: Ipv4Addr,
    /// Bits that all addresses of its network begin with, 0 to 32.
    pub prefix: u32,
}

impl OwnAddress {
    /// Whether nothing lies between it and an address.
    fn is_beside(self, other: Ipv4Addr) -> bool {
        let differ = u32::from(self.address) ^ u32::from(other);
        differ.leading_zeros() >= self.prefix
    }
}

/// Machines that generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Others {
    /// How many; at least 1.
    pub machines: u32,
    /// CPUs of the one that has fewest; at least 1.
    pub cpus: u32,
    /// The lowest hard limit of open files of a process; `None`: there is no limit.
    pub open_files_max: Option<u64>,
    /// The fewest ephemeral ports of one address; `None`: not known.
    pub ports: Option<u32>,
    /// Some are this machine, in another network namespace: CPUs are divided as on one machine.
    pub shares_cpus: bool,
    /// Of each machine, in their order.
    pub addresses: Vec<Vec<OwnAddress>>,
}

impl Others {
    /// From where a machine reaches a server in its network: its addresses in that network, on whichever
    /// interface; none where it has no such network.
    fn sources(&self, machine: usize, server: IpAddr) -> Vec<Ipv4Addr> {
        let IpAddr::V4(server) = server else {
            return Vec::new();
        };
        let all = || self.addresses.get(machine).into_iter().flatten();
        let is_in_network = |address: Ipv4Addr| {
            let mut networks = all().filter(|own| own.is_beside(server));
            networks.any(|own| own.is_beside(address))
        };
        let addresses = all().map(|own| own.address);
        addresses.filter(|&own| is_in_network(own)).collect()
    }

    /// Addresses that each machine has towards a server, 1 at least: the kernel's choice.
    pub(crate) fn sources_each(&self, server: IpAddr) -> u32 {
        let of_each = (0..self.addresses.len()).map(|machine| self.sources(machine, server).len());
        of_each.min().unwrap_or(1).max(1) as u32
    }

    /// The first `count` of those that this process' machine has.
    pub(crate) fn sources_of(&self, process: u32, server: IpAddr, count: u32) -> Vec<Ipv4Addr> {
        let sources = self.sources(Self::machine_of(process, self.machines), server);
        sources.into_iter().take(count as usize).collect()
    }

    /// Processes are dealt to the machines in turn.
    pub fn machine_of(process: u32, machines: u32) -> usize {
        (process % machines.max(1)) as usize
    }

    /// Generator processes on each of them.
    pub(crate) fn processes_each(&self, processes: u32) -> u32 {
        processes.div_ceil(self.machines.max(1)).max(1)
    }

    /// As many processes as are asked for on all together, or as many as it takes at the least.
    ///
    /// # Errors
    /// Machines would have different numbers of them, and so different shares of the load.
    pub(crate) fn processes(&self, asked: Option<u32>, needed: u32) -> Result<u32, Refusal> {
        match asked {
            Some(asked) if asked % self.machines != 0 => Err(Refusal::new(format!(
                "--client-processes {asked}: {} machines generate, each with as many processes: take a \
                 multiple",
                self.machines
            ))),
            Some(asked) => Ok(asked),
            None => Ok(self.processes_each(needed) * self.machines),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_machine_has_as_many_processes() {
        let three = Others {
            machines: 3,
            cpus: 2,
            open_files_max: None,
            ports: None,
            shares_cpus: false,
            addresses: Vec::new(),
        };
        let counts = [1, 3, 4, 51].map(|needed| three.processes(None, needed).unwrap());
        assert_eq!(counts, [3, 3, 6, 51]);
        let machines = [0, 1, 2, 4].map(|process| Others::machine_of(process, 3));
        assert_eq!(machines, [0, 1, 2, 1], "in turn");
        assert_eq!(three.processes(Some(6), 1).unwrap(), 6);
        let refused = three.processes(Some(4), 1).unwrap_err().to_string();
        assert!(refused.contains("3 machines"), "{refused}");
    }

    #[test]
    fn connections_come_from_the_servers_network_and_from_as_many_addresses_on_each_machine() {
        let own = |last| OwnAddress {
            address: Ipv4Addr::new(192, 0, 2, last),
            prefix: 24,
        };
        let elsewhere = OwnAddress {
            address: Ipv4Addr::new(198, 51, 100, 7),
            ..own(0)
        };
        let alone = |last| OwnAddress {
            prefix: 32,
            ..own(last)
        };
        let others = Others {
            machines: 2,
            cpus: 2,
            open_files_max: None,
            ports: None,
            shares_cpus: false,
            addresses: vec![
                vec![own(2), elsewhere, alone(12)],
                vec![own(3), own(13), own(23)],
            ],
        };
        let server = IpAddr::from([192, 0, 2, 1]);
        assert_eq!(others.sources_each(server), 2);
        let of = |process| others.sources_of(process, server, 2);
        assert_eq!(of(0), [own(2).address, own(12).address]);
        assert_eq!(of(3), [own(3).address, own(13).address]);
        let far = IpAddr::from([203, 0, 113, 1]);
        assert_eq!(
            (others.sources_each(far), others.sources_of(0, far, 2)),
            (1, vec![])
        );
    }
}
