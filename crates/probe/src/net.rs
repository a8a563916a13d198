//! Events of the network stack, which count since boot.

use pseudofiles::{counters::paired_value, read};
use report::{explain_missing, trial::MachineUse};

/// Events of the network stack since boot.
#[derive(Clone, Copy, Debug)]
pub struct NetEvents {
    listen_overflows: Option<u64>,
    retransmits: Option<u64>,
    tcp_memory_aborts: Option<u64>,
}

impl NetEvents {
    /// As the kernel has counted them.
    pub fn read() -> Self {
        let netstat = read::text("/proc/net/netstat").unwrap_or_default();
        let snmp = read::text("/proc/net/snmp").unwrap_or_default();
        Self {
            listen_overflows: paired_value(&netstat, "TcpExt:", "ListenOverflows"),
            retransmits: paired_value(&snmp, "Tcp:", "RetransSegs"),
            tcp_memory_aborts: paired_value(&netstat, "TcpExt:", "TCPAbortOnMemory"),
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
        machine.tcp_memory_aborts = since(self.tcp_memory_aborts, now.tcp_memory_aborts);
        explain_missing!(
            machine,
            "no TCPAbortOnMemory in /proc/net/netstat",
            [tcp_memory_aborts]
        );
    }
}
