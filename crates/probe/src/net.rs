//! Events of the network stack, which count since boot.

use report::{explain_missing, trial::MachineUse};
use std::fs;

/// Events of the network stack since boot.
#[derive(Clone, Copy, Debug)]
pub struct NetEvents {
    listen_overflows: Option<u64>,
    retransmits: Option<u64>,
}

impl NetEvents {
    /// As the kernel has counted them.
    pub fn read() -> Self {
        let netstat = fs::read_to_string("/proc/net/netstat").unwrap_or_default();
        let snmp = fs::read_to_string("/proc/net/snmp").unwrap_or_default();
        Self {
            listen_overflows: paired_value(&netstat, "TcpExt:", "ListenOverflows"),
            retransmits: paired_value(&snmp, "Tcp:", "RetransSegs"),
        }
    }

    /// Adds what has happened since.
    pub fn add_since(&self, machine: &mut MachineUse) {
        let now = Self::read();
        let since = |a: Option<u64>, b: Option<u64>| Some(b?.saturating_sub(a?));
        machine.listen_overflows = since(self.listen_overflows, now.listen_overflows);
        explain_missing!(
            machine,
            "no ListenOverflows in /proc/net/netstat",
            [listen_overflows]
        );
        machine.retransmits = since(self.retransmits, now.retransmits);
        explain_missing!(machine, "no RetransSegs in /proc/net/snmp", [retransmits]);
    }
}

/// Files such as /proc/net/netstat have a line of names and then a line of values. (procfs reads no
/// netstat, and of snmp it takes all or nothing.)
fn paired_value(text: &str, prefix: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with(prefix));
    let (names, values) = (lines.next()?, lines.next()?);
    let index = names.split(' ').position(|n| n == name)?;
    values.split(' ').nth(index)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_names() {
        let text = "TcpExt: A ListenOverflows B\nTcpExt: 1 22 3\nIpExt: A\nIpExt: 9\n";
        assert_eq!(paired_value(text, "TcpExt:", "ListenOverflows"), Some(22));
        assert_eq!(paired_value(text, "TcpExt:", "C"), None);
    }
}
