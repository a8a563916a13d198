//! Is the figure what it is called: Little's law in closed load, the schedule in open load, a
//! steady load in both, and a generator that was not itself the limit.

use report::{
    check::{Check, Status},
    slo::Slo,
    trial::{ScheduledWindow, Step},
};

/// Little's law: mean service time x rate may differ from the requests outstanding by this
/// share. Source: J. D. C. Little, "A Proof for the Queuing Formula: L = λW", Operations
/// Research 9 (3), 1961.
const LITTLE_MAX: f64 = 0.10;

/// A generator busier than this share of its CPUs, and busier than the server, sets the rate.
const GENERATOR_BUSY_MAX: f64 = 0.90;

/// In open load answered of offered below this is another load than the one asked for.
const ACHIEVED_MIN: f64 = 0.90;

/// And below this the server was at its limit now and then.
const ACHIEVED_FULLY_MIN: f64 = 0.99;

/// The generator's own lateness may make up this share of the response time at the 99th
/// percentile.
const LAG_MAX: f64 = 0.10;

/// A generator that looked for nothing to do for longer has not followed its schedule.
const STALL_MAX_US: u64 = 100_000;

/// A polling generator that finds something to do in all but this share of its looks has
/// nothing to spare.
const POLLS_EMPTY_MIN: f64 = 0.10;

/// In closed load by CPU time; with a schedule, where the generator polls, by its empty polls.
pub(super) fn is_generator_bound(step: &Step) -> bool {
    match step.window.scheduled {
        Some(_) => empty_polls_share(step).is_some_and(|share| share < POLLS_EMPTY_MIN),
        // What isn't known may be the limit, and of every rate it is true that it is a floor.
        None => generator_busy(step).is_none_or(|busy| {
            busy > GENERATOR_BUSY_MAX && server_busy(step).is_none_or(|server| busy > server)
        }),
    }
}

fn empty_polls_share(step: &Step) -> Option<f64> {
    let (polls, empty) = (step.window.polls?, step.window.polls_empty?);
    Some(empty as f64 / polls.max(1) as f64)
}

pub(super) fn littles_law(step: &Step, outstanding: u32) -> Check {
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

pub(super) fn generator_bound(step: &Step) -> Check {
    let busy = generator_busy(step);
    let percent = |busy: Option<f64>| match busy {
        Some(busy) => format!("{:.0} %", busy * 100.0),
        None => "an unknown share".to_owned(),
    };
    let check = Check::new(
        "generator_bound",
        Status::Suspect,
        !is_generator_bound(step),
        format!(
            "the generator used {} of its CPUs, the server {} of its own",
            percent(busy),
            percent(server_busy(step))
        ),
        "the rate is a floor: give the generator more CPUs (--client-cpus, --client-threads)",
    );
    match busy {
        Some(busy) => check.values(busy, GENERATOR_BUSY_MAX),
        None => check,
    }
}

/// Answered of offered in the window; `None` without a schedule, or when nothing was due.
pub(super) fn achieved_share(step: &Step) -> Option<f64> {
    let offered = step.window.scheduled.as_ref()?.offered;
    (offered > 0).then(|| step.window.requests as f64 / offered as f64)
}

/// Checks of a load with a schedule.
pub(super) fn of_schedule(step: &Step, window: &ScheduledWindow) -> Vec<Check> {
    let mut checks = vec![
        rate_achieved(step, window),
        lag(window),
        generator_stall(window),
    ];
    checks.extend(polls_left(step));
    checks
}

/// Whether this rate was answered, and within the target.
pub(super) fn meets(step: &Step, slo: &Slo) -> bool {
    let Some(window) = &step.window.scheduled else {
        return false;
    };
    step.window.replies_missing == 0
        && achieved_share(step).is_some_and(|share| share >= ACHIEVED_FULLY_MIN)
        && slo.is_met(&window.response_time_us)
}

fn rate_achieved(step: &Step, window: &ScheduledWindow) -> Check {
    let share = achieved_share(step).unwrap_or(0.0);
    let (fails_as, threshold) = if share < ACHIEVED_MIN {
        (Status::Invalid, ACHIEVED_MIN)
    } else {
        (Status::Suspect, ACHIEVED_FULLY_MIN)
    };
    Check::new(
        "rate_achieved",
        fails_as,
        share >= threshold,
        format!(
            "{} of {} offered requests were answered in the window: {:.1} %",
            step.window.requests,
            window.offered,
            share * 100.0
        ),
        "the rate is beyond what the server, or the generator, can do: a lower --rate",
    )
    .values(share, threshold)
}

fn lag(window: &ScheduledWindow) -> Check {
    let (lag_us, response_us) = (window.lag_us.p99, window.response_time_us.p99);
    let share = lag_us / response_us.max(1e-3);
    Check::new(
        "lag",
        Status::Suspect,
        share <= LAG_MAX,
        format!("p99 of the lag is {lag_us:.0} us, of the response time {response_us:.0} us"),
        "response times contain the generator's own lateness: a lower --rate, more client CPUs",
    )
    .values(share, LAG_MAX)
}

fn generator_stall(window: &ScheduledWindow) -> Check {
    let stall_us = window.longest_stall_us;
    Check::new(
        "generator_stall",
        Status::Suspect,
        stall_us <= STALL_MAX_US,
        format!("the generator stood still for {stall_us} us at most"),
        "something else ran on its CPU: end it, or give the generator a CPU of its own",
    )
    .values(stall_us as f64, STALL_MAX_US as f64)
}

fn polls_left(step: &Step) -> Option<Check> {
    let share = empty_polls_share(step)?;
    let check = Check::new(
        "generator_bound",
        Status::Suspect,
        share >= POLLS_EMPTY_MIN,
        format!(
            "the generator had nothing to do in {:.0} % of its looks",
            share * 100.0
        ),
        "a lower --rate, or more CPUs for the generator (--client-cpus, --client-threads)",
    );
    Some(check.values(share, POLLS_EMPTY_MIN))
}

/// `None` where the end of the warm-up isn't detected.
pub(super) fn steady_state(step: &Step) -> Option<Check> {
    let steady = step.steady?;
    let warm_up_s = step.warm_up_us as f64 / 1e6;
    Some(Check::new(
        "steady_state",
        Status::Suspect,
        steady,
        if steady {
            format!("steady after {warm_up_s:.1} s")
        } else {
            format!("rate, latency or memory still changed after {warm_up_s:.1} s")
        },
        "a longer --warm-up lets a server settle that takes its time; a busy machine never does",
    ))
}

/// Share of the generator's CPUs that it used; a thread is at most one CPU.
fn generator_busy(step: &Step) -> Option<f64> {
    let cpus = step.generator_cpus_max.unwrap_or(step.generator_threads);
    Some(busy(step.generator.cpu_total_s()?, step, cpus))
}

fn server_busy(step: &Step) -> Option<f64> {
    let cpus = step.server_cpus_max.or(step.server_threads)?;
    Some(busy(step.server.cpu_total_s()?, step, cpus))
}

fn busy(cpu_s: f64, step: &Step, cpus: u32) -> f64 {
    cpu_s / (step.window.length_us as f64 / 1e6) / f64::from(cpus.max(1))
}
