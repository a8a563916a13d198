//! What the network allows: queues, ports, source addresses, memory of TCP, connection tracking.
//! Each check is a function from what was read, and from what is wanted, to a finding.

use crate::{
    finding::Finding,
    look::Machine,
    settings::{CONNTRACK_MAX, PORT_RANGE, SOMAXCONN, SYN_BACKLOG, TCP_MEM},
    wanted::Wanted,
};
use plan::{LOADED_CONNECTIONS, shards::CONNECTIONS_PER_SOURCE};

/// A ramp has some hundred connections waiting to be accepted; this leaves room for several.
const QUEUE_MIN: u64 = 1_024;

pub(super) fn findings(machine: &Machine, wanted: &Wanted) -> Vec<Finding> {
    let number = |name| machine.sysctl(name).and_then(|text| text.parse().ok());
    vec![
        accept_queue(number(SOMAXCONN.name), wanted),
        syn_backlog(number(SYN_BACKLOG.name), wanted),
        ports(machine.sysctl(PORT_RANGE.name), wanted),
        sources(machine.source_refused.as_deref(), wanted),
        tcp_memory(machine.sysctl(TCP_MEM.name), wanted),
        conntrack(machine.conntrack, wanted),
    ]
}

fn accept_queue(somaxconn: Option<u64>, wanted: &Wanted) -> Finding {
    const ITEM: &str = "somaxconn";
    let finding = match somaxconn {
        None => Finding::note(
            ITEM,
            "not shown",
            "how many connections may wait to be accepted",
        ),
        Some(most) if most < QUEUE_MIN => Finding::problem(
            ITEM,
            most.to_string(),
            "connections that find no room are tried again a second later: a ramp takes long, \
             and reports are suspect (accept_queue)",
        )
        .mend_sysctl(&SOMAXCONN, wanted.connections),
        Some(most) => Finding::ok(ITEM, most.to_string(), "room enough while connecting"),
    };
    finding.needing(QUEUE_MIN)
}

fn syn_backlog(backlog: Option<u64>, wanted: &Wanted) -> Finding {
    const ITEM: &str = "tcp_max_syn_backlog";
    let finding = match backlog {
        None => Finding::note(
            ITEM,
            "not shown",
            "how many connections may be half made: on loopback hardly any are",
        ),
        Some(most) if most < QUEUE_MIN => Finding::note(
            ITEM,
            most.to_string(),
            "half-made connections beyond it get SYN cookies or none: on loopback they are rare",
        )
        .mend_sysctl(&SYN_BACKLOG, wanted.connections),
        Some(most) => Finding::ok(ITEM, most.to_string(), "room enough while connecting"),
    };
    finding.needing(QUEUE_MIN)
}

fn ports(range: Option<&str>, wanted: &Wanted) -> Finding {
    const ITEM: &str = "ports";
    let per_source = u64::from(CONNECTIONS_PER_SOURCE);
    let from_one = wanted.connections.min(per_source);
    let needed = format!("{}, better {}", from_one, 2 * from_one);
    let bounds = range.and_then(|range| {
        let mut words = range.split_whitespace().map(str::parse::<u64>);
        Some((words.next()?.ok()?, words.next()?.ok()?))
    });
    let Some((first, last)) = bounds else {
        return Finding::note(
            ITEM,
            "not shown",
            "how many connections an address can make",
        )
        .needing(needed);
    };
    let ports = (last + 1).saturating_sub(first);
    let found = format!("{ports} for each source address");
    let mend = |finding: Finding| finding.mend_sysctl(&PORT_RANGE, wanted.connections);
    let finding = if ports < u64::from(LOADED_CONNECTIONS) {
        mend(Finding::problem(ITEM, found, "too few for any load").short()).preventing()
    } else if ports < from_one {
        let means = format!("the generator takes {from_one} from an address before the next");
        mend(Finding::problem(ITEM, found, &means).short())
    } else if ports < 2 * from_one {
        // The kernel looks among the ports of one parity first.
        mend(Finding::note(
            ITEM,
            found,
            "beyond half of them the search for a free port is slow, and so is connecting",
        ))
    } else {
        Finding::ok(ITEM, found, "a free one is found fast")
    };
    finding.needing(needed)
}

fn sources(refused: Option<&str>, wanted: &Wanted) -> Finding {
    const ITEM: &str = "source addresses";
    let needed = wanted.sources();
    let per_source = CONNECTIONS_PER_SOURCE;
    let finding = match refused {
        Some(reason) => Finding::note(
            ITEM,
            format!("the last can't be bound: {reason}"),
            &format!("{per_source} connections are made from each of 127.0.0.1, 127.0.0.2, ..."),
        )
        .mend("ip address add 127.0.0.1/8 dev lo; ip link set lo up")
        .short(),
        None => Finding::ok(
            ITEM,
            "16 million in 127.0.0.0/8",
            &format!("{per_source} connections are made from each of 127.0.0.1, 127.0.0.2, ..."),
        ),
    };
    finding.needing(needed)
}

fn tcp_memory(tcp_mem: Option<&str>, wanted: &Wanted) -> Finding {
    const ITEM: &str = "tcp_mem";
    let wanted = wanted.connections;
    let needed = format!("{wanted} pages, if all are active");
    let most: Option<u64> = tcp_mem.and_then(|text| text.split_whitespace().nth(2)?.parse().ok());
    let Some(most) = most else {
        return Finding::note(
            ITEM,
            "not shown",
            "how much memory TCP may use for data on its way",
        )
        .needing(needed);
    };
    // Data that waits takes a page at the least, at one end of a connection or at the other.
    let found = format!("{most} pages");
    let finding = if most < wanted {
        let means = format!(
            "idle connections take none, but only {most} may have data on its way at once; \
             beyond that TCP drops it"
        );
        Finding::note(ITEM, found, &means).mend_sysctl(&TCP_MEM, wanted)
    } else {
        Finding::ok(
            ITEM,
            found,
            "all connections may have data on its way at once",
        )
    };
    finding.needing(needed)
}

fn conntrack(table: Option<(u64, u64)>, wanted: &Wanted) -> Finding {
    const ITEM: &str = "connection tracking";
    let wanted = wanted.connections;
    let Some((entries, size)) = table else {
        return Finding::ok(
            ITEM,
            "not loaded",
            "connections cost nothing besides themselves",
        );
    };
    let found = format!("{entries} of {size} entries");
    let mend = |finding: Finding| finding.mend_sysctl(&CONNTRACK_MAX, wanted);
    let finding = match (entries, size) {
        (0, size) if size < wanted => mend(Finding::note(
            ITEM,
            found,
            "loaded, but no rule of the firewall uses it now; if one does, connections beyond \
             its size fail",
        )),
        (0, _) => Finding::ok(
            ITEM,
            found,
            "loaded, but no rule of the firewall uses it now",
        ),
        (_, size) if size < wanted => mend(Finding::problem(
            ITEM,
            found,
            "each connection takes an entry, and beyond the size they fail; rates hold the cost \
             of tracking too",
        ))
        .short(),
        _ => Finding::note(ITEM, found, "rates hold the cost of tracking each packet").mend(
            "iptables -t raw -I OUTPUT -o lo -j NOTRACK && iptables -t raw -I PREROUTING -i lo -j NOTRACK",
        ),
    };
    finding.needing(wanted)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn wanted(connections: u32) -> Wanted {
        Wanted::new(connections, None)
    }

    #[test]
    fn a_short_accept_queue_is_a_problem() {
        assert_eq!(
            accept_queue(Some(128), &wanted(1_000)).level,
            Level::Problem
        );
        assert_eq!(accept_queue(Some(4096), &wanted(1_000)).level, Level::Ok);
        assert_eq!(accept_queue(None, &wanted(1_000)).level, Level::Note);
        assert_eq!(syn_backlog(Some(128), &wanted(1_000)).level, Level::Note);
        assert_eq!(syn_backlog(Some(4096), &wanted(1_000)).level, Level::Ok);
    }

    #[test]
    fn ports_are_judged_by_what_is_taken_from_one_address() {
        let million = wanted(1_000_000);
        let level = |range| ports(Some(range), &million).level;
        assert_eq!(level("32768 60999"), Level::Ok);
        assert_eq!(level("32768 45000"), Level::Note);
        assert_eq!(level("32768 33000"), Level::Problem);
        assert_eq!(level("many"), Level::Note);
        assert!(ports(Some("32768 33000"), &million).is_short);
        assert!(!ports(Some("32768 33000"), &wanted(100)).is_short);
        assert!(ports(Some("32768 32770"), &million).prevents);
        assert!(ports(Some("9 1"), &million).prevents);
        assert_eq!(ports(None, &million).level, Level::Note);
    }

    #[test]
    fn addresses_are_short_where_they_can_not_be_bound() {
        let fine = sources(None, &wanted(1_000_000));
        assert_eq!(fine.needed.as_deref(), Some("100"));
        assert!(!fine.is_short);
        assert!(sources(Some("no such address"), &wanted(20_000)).is_short);
    }

    #[test]
    fn active_connections_have_data_on_its_way() {
        let level = |connections| tcp_memory(Some("1 2 575802"), &wanted(connections)).level;
        assert_eq!(level(1_000_000), Level::Note);
        assert_eq!(level(100_000), Level::Ok);
        assert_eq!(tcp_memory(None, &wanted(100)).level, Level::Note);
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
