//! Events of the network stack, which count since the network was made.

use crate::usage::UNKNOWN;
use pseudofiles::{counters::paired_value, read};
use report::{explain_missing, trial::MachineUse};

/// Events of a network namespace since it was made: that of the machine, or of a container.
#[derive(Clone, Copy, Debug)]
pub struct NetEvents {
    of: Option<u32>,
    listen_overflows: Option<u64>,
    retransmits: Option<u64>,
    tcp_memory_aborts: Option<u64>,
}

impl NetEvents {
    /// As the kernel has counted them where this program is.
    pub fn here() -> Self {
        Self::of(Some(std::process::id()))
    }

    /// The same where another process is. `None`: nobody knows which one it is.
    pub fn of(pid: Option<u32>) -> Self {
        let text = |name| read::text(format!("/proc/{}/net/{name}", pid?)).ok();
        let netstat = text("netstat").unwrap_or_default();
        let snmp = text("snmp").unwrap_or_default();
        Self {
            of: pid,
            listen_overflows: paired_value(&netstat, "TcpExt:", "ListenOverflows"),
            retransmits: paired_value(&snmp, "Tcp:", "RetransSegs"),
            tcp_memory_aborts: paired_value(&netstat, "TcpExt:", "TCPAbortOnMemory"),
        }
    }

    /// Adds what has happened there since.
    pub fn add_since(&self, machine: &mut MachineUse) {
        let now = Self::of(self.of);
        let since = |a: Option<u64>, b: Option<u64>| b?.checked_sub(a?);
        machine.listen_overflows = since(self.listen_overflows, now.listen_overflows);
        machine.retransmits = since(self.retransmits, now.retransmits);
        machine.tcp_memory_aborts = since(self.tcp_memory_aborts, now.tcp_memory_aborts);
        let reason = (self.of).map_or(UNKNOWN, |_| "not shown in its /proc/PID/net");
        explain_missing!(
            machine,
            reason,
            [listen_overflows, retransmits, tcp_memory_aborts]
        );
    }
}
