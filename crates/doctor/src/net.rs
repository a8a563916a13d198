//! What the network allows: ports, source addresses, connection tracking. Each check is a function
//! from what was read, and from what is wanted, to a finding.

use crate::{
    finding::{Finding, item},
    look::Machine,
    setting::{
        Bound::{AtLeast, AtMost},
        Place, Setting,
    },
    wanted::Wanted,
};
use plan::shards::CONNECTIONS_PER_SOURCE;

/// First and last port of a source address.
pub(super) const PORTS: Setting = Setting {
    name: "net/ipv4/ip_local_port_range",
    place: Place::Namespace,
    value: |_| vec![AtMost(1_024), AtLeast(65_535)],
};

pub(super) const CONNTRACK: Setting = Setting {
    name: "net/netfilter/nf_conntrack_max",
    place: Place::Module,
    value: |wanted| vec![AtLeast(2 * wanted.connections)],
};

pub(super) fn findings(machine: &Machine, wanted: &Wanted) -> Vec<Finding> {
    vec![
        ports(machine.sysctl("net.ipv4.ip_local_port_range"), wanted),
        sources(machine.source_refused.as_deref(), wanted),
        conntrack(machine.conntrack, wanted),
    ]
}

fn ports(range: Option<&str>, wanted: &Wanted) -> Finding {
    const ITEM: &str = "ports";
    let per_source = u64::from(CONNECTIONS_PER_SOURCE);
    let from_one = wanted.connections.min(per_source);
    let needed = format!("2, better {}", 2 * from_one);
    let bounds = range.and_then(|range| {
        let mut words = range.split_whitespace().map(str::parse::<u64>);
        Some((words.next()?.ok()?, words.next()?.ok()?))
    });
    let Some((first, last)) = bounds else {
        return item(ITEM, "not shown")
            .note("how many connections an address can make")
            .needing(needed);
    };
    let ports = (last + 1).saturating_sub(first);
    let found = format!("{ports} for each source address");
    let mend = |finding: Finding| finding.mend_sysctl(&PORTS, wanted);
    // The kernel looks among the ports of one parity first, and beyond those connecting is slow.
    let finding = if ports < 2 {
        mend(item(ITEM, found).problem("too few for any load").short()).preventing()
    } else if ports < 2 * from_one {
        let means = format!(
            "the generator takes {} connections from an address, so that a free port is found fast, \
             and more addresses",
            ports / 2
        );
        mend(item(ITEM, found).note(means))
    } else {
        item(ITEM, found).ok("a free one is found fast")
    };
    finding.needing(needed)
}

fn sources(refused: Option<&str>, wanted: &Wanted) -> Finding {
    const ITEM: &str = "source addresses";
    let needed = wanted.sources();
    let means = format!(
        "{} connections are made from each of 127.0.0.1, 127.0.0.2, ...",
        wanted.per_source
    );
    let finding = match refused {
        Some(reason) => item(ITEM, format!("the last can't be bound: {reason}"))
            .note(means)
            .mend("ip address add 127.0.0.1/8 dev lo; ip link set lo up")
            .short(),
        None => item(ITEM, "16 million in 127.0.0.0/8").ok(means),
    };
    finding.needing(needed)
}

fn conntrack(table: Option<(u64, u64)>, wanted: &Wanted) -> Finding {
    const ITEM: &str = "connection tracking";
    let connections = wanted.connections;
    let Some((entries, size)) = table else {
        return item(ITEM, "not loaded").ok("connections cost nothing besides themselves");
    };
    let found = format!("{entries} of {size} entries");
    let mend = |finding: Finding| finding.mend_sysctl(&CONNTRACK, wanted);
    let room = size.saturating_sub(entries);
    let finding = match (entries, size) {
        (0, size) if size < connections => mend(item(ITEM, found).note(
            "loaded, but no rule of the firewall uses it now; if one does, connections beyond its \
             size fail",
        )),
        (0, _) => item(ITEM, found).ok("loaded, but no rule of the firewall uses it now"),
        _ if room < connections => mend(item(ITEM, found).problem(
            "each connection takes an entry, and beyond the room that is left they fail; rates hold the cost \
             of tracking too",
        ))
        .short(),
        _ => item(ITEM, found)
            .note("rates hold the cost of tracking each packet")
            .mend(
                "iptables -t raw -I OUTPUT -o lo -j NOTRACK && \
                 iptables -t raw -I PREROUTING -i lo -j NOTRACK",
            ),
    };
    finding.needing(entries + connections)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn wanted(connections: u32) -> Wanted {
        Wanted::new(connections, None)
    }

    #[test]
    fn ports_are_judged_by_what_is_taken_from_one_address() {
        let million = wanted(1_000_000);
        let level = |range| ports(Some(range), &million).level;
        assert_eq!(level("32768 60999"), Level::Ok);
        assert_eq!(level("32768 45000"), Level::Note);
        assert_eq!(level("32768 33000"), Level::Note);
        assert_eq!(level("many"), Level::Note);
        let narrow = ports(Some("40000 45000"), &million);
        assert!(narrow.means.contains("2500 connections"), "{narrow:?}");
        assert!(!narrow.is_short, "more addresses hold them");
        assert!(ports(Some("32768 32768"), &million).prevents);
        assert!(ports(Some("9 1"), &million).prevents);
        assert_eq!(ports(None, &million).level, Level::Note);
    }

    #[test]
    fn addresses_are_short_where_they_can_not_be_bound() {
        let fine = sources(None, &wanted(1_000_000));
        assert_eq!(fine.needed.as_deref(), Some("100"));
        assert!(!fine.is_short);
        assert!(sources(Some("no such address"), &wanted(20_000)).is_short);
        let narrow = wanted(20_000).with_ports(Some(5_001));
        assert_eq!(sources(None, &narrow).needed.as_deref(), Some("8"));
    }

    #[test]
    fn a_small_table_of_tracked_connections_is_a_problem_once_it_is_used() {
        let million = wanted(1_000_000);
        assert_eq!(conntrack(None, &million).level, Level::Ok);
        assert_eq!(conntrack(Some((0, 262_144)), &million).level, Level::Note);
        let used = conntrack(Some((12, 262_144)), &million);
        assert_eq!((used.level, used.is_short), (Level::Problem, true));
        assert_eq!(conntrack(Some((0, 3_000_000)), &million).level, Level::Ok);
        assert_eq!(
            conntrack(Some((12, 3_000_000)), &million).level,
            Level::Note
        );
    }
}
