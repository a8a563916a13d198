//! How many system calls a request takes, from a window of their own.

use super::{bench::Bench, error::TrialError};
use generators::{driven::Generators, error::GeneratorError};
use probe::syscalls::{self, CantCount, SyscallCounter};
use report::trial::{Load, Step, SyscallWindow};
use server::launch::Server;
use std::time::{Duration, Instant};

/// Long enough for thousands of requests, too short to be noticed.
const SYSCALL_WINDOW: Duration = Duration::from_millis(300);

/// With more the window would be too short for a request on each.
const CONNECTIONS_MAX: u32 = 20_000;

/// Another, short window of the same load, in which nothing but system calls is counted.
pub(super) fn count_syscalls(
    bench: &Bench<'_>,
    server: &mut Server,
    generators: &mut Generators,
    load: Load,
    step: &mut Step,
) -> Result<(), TrialError> {
    let counters = match load {
        _ if !bench.counts_syscalls => Err("not counted in calibrations".to_owned()),
        // It would take another round over all of them.
        Load::Closed { .. } if step.connections > CONNECTIONS_MAX => Err(format!(
            "not counted with more than {CONNECTIONS_MAX} connections"
        )),
        Load::Closed { .. } => counters(server, generators).map_err(|error| error.to_string()),
        _ => Err("counted under closed load only".to_owned()),
    };
    let mut counters = match counters {
        Ok(counters) => counters,
        Err(reason) => {
            for used in [&mut step.server, &mut step.generator] {
                syscalls::no_syscalls(used, &reason);
            }
            return Ok(());
        }
    };
    generators.begin(None)?;
    let mut edges = Vec::new();
    let result = generators.measure(SYSCALL_WINDOW, |edge| {
        let counts: Vec<_> = counters.iter_mut().map(SyscallCounter::read).collect();
        edges.push((edge, Instant::now(), counts));
    })?;
    server.check_alive()?;
    let [(_, from, opened), (closes_at, to, closed)] = &edges[..] else {
        return Err(GeneratorError::Unexpected("a window without edges".to_owned()).into());
    };
    // The first reading is a little early, and load goes on already.
    let counted_for = to.min(closes_at).saturating_duration_since(*from);
    let share = SYSCALL_WINDOW.as_secs_f64() / counted_for.as_secs_f64().max(1e-3);
    let uses = [&mut step.server, &mut step.generator];
    for (used, (opened, closed)) in uses.into_iter().zip(opened.iter().zip(closed)) {
        syscalls::add_syscalls(used, opened, closed, share);
    }
    if generators.pids().is_empty() {
        syscalls::no_syscalls(&mut step.generator, "not counted on other machines");
    }
    step.syscall_window = Some(SyscallWindow {
        length_us: result.counts.window_us,
        requests: result.counts.requests,
    });
    // What goes wrong here spoils the step like anything else.
    step.window.replies_wrong += result.counts.replies_wrong;
    step.window.replies_missing += result.counts.replies_missing;
    step.window.connections_lost += result.counts.connections_lost;
    step.connections_open = step.connections_open.min(result.counts.connections);
    Ok(())
}

/// Of the server, and of the generators where they are on this machine.
fn counters(server: &Server, generators: &Generators) -> Result<Vec<SyscallCounter>, CantCount> {
    let mut counters = vec![SyscallCounter::attach(&server.pids())?];
    let generators = generators.pids();
    if !generators.is_empty() {
        counters.push(SyscallCounter::attach(&generators)?);
    }
    Ok(counters)
}
