//! Addresses of this machine, but for those of loopback, which every machine has.

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use std::net::{IpAddr, Ipv4Addr};

/// All of them; none where they can't be read.
pub(crate) fn all() -> Vec<IpAddr> {
    let of_internet = interfaces().filter_map(|one| {
        let address = one.address?;
        match address.as_sockaddr_in() {
            Some(v4) => Some(IpAddr::from(v4.ip())),
            None => Some(address.as_sockaddr_in6()?.ip().into()),
        }
    });
    of_internet.filter(|ip| !ip.is_loopback()).collect()
}

/// Those of IPv4, each with the length of its network's prefix.
pub(crate) fn with_prefixes() -> Vec<(Ipv4Addr, u32)> {
    let of_v4 = interfaces().filter_map(|one| {
        let address = one.address?.as_sockaddr_in()?.ip();
        let mask = one.netmask?.as_sockaddr_in()?.ip();
        Some((address, u32::from(mask).leading_ones()))
    });
    of_v4
        .filter(|(address, _)| !address.is_loopback())
        .collect()
}

fn interfaces() -> impl Iterator<Item = InterfaceAddress> {
    getifaddrs().into_iter().flatten()
}
