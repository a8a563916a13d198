//! What processes and the machine used over a window, read at its edges.
//!
//! The instrument stays out of the window: at the edges only clocks are read, from descriptors that
//! are open already ([`Watch::edge`]). What takes long, a file for each thread and each process,
//! is read before the window is announced and after its result is there
//! ([`Watch::surroundings`]).
//!
//! What can't be read is `None`, and its reason stands under the field's name in the
//! `not_measured` beside it.

use crate::{
    clocks::{Clocks, CpuTime, Stamped},
    cpus::CpuStat,
    machine::{self, MachineCounters, ServerCpus},
    programs::Programs,
    usage::{self, Switches},
};
use pseudofiles::cpus::Cpus;
use report::trial::{MachineUse, ProcessUse};
use std::{
    thread,
    time::{Duration, Instant},
};

/// What a process used between clocks that are off the window's length by more than a share of it
/// isn't what it used in the window; a busy machine's whims don't count.
const OFF_SHARE: f64 = 0.05;
const OFF_ALWAYS_ALLOWED: Duration = Duration::from_millis(100);

/// By so much ticks that are added up may be more than time.
const TICKS_SHARE: f64 = 0.02;

/// Everything that is read at a window's edges, open already.
#[derive(Debug)]
pub struct Watch {
    server: Clocks,
    generator: Clocks,
    backend: Clocks,
    runner: Clocks,
    /// Others of ours: what they use isn't known.
    besides: Vec<u32>,
    stat: CpuStat,
    server_cpus: Vec<usize>,
    generator_cpus: Vec<usize>,
}

/// The clocks at one edge of a window, each with its own moment.
#[derive(Clone, Debug)]
pub struct Edge {
    server: CpuTime,
    generator: CpuTime,
    backend_ns: Option<u64>,
    runner_ns: Option<u64>,
    cpus: Stamped<Cpus>,
}

/// Everything else, at a moment outside of a window.
#[derive(Clone, Debug)]
pub struct Surroundings {
    switches: [(Vec<u32>, Stamped<Switches>); 2],
    counters: Stamped<MachineCounters>,
    programs: Programs,
}

/// What was used in a window.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// By the server.
    pub server: ProcessUse,
    /// By the generators.
    pub generator: ProcessUse,
    /// By everything.
    pub machine: MachineUse,
    /// By a relay's backend, in seconds of CPU time; `None` where there is none.
    pub backend_cpu_s: Option<f64>,
    /// By the runner itself, in seconds of CPU time.
    pub runner_cpu_s: Option<f64>,
}

/// When a window was open.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Its end; what is read later belongs to it all the same, since no load goes on.
    pub closed: Instant,
    /// Its length.
    pub length: Duration,
}

impl Window {
    /// Which share of what went on for so long is the window's.
    fn share_of(&self, span: Duration) -> f64 {
        self.length.as_secs_f64() / span.as_secs_f64()
    }
}

impl Watch {
    /// Of these processes; with none at all of the machine alone. `server_cpus` are those that
    /// nothing of ours but the server runs on, `generator_cpus` those of the generators; none when there are
    /// no such CPUs.
    pub fn open(
        server: &[u32],
        generator: &[u32],
        backend: &[u32],
        [server_cpus, generator_cpus]: [&[usize]; 2],
    ) -> Self {
        // Where none of them is here, they have no CPUs here.
        let generator_cpus = match generator {
            [] => server_cpus,
            _ => generator_cpus,
        };
        Self {
            server: Clocks::open(server),
            generator: Clocks::open(generator),
            backend: Clocks::open(backend),
            runner: Clocks::open(&[std::process::id()]),
            besides: Vec::new(),
            stat: CpuStat::open(),
            server_cpus: server_cpus.to_vec(),
            generator_cpus: generator_cpus.to_vec(),
        }
    }

    /// With these processes, too, that are ours and no strangers, and whose use isn't asked for.
    #[must_use]
    pub fn besides(mut self, pids: Vec<u32>) -> Self {
        self.besides = pids;
        self
    }

    /// Reads all clocks; takes some microseconds, and longer with thousands of threads.
    pub fn edge(&self) -> Edge {
        Edge {
            server: self.server.read(),
            generator: self.generator.read(),
            cpus: Stamped::of(|| self.stat.read()),
            backend_ns: self.backend.cpu_ns(),
            runner_ns: self.runner.cpu_ns(),
        }
    }

    /// Reads everything else. Of a server that isn't ours processes may have come and gone, so
    /// they are named anew.
    pub fn surroundings(&self, server: &[u32]) -> Surroundings {
        let generator = self.generator.pids();
        let ours = [server, generator, self.backend.pids(), &self.besides].concat();
        Surroundings {
            switches: [server, generator]
                .map(|pids| (pids.to_vec(), Stamped::of(|| Switches::of(pids)))),
            counters: Stamped::of(|| MachineCounters::read(server)),
            programs: Programs::read(&ours),
        }
    }

    /// What was used in a window, from what was read around it.
    pub fn between(
        &self,
        from: (&Surroundings, &Edge),
        to: (&Edge, &Surroundings),
        window: Window,
    ) -> Used {
        let used_by = |index: usize, clocks: &Clocks, of: fn(&Edge) -> &CpuTime| {
            let switches = [from.0, to.1].map(|around| &around.switches[index]);
            let share = window.share_of(span(&switches[0].1, &switches[1].1, window.closed));
            let mut used = usage::between(clocks, (of(from.1), of(to.0)), switches, share);
            let clocks = (&of(from.1).clock, &of(to.0).clock);
            let span = span(clocks.0, clocks.1, window.closed);
            let there_was = clocks.0.until(clocks.1) * from.1.cpus.value.0.len() as u32;
            if is_off(span, window.length) {
                usage::take_back(
                    &mut used,
                    &format!(
                        "read over {span:.1?}, in a window of {:.1?}: the machine was busy",
                        window.length
                    ),
                );
            } else if is_beyond(&used, there_was) {
                let reason =
                    "more than all CPUs had: a process ended, and left what it used before";
                usage::take_back(&mut used, reason);
            } else {
                usage::scale(&mut used, window.share_of(span));
            }
            used
        };
        let server = used_by(0, &self.server, |edge| &edge.server);
        let generator = used_by(1, &self.generator, |edge| &edge.generator);
        let cpu_span = span(&from.1.cpus, &to.0.cpus, window.closed);
        let share = window.share_of(cpu_span);
        let seconds = |of: fn(&Edge) -> Option<u64>| {
            let from_to = of(from.1).zip(of(to.0));
            from_to.map(|(from, to)| to.saturating_sub(from) as f64 / 1e9 * share)
        };
        let runner_cpu_s = seconds(|edge| edge.runner_ns);
        let backend_cpu_s = seconds(|edge| edge.backend_ns);
        let of_instruments = match self.backend.pids() {
            [] => runner_cpu_s,
            _ => runner_cpu_s.zip(backend_cpu_s).map(|(a, b)| a + b),
        };
        let counters = (&from.0.counters, &to.1.counters);
        let mut machine = MachineCounters::between(counters);
        let read_span = from.1.cpus.until(&to.0.cpus);
        let cpus = (&from.1.cpus.value, &to.0.cpus.value);
        machine::add_cpus(
            &mut machine,
            cpus,
            read_span,
            // Over all of the time that load went on between the readings.
            self.ours_s(&server, &generator, of_instruments)
                .map(|of_window_s| of_window_s / share),
        );
        let places: [&[usize]; 2] = [&self.server_cpus, &self.generator_cpus];
        machine::add_ours_steal(&mut machine, cpus, places);
        let room = MachineCounters::room(counters);
        let programs = (&from.0.programs, &to.1.programs);
        let others = programs.0.until(programs.1, places, room);
        let seen_for = counters.0.until(counters.1);
        let is_server_known = !self.server.pids().is_empty() || self.generator.pids().is_empty();
        let of_others = is_server_known.then_some(&others);
        machine::add_programs(&mut machine, of_others, seen_for, places);
        machine::add_server_cpus(
            &mut machine,
            ServerCpus {
                numbers: &self.server_cpus,
                cpus,
                read_span,
                span: cpu_span,
                others: &others,
                seen_for,
                window: window.length,
            },
        );
        Used {
            server,
            generator,
            machine,
            backend_cpu_s,
            runner_cpu_s,
        }
    }

    /// CPU time of everything that is ours; `None` when that isn't known: the server would be
    /// taken for somebody else. Without a server there is nothing that could be.
    fn ours_s(
        &self,
        server: &ProcessUse,
        generator: &ProcessUse,
        instruments_s: Option<f64>,
    ) -> Option<f64> {
        if !self.besides.is_empty() {
            return None;
        }
        let of_processes = match (self.server.pids(), self.generator.pids()) {
            ([], []) => Some(0.0),
            // The generators are on other machines.
            (_, []) => server.cpu_total_s(),
            _ => server
                .cpu_total_s()
                .zip(generator.cpu_total_s())
                .map(|(a, b)| a + b),
        };
        Some(of_processes? + instruments_s?)
    }
}

/// What the machine is busy with, watched for so long; the kernel's threads are named that ran on
/// these CPUs.
pub fn look(length: Duration, cpus: &[usize]) -> MachineUse {
    let watch = Watch::open(&[], &[], &[], [cpus, cpus]);
    let before = watch.surroundings(&[]);
    let from = watch.edge();
    thread::sleep(length);
    let to = watch.edge();
    let closed = Instant::now();
    let after = watch.surroundings(&[]);
    let window = Window { closed, length };
    watch
        .between((&before, &from), (&to, &after), window)
        .machine
}

/// From one reading to the other, or to the window's end.
fn span<T>(from: &Stamped<T>, to: &Stamped<T>, closed: Instant) -> Duration {
    to.at
        .min(closed)
        .saturating_duration_since(from.at)
        .max(Duration::from_micros(1))
}

fn is_off(span: Duration, window: Duration) -> bool {
    span.abs_diff(window) > window.mul_f64(OFF_SHARE).max(OFF_ALWAYS_ALLOWED)
}

/// Whether it is more than there was, where that is known. Ticks are whole; a clock inherits nothing.
fn is_beyond(used: &ProcessUse, there_was: Duration) -> bool {
    let used_s = used.cpu_total_s().filter(|_| used.cpu_s.is_none());
    let most_s = there_was.as_secs_f64() * (1.0 + TICKS_SHARE);
    !there_was.is_zero() && used_s.is_some_and(|s| s > most_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(span: Duration, window: Duration) -> Used {
        let own = [std::process::id()];
        let watch = Watch::open(&own, &own, &[], [&[], &[]]);
        let around = watch.surroundings(&own);
        let from = watch.edge();
        let mut to = from.clone();
        for time in [&mut to.server, &mut to.generator] {
            time.clock.at += span;
            time.clock.value = time.clock.value.map(|ns| ns + 600_000_000);
        }
        to.cpus.at += span;
        let window = Window {
            closed: from.cpus.at + span.max(window) + Duration::from_secs(1),
            length: window,
        };
        watch.between((&around, &from), (&to, &around), window)
    }

    /// As when a server of thousands of threads keeps the runner from running.
    #[test]
    fn what_was_read_too_late_is_not_taken_for_the_window() {
        let window = Duration::from_millis(1500);
        for span in [Duration::ZERO, window + Duration::from_millis(200)] {
            let used = used(span, window);
            // It would be taken for other programs' time.
            assert_eq!(used.machine.other_cpus_used, None);
            for used in [used.server, used.generator] {
                assert_eq!((used.cpu_total_s(), used.cpu_user_s), (None, None));
                assert!(used.not_measured["cpu_s"].contains("a window of 1.5s"));
            }
        }
        let long = Duration::from_secs(60);
        assert!(!is_off(long + Duration::from_secs(2), long));
        assert!(is_off(long + Duration::from_secs(4), long));
    }

    /// As of a server that waits for a child which nobody knew, and which had ended long ago.
    #[test]
    fn what_a_child_used_long_ago_is_not_used_in_the_window() {
        let used = |cpu_s| ProcessUse {
            cpu_user_s: Some(cpu_s),
            cpu_system_s: Some(0.5),
            ..ProcessUse::default()
        };
        let of_two = Duration::from_secs(2);
        assert!(is_beyond(&used(1.6), of_two));
        assert!(!is_beyond(&used(1.52), of_two), "whole ticks");
        let by_clock = ProcessUse {
            cpu_s: Some(2.1),
            ..ProcessUse::default()
        };
        assert!(!is_beyond(&by_clock, of_two));
        assert!(!is_beyond(&used(1.4), of_two));
        assert!(!is_beyond(&used(1.6), Duration::ZERO), "no /proc/stat");
    }

    /// The clocks are read a little before the window opens: the load goes on already.
    #[test]
    fn time_is_scaled_to_the_window() {
        let window = Duration::from_secs(2);
        let of_three = used(Duration::from_millis(2060), window);
        let cpu_s = of_three.server.cpu_s.unwrap();
        assert!((cpu_s - 0.6 * 2.0 / 2.06).abs() < 0.001, "{cpu_s}");
    }

    /// A server that has nothing to do any more, because the window is over.
    #[test]
    fn what_is_read_after_the_window_is_not_scaled_down() {
        let now = Instant::now();
        let closed = now + Duration::from_secs(1);
        let stamp = |at| Stamped { at, value: () };
        let late = stamp(closed + Duration::from_millis(80));
        assert_eq!(span(&stamp(now), &late, closed), Duration::from_secs(1));
    }
}
