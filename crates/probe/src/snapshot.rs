//! What processes and the machine used, read from /proc at the edges of a window.
//!
//! What can't be read is `None`, and its reason stands under the field's name in the
//! `not_measured` beside it.

use crate::{
    machine::MachineCounters,
    reasons::explain_missing,
    usage::{self, Clocks, Switches},
};
use report::trial::{MachineUse, ProcessUse};
use std::time::{Duration, Instant};

/// What processes used between snapshots that are off the window's length by more than a share of
/// it isn't what they used in the window; a busy machine's whims don't count.
const OFF_SHARE: f64 = 0.05;
const OFF_ALWAYS_ALLOWED: Duration = Duration::from_millis(100);

/// Counters that only grow, at one moment.
///
/// What tells CPU time is read first and fast: who is read later has been running longer. What
/// takes long, a file for each thread, follows.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Just before the first clock was read, and just after the last.
    clocks_read: (Instant, Instant),
    server: (Clocks, Switches),
    generator: (Clocks, Switches),
    runner_cpu_ns: Option<u64>,
    machine: MachineCounters,
}

impl Snapshot {
    /// Of these processes and of the machine; with no process at all of the machine alone.
    pub fn take(server: &[u32], generator: &[u32]) -> Self {
        let began = Instant::now();
        let clocks = [Clocks::of(server), Clocks::of(generator)];
        let runner_cpu_ns = usage::cpu_ns(std::process::id());
        let machine_cpu = MachineCounters::read_cpu();
        let clocks_read = (began, Instant::now());
        let machine = MachineCounters::read(machine_cpu);
        let [server_clocks, generator_clocks] = clocks;
        Self {
            clocks_read,
            server: (server_clocks, Switches::of(server)),
            generator: (generator_clocks, Switches::of(generator)),
            runner_cpu_ns,
            machine,
        }
    }

    fn is_of_the_machine_alone(&self) -> bool {
        self.server.0.pids().is_empty() && self.generator.0.pids().is_empty()
    }
}

/// What was used between two snapshots at the edges of a window of this length: by the server, by
/// the generators, by the machine.
pub fn between(
    from: &Snapshot,
    to: &Snapshot,
    window: Duration,
) -> (ProcessUse, ProcessUse, MachineUse) {
    let [mut server, mut generator] =
        [(&from.server, &to.server), (&from.generator, &to.generator)]
            .map(|(from, to)| usage::between((&from.0, &from.1), (&to.0, &to.1)));
    let span = to.clocks_read.0 - from.clocks_read.0;
    let span_to_last = to.clocks_read.1 - from.clocks_read.1;
    if is_off(span, window) || is_off(span_to_last, window) {
        let reason = format!(
            "read over {span:.1?} to {span_to_last:.1?}, in a window of {window:.1?}: the machine \
             was busy"
        );
        usage::take_back(&mut server, &reason);
        usage::take_back(&mut generator, &reason);
    }
    let ticks_s = |used: &ProcessUse| Some(used.cpu_user_s? + used.cpu_system_s?);
    let ours_s = ticks_s(&server).zip(ticks_s(&generator));
    let ours_s = ours_s.map(|(server_s, generator_s)| server_s + generator_s);
    // Without a server there is nothing that could be taken for somebody else.
    let ours_s = ours_s.or_else(|| from.is_of_the_machine_alone().then_some(0.0));
    let mut machine = from.machine.until(&to.machine, span, ours_s.unwrap_or(0.0));
    if ours_s.is_none() {
        // The server would be taken for somebody else.
        machine.other_cpus_used = None;
        explain_missing!(
            machine,
            "what the server used isn't known",
            [other_cpus_used]
        );
    }
    (server, generator, machine)
}

fn is_off(span: Duration, window: Duration) -> bool {
    span.abs_diff(window) > window.mul_f64(OFF_SHARE).max(OFF_ALWAYS_ALLOWED)
}

/// CPU time that the runner itself used between two snapshots.
pub fn runner_cpu_s(from: &Snapshot, to: &Snapshot) -> Option<f64> {
    Some(to.runner_cpu_ns?.saturating_sub(from.runner_cpu_ns?) as f64 / 1e9)
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
        let moved = |span| (from.clocks_read.0 + span, from.clocks_read.1 + span);
        to.clocks_read = moved(window + Duration::from_millis(90));
        let (server, _, _) = between(&from, &to, window);
        assert!(server.cpu_s.is_some(), "{server:?}");
        for span in [Duration::ZERO, window + Duration::from_millis(200)] {
            to.clocks_read = moved(span);
            let (server, generator, machine) = between(&from, &to, window);
            // It would be taken for other programs' time.
            assert_eq!(machine.other_cpus_used, None);
            for used in [server, generator] {
                assert_eq!((used.cpu_total_s(), used.voluntary_switches), (None, None));
                assert!(used.not_measured["cpu_s"].contains("a window of 1.5s"));
            }
        }
        // The first clock in time, the last one late.
        to.clocks_read = (moved(window).0, moved(window * 2).1);
        let (server, _, _) = between(&from, &to, window);
        assert_eq!(server.cpu_s, None);
        let long = Duration::from_secs(60);
        assert!(!is_off(long + Duration::from_secs(2), long));
        assert!(is_off(long + Duration::from_secs(4), long));
    }
    #[test]
    fn without_a_server_all_that_ran_is_somebody_elses() {
        let from = Snapshot::take(&[], &[]);
        let to = Snapshot::take(&[], &[]);
        let (_, _, machine) = between(&from, &to, Duration::from_millis(1));
        assert!(machine.other_cpus_used.is_some(), "{machine:?}");
    }
}
