//! Addresses that connections come from.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};
use thiserror::Error;

/// Where servers listen at their end of a link: in the other half of what is reserved for benchmarks.
pub const LINK_SERVER: Ipv4Addr = Ipv4Addr::new(198, 19, 0, 1);

/// The other end.
pub const LINK_GENERATORS: Ipv4Addr = Ipv4Addr::new(198, 19, 0, 2);

/// Addresses that connections may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: Ipv4Addr,
    prefix: u8,
}

impl Network {
    /// 127.0.0.0/8: every address of it is this machine.
    pub const LOOPBACK: Self = Self {
        base: Ipv4Addr::new(127, 0, 0, 0),
        prefix: 8,
    };

    /// The same on the generators' side of a link: a half of what is reserved for benchmarks, see RFC
    /// 2544, C.2.2.
    pub const OF_GENERATORS: Self = Self {
        base: Ipv4Addr::new(198, 18, 0, 0),
        prefix: 16,
    };

    /// The first address that a host may have.
    pub fn first(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.base) + u32::from(self.prefix < 31))
    }

    /// How many a host may have: without the network's own and the one for broadcasts.
    pub fn addresses(self) -> u32 {
        match self.prefix {
            31..=32 => 1 << (32 - self.prefix),
            _ => ((1_u64 << (32 - self.prefix)) - 2) as u32,
        }
    }
}

/// Where the connections of a run come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From addresses of a network, from its first on.
    Of(Network),
    /// From the one address that the kernel takes towards a server at this one: no other one reaches
    /// it for certain.
    Towards(IpAddr),
    /// From no address: all servers listen at Unix sockets.
    Nowhere,
}

impl Source {
    /// From all of loopback.
    pub const LOOPBACK: Self = Self::Of(Network::LOOPBACK);

    /// Whether connections from there reach a server at an address: those of loopback reach loopback
    /// only, and no other kind of address is reached.
    pub fn reaches(self, server: IpAddr) -> bool {
        match self {
            Self::Of(network) => {
                server.is_ipv4() && network.first().is_loopback() == server.is_loopback()
            }
            Self::Towards(_) => true,
            Self::Nowhere => false,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(network) => network.fmt(f),
            // Loopback is reached from itself.
            Self::Towards(server) if server.is_loopback() => {
                write!(f, "{server}/{}", if server.is_ipv4() { 32 } else { 128 })
            }
            Self::Towards(_) => f.write_str("this machine, by the kernel's choice"),
            Self::Nowhere => f.write_str("none: Unix sockets"),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let wrong = || NotANetwork("an IPv4 network such as 127.1.0.0/16".to_owned());
        let (base, prefix) = text.split_once('/').unwrap_or((text, "32"));
        let base: Ipv4Addr = base.parse().map_err(|_| wrong())?;
        let prefix: u8 = prefix.parse().map_err(|_| wrong())?;
        if prefix > 32 {
            return Err(wrong());
        }
        let host_bits = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
        if u32::from(base) & host_bits != 0 {
            let network = Ipv4Addr::from(u32::from(base) & !host_bits);
            return Err(NotANetwork(format!(
                "not a network; {network}/{prefix} is one"
            )));
        }
        Ok(Self { base, prefix })
    }
}

/// A text that is no network, and what would be one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct NotANetwork(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_those_of_ip() {
        let network: Network = "127.1.0.0/16".parse().unwrap();
        assert_eq!(network.first(), Ipv4Addr::new(127, 1, 0, 1));
        assert_eq!(network.addresses(), 65_534);
        let one: Network = "10.0.0.7".parse().unwrap();
        assert_eq!((one.first().octets()[3], one.addresses()), (7, 1));
        assert_eq!(Network::LOOPBACK.first(), Ipv4Addr::LOCALHOST);
        for wrong in ["", "::1", "127.0.0.1/8", "127.0.0.0/33", "127.0.0.0/x"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
