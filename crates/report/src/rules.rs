//! Which checks there are: pure functions from trials to checks.
//!
//! Each rule looks at one thing. Thresholds stand at the top, so that they can be read without
//! the code.

use crate::{
    check::{Check, Status},
    model::{Failure, Load, Memory, ModelReport, Step, Trial},
};

/// Little's law: mean service time x rate may differ from the requests outstanding by this
/// share. Source: J. D. C. Little, "A Proof for the Queuing Formula: L = λW", Operations
/// Research 9 (3), 1961.
const LITTLE_MAX: f64 = 0.10;

/// A generator busier than this share of its CPUs, and busier than the server, sets the rate.
const GENERATOR_BUSY_MAX: f64 = 0.90;

/// CPU time that the hypervisor gave to others.
const STEAL_MAX: f64 = 0.01;

/// CPU time of processes that have nothing to do with the trial, in CPUs.
const OTHER_CPUS_MAX: f64 = 0.25;

/// A memory slope whose line explains less of the points than this is a guess.
const FIT_R2_MIN: f64 = 0.95;

/// Bytes per connection below which a line's fit says nothing: noise of a few pages then is as
/// large as what is measured.
const FIT_MATTERS_BYTES: f64 = 100.0;

/// A ladder shorter than this can't tell a few pages of memory from what a connection costs.
const LADDER_MIN: u32 = 1_000;

/// Trials that a figure should rest on.
const TRIALS_MIN: usize = 3;

/// Nobody answers this many requests within one tick of 10 ms: without CPU time another process
/// did the work.
const REQUESTS_FOR_A_TICK: u64 = 20_000;

/// All checks of one trial.
pub fn of_trial(trial: &Trial) -> Vec<Check> {
    let name = trial_name(trial);
    let mut checks = vec![counts_agree(trial)];
    for step in &trial.steps {
        checks.extend([
            connections_open(step),
            replies_right(step),
            replies_complete(step),
            window_length(step),
            every_connection_served(step, trial.load),
            cpu_measured(step),
            accept_queue(step),
        ]);
        checks.extend(steal(step));
        checks.extend(other_load(step));
        if let Load::Closed { outstanding } = trial.load {
            checks.push(littles_law(step, outstanding));
            checks.push(generator_bound(step));
        }
    }
    for check in &mut checks {
        check.trial = Some(name.clone());
    }
    checks
}

/// Checks of the figures over all trials.
pub fn of_summary(report: &ModelReport) -> Vec<Check> {
    let memory = report.summary.memory.as_ref();
    let mut checks = vec![trials_enough(&report.trials, report.interrupted)];
    checks.extend(memory.map(memory_ladder));
    checks.extend(memory.and_then(memory_fit));
    checks
}

/// The model could not be measured, or not to the end.
pub fn failed(failure: &Failure) -> Check {
    Check::new(
        "model_ran",
        Status::Invalid,
        false,
        format!("{} failed: {}", failure.phase, failure.reason),
        if failure.stderr_tail.is_empty() {
            "drive the model by hand, or run the conformance suite on it"
        } else {
            "its last words are below, and in the report as failure.stderr_tail"
        },
    )
}

/// Whether the generator set the rate of this step rather than the server.
pub fn is_generator_bound(step: &Step) -> bool {
    let busy = generator_busy(step);
    busy > GENERATOR_BUSY_MAX && busy > server_busy(step)
}

fn trial_name(trial: &Trial) -> String {
    let load = match trial.load {
        Load::Closed { .. } => "closed",
        Load::Idle { .. } => "idle",
    };
    format!("block {}, {load}", trial.block)
}

fn counts_agree(trial: &Trial) -> Check {
    let (sent, heard) = (trial.generator_counts, trial.server_counts);
    // What the wire lets the server count; null on its side is not a difference.
    let agree = |a: Option<u64>, b: Option<u64>| b.is_none() || a == b;
    let passed = agree(sent.requests, heard.requests)
        && agree(sent.responses, heard.responses)
        && sent.connections == heard.connections
        && sent.request_bytes == heard.request_bytes
        && sent.response_bytes == heard.response_bytes;
    let detail = if passed {
        format!("both sides counted {} request bytes", sent.request_bytes)
    } else {
        format!("the generator counted {sent:?}, the server {heard:?}")
    };
    Check::new(
        "counts_agree",
        Status::Invalid,
        passed,
        detail,
        "the server loses, invents or miscounts requests: run the conformance suite on it",
    )
    .values(heard.request_bytes as f64, sent.request_bytes as f64)
}

fn connections_open(step: &Step) -> Check {
    let errors = step
        .window
        .errors
        .iter()
        .map(|(kind, times)| format!(", {kind}: {times}"))
        .collect::<String>();
    Check::new(
        "connections_open",
        Status::Invalid,
        step.connections_open == step.connections && step.window.connections_lost == 0,
        format!(
            "{} of {} connections open at the end, {} lost{errors}",
            step.connections_open, step.connections, step.window.connections_lost
        ),
        "see the errors; a limit of open files or ports, or a server that closes connections",
    )
    .values(step.connections_open.into(), step.connections.into())
}

fn replies_right(step: &Step) -> Check {
    Check::new(
        "replies_right",
        Status::Invalid,
        step.window.replies_wrong == 0,
        format!(
            "{} replies had other bytes than expected",
            step.window.replies_wrong
        ),
        "the server doesn't do the work: run the conformance suite on it",
    )
    .values(step.window.replies_wrong as f64, 0.0)
}

fn replies_complete(step: &Step) -> Check {
    Check::new(
        "replies_complete",
        Status::Invalid,
        step.window.replies_missing == 0,
        format!(
            "{} requests had no reply before the deadline",
            step.window.replies_missing
        ),
        "the server loses requests or is overwhelmed: fewer connections, or look at it hanging",
    )
    .values(step.window.replies_missing as f64, 0.0)
}

fn window_length(step: &Step) -> Check {
    let (length_us, asked_us) = (step.window.length_us, step.window_asked_us);
    Check::new(
        "window_length",
        Status::Invalid,
        length_us >= asked_us,
        format!("a window of {length_us} us, {asked_us} us were asked for"),
        "measure again",
    )
    .values(length_us as f64, asked_us as f64)
}

fn every_connection_served(step: &Step, load: Load) -> Check {
    let in_time = match load {
        Load::Closed { .. } => true,
        // Within less than an interval not every connection has its turn.
        Load::Idle { interval_us } => step.window_asked_us >= interval_us,
    };
    Check::new(
        "every_connection_served",
        Status::Invalid,
        step.window.never_served == 0 || !in_time,
        format!(
            "{} connections never served, the others {} to {} times",
            step.window.never_served, step.window.served_least, step.window.served_most
        ),
        "the rate is of the connections that were served: longer --duration, or fewer connections",
    )
    .values(step.window.never_served as f64, 0.0)
}

fn cpu_measured(step: &Step) -> Check {
    let cpu_s = step.server.cpu_user_s + step.server.cpu_system_s;
    let requests = step.window.requests;
    Check::new(
        "cpu_measured",
        Status::Invalid,
        cpu_s > 0.0 || requests < REQUESTS_FOR_A_TICK,
        format!("the server used {cpu_s:.2} s of CPU time for {requests} requests"),
        "the process that was measured isn't the one that answers: end a start script with exec",
    )
    .values(cpu_s, 0.0)
}

fn littles_law(step: &Step, outstanding: u32) -> Check {
    let seconds = step.window.length_us as f64 / 1e6;
    // Batches rather than requests: a value of the histogram is one batch. A workload whose
    // requests are answered one by one has batches of one, `outstanding` at a time.
    let rate_per_s = step.window.service_time_count as f64 / seconds;
    let in_system = rate_per_s * step.window.service_time_us.mean / 1e6;
    let one_by_one = step.window.requests == step.window.service_time_count;
    let per_connection = if one_by_one { outstanding } else { 1 };
    let expected = f64::from(step.connections) * f64::from(per_connection);
    let off = (in_system / expected - 1.0).abs();
    Check::new(
        "littles_law",
        Status::Invalid,
        off <= LITTLE_MAX,
        format!("rate x mean service time is {in_system:.0}, outstanding were {expected:.0}"),
        "not all connections were active: longer --duration, or a server that starves some",
    )
    .values(off, LITTLE_MAX)
}

fn generator_bound(step: &Step) -> Check {
    let (busy, server) = (generator_busy(step), server_busy(step));
    Check::new(
        "generator_bound",
        Status::Suspect,
        !is_generator_bound(step),
        format!(
            "the generator used {:.0} % of its CPUs, the server {:.0} % of its own",
            busy * 100.0,
            server * 100.0
        ),
        "the rate is a floor: give the generator more CPUs (--client-cpus, --client-threads)",
    )
    .values(busy, GENERATOR_BUSY_MAX)
}

fn accept_queue(step: &Step) -> Check {
    let overflows = step.machine.listen_overflows;
    Check::new(
        "accept_queue",
        Status::Suspect,
        overflows.unwrap_or(0) == 0,
        match overflows {
            Some(n) => format!("the accept queue overflowed {n} times"),
            None => "overflows of the accept queue can't be read here".to_owned(),
        },
        "sysctl -w net.core.somaxconn=65535",
    )
    .values(overflows.map_or(f64::NAN, |n| n as f64), 0.0)
}

fn steal(step: &Step) -> Option<Check> {
    let share = step.machine.steal_share?;
    let check = Check::new(
        "steal",
        Status::Suspect,
        share <= STEAL_MAX,
        format!(
            "{:.1} % of the CPU time went to other guests",
            share * 100.0
        ),
        "measure again, or on a machine of your own",
    );
    Some(check.values(share, STEAL_MAX))
}

fn other_load(step: &Step) -> Option<Check> {
    let cpus = step.machine.other_cpus_used?;
    let check = Check::new(
        "other_load",
        Status::Suspect,
        cpus <= OTHER_CPUS_MAX,
        format!("other programs used {cpus:.2} CPUs"),
        "end what else is running, and measure again",
    );
    Some(check.values(cpus, OTHER_CPUS_MAX))
}

fn trials_enough(trials: &[Trial], interrupted: bool) -> Check {
    let closed = trials
        .iter()
        .filter(|t| matches!(t.load, Load::Closed { .. }))
        .count();
    let least = match trials.len() - closed {
        0 => closed,
        idle if closed == 0 => idle,
        idle => idle.min(closed),
    };
    Check::new(
        "trials_enough",
        Status::Suspect,
        least >= TRIALS_MIN,
        match (least, interrupted) {
            (1, false) => "one trial of each load".to_owned(),
            (_, false) => format!("{least} trials of each load"),
            (_, true) => format!("{least} finished trials of each load in an interrupted run"),
        },
        if interrupted {
            "let it run to its end"
        } else {
            "--trials 3 shows how much a figure varies; a comparison needs six"
        },
    )
    .values(least as f64, TRIALS_MIN as f64)
}

fn memory_ladder(memory: &Memory) -> Check {
    Check::new(
        "memory_ladder",
        Status::Suspect,
        memory.connections_max >= LADDER_MIN,
        format!(
            "memory was measured up to {} connections",
            memory.connections_max
        ),
        "a few pages weigh as much as these connections: --connections 1000 or more",
    )
    .values(memory.connections_max.into(), LADDER_MIN.into())
}

fn memory_fit(memory: &Memory) -> Option<Check> {
    let r2 = memory.user_fit_r2?;
    let slope = memory.user_bytes_per_connection?;
    let check = Check::new(
        "memory_fit",
        Status::Suspect,
        r2 >= FIT_R2_MIN || slope.abs() < FIT_MATTERS_BYTES,
        format!("the line through the memory ladder has r2 = {r2:.3}"),
        "memory doesn't grow evenly: more --connections, or look at the steps in the report",
    );
    Some(check.values(r2, FIT_R2_MIN))
}

/// Share of the generator's CPUs that it used; a thread is at most one CPU.
fn generator_busy(step: &Step) -> f64 {
    busy(
        step.generator.cpu_user_s + step.generator.cpu_system_s,
        step,
        step.generator_threads,
    )
}

fn server_busy(step: &Step) -> f64 {
    busy(
        step.server.cpu_user_s + step.server.cpu_system_s,
        step,
        step.server_threads,
    )
}

fn busy(cpu_s: f64, step: &Step, threads: u32) -> f64 {
    cpu_s / (step.window.length_us as f64 / 1e6) / f64::from(threads.max(1))
}
