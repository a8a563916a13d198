//! What isn't known of a server at a Unix socket.

use report::{explain_missing, trial::MachineUse};

/// Takes away what the kernel counts of TCP alone: it would be 0, whatever had happened.
pub(super) fn explain(machine: &mut MachineUse) {
    (machine.listen_overflows, machine.retransmits) = (None, None);
    machine.tcp_memory_aborts = None;
    let reason = "the kernel counts it of TCP only, and the server listens at a Unix socket";
    explain_missing!(
        machine,
        reason,
        [listen_overflows, retransmits, tcp_memory_aborts]
    );
}
