//! Whether a run's connections fit into memory: foreseen, because the kernel would end a process
//! or the machine would stand still.

use crate::{host::Host, plan::Plan};
use request::refusal::Refusal;

/// Both ends of a loopback connection, in kernel memory: TCP, inode, dentry, file and epoll entry
/// of each. Measured on 6.x kernels; see bench-results/METHOD.md.
const KERNEL_BYTES_PER_CONNECTION: u64 = 9_600;

/// A lean server's user memory and the generator's. A server with a stack or a buffer for each
/// connection takes more.
const USER_BYTES_PER_CONNECTION: u64 = 150;

/// What a connection takes at the least.
pub const BYTES_PER_CONNECTION: u64 = KERNEL_BYTES_PER_CONNECTION + USER_BYTES_PER_CONNECTION;

/// Code, heap, stacks, page tables and the table of open files of a process with many connections.
const BYTES_PER_PROCESS: u64 = 3 << 20;

/// What the rest of the machine needs to go on.
const RESERVE_BYTES: u64 = 400 << 20;

/// What connections take at the least, on a machine that goes on.
pub fn memory_needed_bytes(connections: u64, processes: u64) -> u64 {
    connections * BYTES_PER_CONNECTION + processes * BYTES_PER_PROCESS + RESERVE_BYTES
}

/// A server that is known to take user memory for each connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heavy {
    /// Its name.
    pub name: String,
    /// What it takes, about.
    pub bytes_per_connection: u32,
}

impl Heavy {
    /// What its connections come to, before anything is started.
    pub fn note(&self, plan: &Plan, host: &Host) -> String {
        let connections = u64::from(plan.connections_max());
        let needed = needed(plan, Some(self)) as f64 / 1e9;
        let left = available(host).map_or_else(String::new, |(bytes, of)| {
            format!("; {:.1} GB are available ({of})", bytes as f64 / 1e9)
        });
        format!(
            "{} takes about {} bytes of user memory for a connection, says its description: with the \
             kernel's and the generator's {connections} connections need {needed:.1} GB{left}",
            self.name, self.bytes_per_connection
        )
    }
}

/// Of a client's; a relay's connection to its backend is one more.
fn bytes_per_connection(plan: &Plan, heavy: Option<&Heavy>) -> u64 {
    let each = u64::from(plan.connections_each()) * BYTES_PER_CONNECTION;
    each + heavy.map_or(0, |heavy| u64::from(heavy.bytes_per_connection))
}

fn needed(plan: &Plan, heavy: Option<&Heavy>) -> u64 {
    let connections = u64::from(plan.connections_max());
    let processes = u64::from(plan.server_processes) + u64::from(plan.client_processes);
    let more = bytes_per_connection(plan, heavy) - BYTES_PER_CONNECTION;
    memory_needed_bytes(connections, processes) + connections * more
}

/// Refuses a run that can't fit, of which `heavy` is the server that takes most.
///
/// # Errors
/// The arithmetic, and the ways out.
pub fn check_memory(plan: &Plan, host: &Host, heavy: Option<&Heavy>) -> Result<(), Refusal> {
    let Some((available, of)) = available(host) else {
        return Ok(());
    };
    let connections = u64::from(plan.connections_max());
    let processes = u64::from(plan.server_processes) + u64::from(plan.client_processes);
    let needed = needed(plan, heavy);
    let each = bytes_per_connection(plan, heavy);
    let least = heavy.map_or_else(
        || "the least that the processes take".to_owned(),
        |heavy| format!("what {} and the generator take", heavy.name),
    );
    let fixed = needed - connections * each;
    if needed <= available {
        return Ok(());
    }
    // Processes become fewer with connections.
    let share = available.saturating_sub(RESERVE_BYTES) as f64 / (needed - RESERVE_BYTES) as f64;
    let gb = |bytes: u64| bytes as f64 / 1e9;
    Err(Refusal::new(format!(
        "{connections} connections don't fit into memory: {connections} x {each} bytes (kernel, both \
         ends, and {least}) + {:.1} GB for {processes} processes and the \
         rest of the machine = {:.1} GB, and {:.1} GB are available ({of}). Take \
         --connections {}, or --force if you know better",
        gb(fixed),
        gb(needed),
        gb(available),
        (connections as f64 * share) as u64
    )))
}

/// What can be had, and which limit says so: the machine's or a cgroup's, whichever leaves less.
fn available(host: &Host) -> Option<(u64, String)> {
    let machine = host.memory_available_bytes;
    match &host.memory_group {
        Some(group) if machine.is_none_or(|bytes| group.left_bytes < bytes) => {
            let of = format!(
                "what the limit of the cgroup {} leaves, {:.1} GB; it counts the kernel's memory for \
                 sockets, too",
                group.name,
                group.max_bytes as f64 / 1e9
            );
            Some((group.left_bytes, of))
        }
        _ => Some((machine?, "MemAvailable".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::MemoryGroup;
    use protocol::client::Workload;
    use report::{run::PlannedLoad, trial::Load};

    fn host(memory_available_bytes: u64) -> Host {
        Host {
            memory_available_bytes: Some(memory_available_bytes),
            ..Host::default()
        }
    }

    fn plan(connections: u32) -> Plan {
        let load = PlannedLoad {
            load: Load::Closed { outstanding: 1 },
            connections: vec![connections],
            rates_per_s: Vec::new(),
            rate_share_of_peak: None,
            warm_up_us: 0,
            warm_up_max_us: None,
            window_us: 1,
            hold: None,
        };
        Plan {
            server_processes: connections.div_ceil(19_000),
            client_processes: connections.div_ceil(19_900),
            loads: vec![load],
            ..Plan::of_one_thread(1)
        }
    }

    /// As the documentation has it: 10.5 GB for a million.
    #[test]
    fn what_is_needed_is_of_connections_processes_and_a_reserve() {
        assert_eq!(memory_needed_bytes(1_000, 0), 9_750_000 + 419_430_400);
        assert_eq!(memory_needed_bytes(0, 1), 3_145_728 + 419_430_400);
    }

    #[test]
    fn a_million_fits_into_24_gb_and_not_into_8() {
        assert!(check_memory(&plan(1_000_000), &host(23 << 30), None).is_ok());
        let refused = check_memory(&plan(1_000_000), &host(8 << 30), None).unwrap_err();
        let said = refused.to_string();
        for part in [
            "1000000 x 9750 bytes",
            "+ 0.7 GB for 104 processes and the rest of the machine = 10.5 GB, and 8.6 GB are available",
            "--connections 810794,",
        ] {
            assert!(said.contains(part), "{said}");
        }
        let fewer = said.split("--connections ").nth(1).unwrap();
        let fewer: u32 = fewer.split(',').next().unwrap().parse().unwrap();
        assert!((700_000..850_000).contains(&fewer), "{said}");
        assert!(check_memory(&plan(fewer - 20_000), &host(8 << 30), None).is_ok());
        assert!(check_memory(&plan(1_000_000), &Host::default(), None).is_ok());
        // A relay has a connection to its backend for each.
        let relay = Plan {
            workload: Workload::Relay,
            ..plan(1_000_000)
        };
        let refused = check_memory(&relay, &host(8 << 30), None).unwrap_err();
        assert!(refused.to_string().contains("x 19500 bytes"), "{refused}");
    }

    #[test]
    fn a_server_with_a_stack_for_each_connection_needs_more() {
        let heavy = Heavy {
            name: "stacks".to_owned(),
            bytes_per_connection: 20_000,
        };
        let note = heavy.note(&plan(1_000_000), &host(23 << 30));
        assert!(
            note.contains("1000000 connections need 30.5 GB; 24.7 GB are available (MemAvailable)"),
            "{note}"
        );
        let refused = check_memory(&plan(1_000_000), &host(23 << 30), Some(&heavy)).unwrap_err();
        let said = refused.to_string();
        assert!(
            said.contains("x 29750 bytes (kernel, both ends, and what stacks"),
            "{said}"
        );
        assert!(check_memory(&plan(700_000), &host(23 << 30), Some(&heavy)).is_ok());
    }

    #[test]
    fn a_group_that_leaves_less_than_the_machine_is_named() {
        let group = |left_bytes| Host {
            memory_group: Some(MemoryGroup {
                name: "/pod/x".to_owned(),
                max_bytes: 1_500_000_000,
                left_bytes,
            }),
            ..host(23 << 30)
        };
        let refused = check_memory(&plan(300_000), &group(1_400_000_000), None).unwrap_err();
        let said = refused.to_string();
        assert!(said.contains("the cgroup /pod/x leaves, 1.5 GB"), "{said}");
        assert!(said.contains("1.4 GB are available"), "{said}");
        assert!(check_memory(&plan(300_000), &group(24 << 30), None).is_ok());
        let refused = check_memory(&plan(2_600_000), &group(24 << 30), None).unwrap_err();
        let said = refused.to_string();
        assert!(
            said.contains("24.7 GB are available (MemAvailable)"),
            "{said}"
        );
    }
}
