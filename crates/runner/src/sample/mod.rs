//! What processes and the machine used, read from /proc at the edges of a window.
//!
//! | module | |
//! |---|---|
//! | [`process`] | CPU time, context switches and memory of server and generators |
//! | [`machine`] | what bears on a window from outside: steal, pressure, swap, throttling |
//! | [`kernel`] | memory that the kernel holds, by slab cache |
//! | [`net`] | events of the network stack |
//! | [`syscalls`] | system calls, which take a window of their own |
//!
//! What can't be read is `None`, and its reason stands under the field's name in the
//! `not_measured` beside it.

mod kernel;
mod machine;
mod net;
mod process;
mod syscalls;

pub(crate) use kernel::{
    add_kernel_memory, available_bytes, machine_memory, oom_kills, tcp_sockets_held,
};
pub(crate) use net::NetEvents;
pub(crate) use process::{UNKNOWN, add_memory, pss_bytes, with_descendants};
pub(crate) use syscalls::{SyscallCounter, add_syscalls, no_syscalls};

use machine::MachineCounters;
use process::Counters;
use report::trial::{MachineUse, ProcessUse};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// What processes used between snapshots that are off the window's length by more than a share of
/// it isn't what they used in the window; a busy machine's whims don't count.
const OFF_SHARE: f64 = 0.05;
const OFF_ALWAYS_ALLOWED: Duration = Duration::from_millis(100);

/// Counters that only grow, at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    at: Instant,
    server: Counters,
    generator: Counters,
    runner_cpu_ns: Option<u64>,
    machine: MachineCounters,
}

impl Snapshot {
    pub(crate) fn take(server: &[u32], generator: &[u32]) -> Self {
        Self {
            at: Instant::now(),
            server: Counters::of(server),
            generator: Counters::of(generator),
            runner_cpu_ns: process::cpu_ns(std::process::id()),
            machine: MachineCounters::read(),
        }
    }
}

/// What was used between two snapshots at the edges of a window of this length: by the server, by
/// the generators, by the machine.
pub(crate) fn between(
    from: &Snapshot,
    to: &Snapshot,
    window: Duration,
) -> (ProcessUse, ProcessUse, MachineUse) {
    let mut server = from.server.until(&to.server);
    let mut generator = from.generator.until(&to.generator);
    let span = to.at - from.at;
    if is_off(span, window) {
        let reason =
            format!("read over {span:.1?}, in a window of {window:.1?}: the machine was busy");
        process::take_back(&mut server, &reason);
        process::take_back(&mut generator, &reason);
    }
    let ticks_s = |used: &ProcessUse| Some(used.cpu_user_s? + used.cpu_system_s?);
    let ours_s = ticks_s(&server).zip(ticks_s(&generator));
    let ours_s = ours_s.map(|(server_s, generator_s)| server_s + generator_s);
    let mut machine = from.machine.until(&to.machine, span, ours_s.unwrap_or(0.0));
    if ours_s.is_none() {
        // The server would be taken for somebody else.
        machine.other_cpus_used = explain(
            &mut machine.not_measured,
            "other_cpus_used",
            None,
            "what the server used isn't known",
        );
    }
    (server, generator, machine)
}

fn is_off(span: Duration, window: Duration) -> bool {
    span.abs_diff(window) > window.mul_f64(OFF_SHARE).max(OFF_ALWAYS_ALLOWED)
}

/// CPU time that the runner itself used between two snapshots.
pub(crate) fn runner_cpu_s(from: &Snapshot, to: &Snapshot) -> Option<f64> {
    Some(to.runner_cpu_ns?.saturating_sub(from.runner_cpu_ns?) as f64 / 1e9)
}

/// Notes the reason for a figure that is missing.
fn explain<T>(
    not_measured: &mut BTreeMap<String, String>,
    field: &str,
    value: Option<T>,
    reason: &str,
) -> Option<T> {
    if value.is_none() {
        not_measured.insert(field.to_owned(), reason.to_owned());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As when a server of thousands of threads keeps the runner from running.
    #[test]
    fn what_was_read_too_late_is_not_taken_for_the_window() {
        let own = [std::process::id()];
        let from = Snapshot::take(&own, &own);
        let mut to = Snapshot::take(&own, &own);
        let window = Duration::from_millis(1500);
        to.at = from.at + window + Duration::from_millis(90);
        let (server, _, _) = between(&from, &to, window);
        assert!(server.cpu_s.is_some(), "{server:?}");
        for span in [Duration::ZERO, window + Duration::from_millis(200)] {
            to.at = from.at + span;
            let (server, generator, machine) = between(&from, &to, window);
            // It would be taken for other programs' time.
            assert_eq!(machine.other_cpus_used, None);
            for used in [server, generator] {
                assert_eq!((used.cpu_total_s(), used.voluntary_switches), (None, None));
                assert!(used.not_measured["cpu_s"].contains("a window of 1.5s"));
            }
        }
        let long = Duration::from_secs(60);
        assert!(!is_off(long + Duration::from_secs(2), long));
        assert!(is_off(long + Duration::from_secs(4), long));
    }
}
