//! What stops many connections besides open files. Each check is a function from what was read, and from how many
//! connections are wanted, to a finding.

use super::{finding::Finding, look::Machine};
use crate::plan::{CONNECTIONS_PER_SOURCE, IDLE_CONNECTIONS, LOADED_CONNECTIONS};

/// Both ends of a loopback connection, in kernel memory: TCP, inode, dentry, file and epoll entry
/// of each. Measured on 6.x kernels; see bench-results/README.md.
const KERNEL_BYTES_PER_CONNECTION: u64 = 9_600;

/// A ramp has some hundred connections waiting to be accepted; this leaves room for several.
const SOMAXCONN_MIN: u64 = 1_024;

/// What models on io_uring lock for each thread; each says itself, too, what it lacks.
const LOCKED_BYTES_PER_THREAD: u64 = 512 << 10;

pub(super) fn findings(machine: &Machine, wanted: u64) -> Vec<Finding> {
    let number = |name| machine.sysctl(name).and_then(|text| text.parse().ok());
    let server_threads = machine.cpus.len().div_ceil(2).max(1) as u64;
    vec![
        accept_queue(number("net.core.somaxconn")),
        ports(machine.sysctl("net.ipv4.ip_local_port_range"), wanted),
        memory(machine.free_bytes, wanted),
        tcp_memory(machine.sysctl("net.ipv4.tcp_mem"), wanted),
        conntrack(machine.conntrack, wanted),
        io_uring(machine.sysctl("kernel.io_uring_disabled")),
        locked_memory(machine.locked_bytes_max, server_threads),
    ]
}

fn accept_queue(somaxconn: Option<u64>) -> Finding {
    const ITEM: &str = "accept queue";
    match somaxconn {
        None => Finding::note(
            ITEM,
            "not shown",
            "how many connections may wait to be accepted",
        ),
        Some(most) if most < SOMAXCONN_MIN => Finding::problem(
            ITEM,
            most.to_string(),
            "connections that find no room are tried again a second later: a ramp takes long, \
             and reports are suspect (accept_queue)",
        )
        .mend("sysctl -w net.core.somaxconn=65535"),
        Some(most) => Finding::ok(ITEM, most.to_string(), "room enough while connecting"),
    }
}

fn ports(range: Option<&str>, wanted: u64) -> Finding {
    const ITEM: &str = "ports";
    let bounds = range.and_then(|range| {
        let mut words = range.split_whitespace().map(str::parse::<u64>);
        Some((words.next()?.ok()?, words.next()?.ok()?))
    });
    let Some((first, last)) = bounds else {
        return Finding::note(
            ITEM,
            "not shown",
            "how many connections an address can make",
        );
    };
    let ports = (last + 1).saturating_sub(first);
    let per_source = u64::from(CONNECTIONS_PER_SOURCE);
    let found = format!("{ports} for each source address");
    let mend = "sysctl -w net.ipv4.ip_local_port_range='1024 65535'";
    if ports < u64::from(LOADED_CONNECTIONS) {
        Finding::problem(ITEM, found, "too few for any load")
            .mend(mend)
            .preventing()
    } else if ports < per_source {
        let means = format!("the generator takes {per_source} from each address before the next");
        Finding::problem(ITEM, found, &means).mend(mend)
    } else if ports < 2 * per_source {
        // The kernel looks among the ports of one parity first.
        Finding::note(
            ITEM,
            found,
            "beyond half of them the search for a free port is slow, and so is connecting",
        )
        .mend(mend)
    } else {
        let means = format!(
            "{per_source} are taken from each of 127.0.0.1, 127.0.0.2, ...: {} addresses",
            wanted.div_ceil(per_source)
        );
        Finding::ok(ITEM, found, &means)
    }
}

fn memory(free_bytes: Option<u64>, wanted: u64) -> Finding {
    const ITEM: &str = "memory";
    let Some(free) = free_bytes else {
        return Finding::note(ITEM, "not shown", "/proc/meminfo can't be read");
    };
    let found = format!("{:.1} GB free", free as f64 / 1e9);
    let room = free / KERNEL_BYTES_PER_CONNECTION;
    let needed_gb = (wanted * KERNEL_BYTES_PER_CONNECTION) as f64 / 1e9;
    if room < u64::from(IDLE_CONNECTIONS) {
        let means = format!("both ends take 9.6 kB in the kernel: room for {room} connections");
        Finding::problem(ITEM, found, &means)
    } else if room < wanted {
        let means = format!(
            "both ends take 9.6 kB in the kernel, so {wanted} connections take {needed_gb:.1} GB, \
             and the server's own memory: there is room for fewer than {room}"
        );
        Finding::note(ITEM, found, &means)
    } else {
        let means = format!(
            "{wanted} connections take {needed_gb:.1} GB in the kernel, both ends, and the \
             server's own memory"
        );
        Finding::ok(ITEM, found, &means)
    }
}

fn tcp_memory(tcp_mem: Option<&str>, wanted: u64) -> Finding {
    const ITEM: &str = "net.ipv4.tcp_mem";
    let most: Option<u64> = tcp_mem.and_then(|text| text.split_whitespace().nth(2)?.parse().ok());
    let Some(most) = most else {
        return Finding::note(
            ITEM,
            "not shown",
            "how much memory TCP may use for data on its way",
        );
    };
    // Data that waits takes a page at the least, at one end of a connection or at the other.
    let found = format!("{most} pages");
    if most < wanted {
        let means = format!(
            "idle connections take none, but only {most} may have data on its way at once; \
             beyond that TCP drops it"
        );
        let (low, middle, high) = (wanted / 2, wanted, 2 * wanted);
        Finding::note(ITEM, found, &means).mend(format!(
            "sysctl -w net.ipv4.tcp_mem='{low} {middle} {high}'"
        ))
    } else {
        Finding::ok(
            ITEM,
            found,
            "all connections may have data on its way at once",
        )
    }
}

fn conntrack(table: Option<(u64, u64)>, wanted: u64) -> Finding {
    const ITEM: &str = "connection tracking";
    let Some((entries, size)) = table else {
        return Finding::ok(
            ITEM,
            "not loaded",
            "connections cost nothing besides themselves",
        );
    };
    let found = format!("{entries} of {size} entries");
    let mend = format!("sysctl -w net.netfilter.nf_conntrack_max={}", 2 * wanted);
    match (entries, size) {
        (0, size) if size < wanted => Finding::note(
            ITEM,
            found,
            "loaded, but no rule of the firewall uses it now; if one does, connections beyond \
             its size fail",
        )
        .mend(mend),
        (0, _) => Finding::ok(ITEM, found, "loaded, but no rule of the firewall uses it now"),
        (_, size) if size < wanted => Finding::problem(
            ITEM,
            found,
            "each connection takes an entry, and beyond the size they fail; rates hold the cost \
             of tracking too",
        )
        .mend(mend),
        _ => Finding::note(ITEM, found, "rates hold the cost of tracking each packet")
            .mend("iptables -t raw -I OUTPUT -o lo -j NOTRACK && iptables -t raw -I PREROUTING -i lo -j NOTRACK"),
    }
}

fn io_uring(disabled: Option<&str>) -> Finding {
    const ITEM: &str = "io_uring";
    match disabled {
        Some("0") => Finding::ok(ITEM, "allowed", "models that need it can run"),
        Some(_) => Finding::note(ITEM, "switched off", "models that need it can't run")
            .mend("sysctl -w kernel.io_uring_disabled=0"),
        None => Finding::note(
            ITEM,
            "not shown",
            "this kernel has no switch for it; 'runner list' asks each model",
        ),
    }
}

fn locked_memory(hard: Option<u64>, server_threads: u64) -> Finding {
    const ITEM: &str = "locked memory";
    let needed = LOCKED_BYTES_PER_THREAD * server_threads;
    match hard {
        None => Finding::ok(ITEM, "no limit", "models that lock memory can run"),
        Some(hard) if hard < needed => Finding::note(
            ITEM,
            format!("at most {} KiB", hard >> 10),
            &format!(
                "models on io_uring may lock {} KiB for {server_threads} thread(s)",
                needed >> 10
            ),
        )
        .mend(format!("ulimit -Hl {0} && ulimit -l {0}", needed >> 10)),
        Some(hard) => Finding::ok(
            ITEM,
            format!("at most {} KiB", hard >> 10),
            "models that lock memory can run",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Level, *};

    const MILLION: u64 = 1_000_000;

    #[test]
    fn a_short_accept_queue_is_a_problem() {
        assert_eq!(accept_queue(Some(128)).level, Level::Problem);
        assert_eq!(accept_queue(Some(4096)).level, Level::Ok);
        assert_eq!(accept_queue(None).level, Level::Note);
    }

    #[test]
    fn ports_are_judged_by_what_is_taken_from_one_address() {
        let usual = ports(Some("32768 60999"), MILLION);
        assert_eq!(usual.level, Level::Ok);
        assert!(usual.means.contains("100 addresses"), "{usual:?}");
        assert_eq!(ports(Some("32768 45000"), MILLION).level, Level::Note);
        assert_eq!(ports(Some("32768 33000"), MILLION).level, Level::Problem);
        assert!(ports(Some("32768 32770"), MILLION).prevents);
        assert!(ports(Some("9 1"), MILLION).prevents);
        assert_eq!(ports(Some("many"), MILLION).level, Level::Note);
        assert_eq!(ports(None, MILLION).level, Level::Note);
    }

    #[test]
    fn memory_is_held_against_both_ends_of_a_connection() {
        assert_eq!(memory(Some(24_000_000_000), MILLION).level, Level::Ok);
        let small = memory(Some(960_000_000), MILLION);
        assert_eq!(small.level, Level::Note);
        assert!(small.means.contains("fewer than 100000"), "{small:?}");
        assert_eq!(memory(Some(9_600_000), MILLION).level, Level::Problem);
        assert_eq!(memory(None, MILLION).level, Level::Note);
        assert_eq!(tcp_memory(Some("1 2 575802"), MILLION).level, Level::Note);
        assert_eq!(tcp_memory(Some("1 2 575802"), 100_000).level, Level::Ok);
        assert_eq!(tcp_memory(None, MILLION).level, Level::Note);
    }

    #[test]
    fn a_small_table_of_tracked_connections_is_a_problem_once_it_is_used() {
        assert_eq!(conntrack(None, MILLION).level, Level::Ok);
        assert_eq!(conntrack(Some((0, 262_144)), MILLION).level, Level::Note);
        assert_eq!(
            conntrack(Some((12, 262_144)), MILLION).level,
            Level::Problem
        );
        assert_eq!(conntrack(Some((0, 3_000_000)), MILLION).level, Level::Ok);
        assert_eq!(conntrack(Some((12, 3_000_000)), MILLION).level, Level::Note);
    }

    #[test]
    fn what_some_models_need_is_only_a_note() {
        assert_eq!(io_uring(Some("0")).level, Level::Ok);
        assert_eq!(io_uring(Some("2")).level, Level::Note);
        assert_eq!(io_uring(None).level, Level::Note);
        assert_eq!(locked_memory(None, 4).level, Level::Ok);
        assert_eq!(locked_memory(Some(8 << 20), 4).level, Level::Ok);
        let little = locked_memory(Some(64 << 10), 4);
        assert_eq!(little.level, Level::Note);
        assert_eq!(
            little.mend.as_deref(),
            Some("ulimit -Hl 2048 && ulimit -l 2048")
        );
    }
}
