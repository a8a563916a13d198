//! Counters of the network, of memory, of pressure.
//!
//! Sources: proc(5), slabinfo(5), Documentation/accounting/psi.rst,
//! Documentation/scheduler/sched-stats.rst.

use std::{collections::BTreeMap, time::Duration};

/// A value by its name. Files such as /proc/net/netstat have a line of names and then a line of values.
/// (procfs reads no netstat, and of snmp it takes all or nothing.)
pub fn paired_value(text: &str, prefix: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with(prefix));
    let (names, values) = (lines.next()?, lines.next()?);
    let index = names.split(' ').position(|n| n == name)?;
    values.split(' ').nth(index)?.parse().ok()
}

/// A value of the TCP line in /proc/net/sockstat: `TCP: inuse 5 orphan 0 tw 0 alloc 7 mem 1`. That of
/// /proc/net/sockstat6 begins with `TCP6:`, and has the first value only.
pub fn sockstat_tcp(sockstat: &str, name: &str) -> Option<u64> {
    let is_tcp = |line: &&str| line.starts_with("TCP:") || line.starts_with("TCP6:");
    let line = sockstat.lines().find(is_tcp)?;
    let mut words = line.split(' ');
    words.find(|word| *word == name)?;
    words.next()?.parse().ok()
}

/// Memory by its name in /proc/meminfo, in bytes. (procfs multiplies without a bound.)
pub fn memory_bytes(meminfo: &str, name: &str) -> Option<u64> {
    let mut lines = meminfo.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kibibytes: u64 = value.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes.saturating_mul(1024))
}

/// All caches of /proc/slabinfo that hold something, in bytes.
pub fn slab_by_cache(slabinfo: &str, page_bytes: u64) -> BTreeMap<String, u64> {
    let lines = slabinfo.lines();
    lines
        .filter_map(|line| slab_line(line, page_bytes))
        .filter(|&(_, bytes)| bytes > 0)
        .collect()
}

/// name active_objs num_objs objsize objperslab pagesperslab : tunables a b c : slabdata active_slabs num_slabs shared
fn slab_line(line: &str, page_bytes: u64) -> Option<(String, u64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let pages_per_slab: u64 = words.get(5)?.parse().ok()?;
    let slabs: u64 = words.get(14)?.parse().ok()?;
    let pages = slabs.saturating_mul(pages_per_slab);
    Some((
        (*words.first()?).to_owned(),
        pages.saturating_mul(page_bytes),
    ))
}

/// Time so far in which some task waited, in microseconds, from a file such as /proc/pressure/cpu. (procfs
/// wants a second line, which not every kernel has, and panics on one that ends after its first word.)
pub fn some_total_us(pressure: &str) -> Option<u64> {
    let some = pressure
        .lines()
        .find_map(|line| line.strip_prefix("some "))?;
    let mut words = some.split_whitespace();
    words.find_map(|word| word.strip_prefix("total=")?.parse().ok())
}

/// How long a task waited for a CPU so far, from /proc/PID/schedstat.
pub fn waited_for_cpu(schedstat: &str) -> Option<Duration> {
    let nanoseconds = schedstat.split(' ').nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_by_its_name() {
        let meminfo = "MemTotal:       24576 kB\nMemFree:  1 kB\nHugePages_Total:   0\n\
                       MemAvailable: 20000000002747404 kB\n";
        assert_eq!(memory_bytes(meminfo, "MemTotal"), Some(24_576 << 10));
        assert_eq!(memory_bytes(meminfo, "Mem"), None);
        assert_eq!(memory_bytes(meminfo, "HugePages_Total"), None);
        // More than there can be isn't a small number.
        assert_eq!(memory_bytes(meminfo, "MemAvailable"), Some(u64::MAX));
    }

    #[test]
    fn values_are_found_by_their_names() {
        let text = "TcpExt: A ListenOverflows B\nTcpExt: 1 22 3\nIpExt: A\nIpExt: 9\n";
        assert_eq!(paired_value(text, "TcpExt:", "ListenOverflows"), Some(22));
        assert_eq!(paired_value(text, "TcpExt:", "C"), None);
        let sockstat = "sockets: used 9\nTCP: inuse 5 orphan 0 tw 0 alloc 7 mem 3\n";
        assert_eq!(sockstat_tcp(sockstat, "mem"), Some(3));
        assert_eq!(sockstat_tcp(sockstat, "none"), None);
        assert_eq!(
            sockstat_tcp("TCP6: inuse 8\nUDP6: inuse 3\n", "inuse"),
            Some(8)
        );
        let waited = Some(Duration::from_nanos(70));
        assert_eq!(waited_for_cpu("500 70 3\n"), waited);
        assert_eq!(waited_for_cpu("500\n"), None);
    }

    #[test]
    fn every_cache_that_holds_something_is_named() {
        let text = "slabinfo - version: 2.1\n\
                    # name <active_objs> ...\n\
                    TCP 100 120 2432 13 8 : tunables 0 0 0 : slabdata 10 11 0\n\
                    empty 0 0 2432 13 8 : tunables 0 0 0 : slabdata 0 0 0\n";
        let expected = BTreeMap::from([("TCP".to_owned(), 11 * 8 * 4096)]);
        assert_eq!(slab_by_cache(text, 4096), expected);
        let most = u64::MAX;
        let odd = format!("x 0 0 0 0 {most} : t 0 0 0 : s 0 {most} 0\n");
        assert_eq!(slab_by_cache(&odd, 4096)["x"], most);
    }

    #[test]
    fn time_under_pressure_is_that_of_some_tasks() {
        let pressure = "some avg10=0.23 avg60=1.61 avg300=1.62 total=1645\nfull avg10=0 total=9\n";
        assert_eq!(some_total_us(pressure), Some(1645));
        for nothing in ["", "some", "full total=9\n", "some total=\n"] {
            assert_eq!(some_total_us(nothing), None);
        }
    }
}
