//! Is the figure what it is called: Little's law in closed load, and whose limit a rate is.

use hosts::touch::{SHARE_MAX, TIMES, biases, lacking, spoils};
use report::{
    check::{Check, Direction, Effect, FigureKind, Touch},
    slo::Slo,
    trial::{ScheduledWindow, Step},
};
use stats::{at_quantile, decode};

/// Little's law: mean service time x rate may differ from the requests outstanding by this share, or
/// by what the window's edges cut off: a quarter of a request on the connection that was served
/// least, or a pause in which every connection waited once, since a request is counted whole where it
/// ends. Source: J. D. C. Little, "A Proof for the Queuing Formula: L = λW", Operations Research 9
/// (3), 1961.
const LITTLE_MAX: f64 = 0.01;
const EDGE_REQUESTS: f64 = 0.25;

/// A rate whose requests outstanding grow by more than this share of what is due isn't held, or by more
/// than so many standard deviations of what is outstanding at the window's edges by chance.
pub(super) const GROWTH_MAX: f64 = 0.01;
const DEVIATIONS: f64 = 3.0;

/// In closed load, replies that have arrived and lie unread, as a share of what is outstanding: with
/// more the generator holds the rate down. With fewer all else is with the server, however idle its CPUs
/// are: it may be one loop on four CPUs, or block.
const UNREAD_MAX: f64 = 0.10;

/// A polling generator that finds something to do in all but this share of its looks has nothing to
/// spare.
const POLLS_EMPTY_MIN: f64 = 0.10;

/// Whether a step's rate is a floor: the server could have done more.
pub(super) fn is_generator_bound(step: &Step) -> bool {
    match step.window.scheduled {
        Some(_) => empty_polls_share(step).is_some_and(|share| share < POLLS_EMPTY_MIN),
        None => {
            let is_idle = idle_share(step) > SHARE_MAX;
            unread(step).map_or(is_idle, |share| {
                share > UNREAD_MAX || (is_idle && share > SHARE_MAX)
            })
        }
    }
}

/// By how much a rate that is a floor could be higher, as a share: until the server's CPUs are busy, or
/// until nothing lies unread, whichever comes first. CPUs that are busy all the time may be of a server that
/// polls, and say nothing. `None`: nobody knows.
fn slack_share(step: &Step) -> Option<f64> {
    let idle = Some(idle_share(step)).filter(|share| *share > SHARE_MAX);
    let limits = [idle, unread(step)].map(|share| share.and_then(lacking));
    limits.into_iter().flatten().min_by(f64::total_cmp)
}

fn unread(step: &Step) -> Option<f64> {
    step.window.unread_share
}

/// Of the server's CPUs, 0 to 1. Where it isn't known how busy they are they may be idle, and of
/// every rate it is true that it is a floor.
fn idle_share(step: &Step) -> f64 {
    let of_process = || {
        let cpus = step.server_cpus_max.or(step.server_threads)?;
        let window_s = step.window.length_us as f64 / 1e6;
        let used = step.server.cpu_total_s()? / window_s / f64::from(cpus.max(1));
        Some((1.0 - used).max(0.0))
    };
    let idle = step.machine.server_cpus_idle_share.or_else(of_process);
    idle.unwrap_or(1.0)
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
    let allowed = LITTLE_MAX
        .max(EDGE_REQUESTS / f64::from(step.window.served_least.max(1)))
        .max(pause_us(step) / step.window.length_us.max(1) as f64);
    let touches = match off <= allowed {
        true if off > SHARE_MAX && comes_in_rounds(step) => {
            biases(&[FigureKind::Rate], Direction::Either, lacking(off))
        }
        true => Vec::new(),
        false => spoils(&[&[FigureKind::Rate][..], &TIMES].concat()),
    };
    Check::new(
        "littles_law",
        touches,
        format!("rate x mean service time is {in_system:.1}, outstanding were {expected:.0}"),
        "not all connections were active: longer --duration, or a server that starves some",
    )
    .values(off, allowed)
}

/// Replies that all come at once: the window has a round more or less by where its edges lie.
fn comes_in_rounds(step: &Step) -> bool {
    let intervals = step.window.series.iter().flat_map(|all| &all.requests);
    let most = intervals.clone().max().copied().unwrap_or(0) as f64;
    let usual = step.window.requests as f64 / intervals.count().max(1) as f64;
    most - usual > SHARE_MAX * step.window.requests as f64
}

/// The longest service time that so many requests reached as there are connections, half of them at
/// least: of a pause that all had to wait for.
fn pause_us(step: &Step) -> f64 {
    let rounds = step.window.service_time_count as f64 / f64::from(step.connections.max(1));
    let quantile = (1.0 - 0.5 / rounds.max(1.0)).max(0.0);
    let times = decode(&step.window.service_time_histogram);
    times.map_or(0.0, |times| at_quantile(&times, quantile) / 1e3)
}

/// Closed load: is the rate the server's limit? A rate of which it isn't stands as a bound.
pub(super) fn generator_bound(step: &Step) -> Check {
    let idle = idle_share(step);
    let unread = unread(step);
    let touches = match is_generator_bound(step) {
        false => Vec::new(),
        true => vec![Touch {
            figure: FigureKind::Rate,
            effect: Effect::Bounds {
                direction: Direction::Low,
                slack_share: slack_share(step),
            },
        }],
    };
    let lying = unread.map_or_else(String::new, |share| {
        format!(
            ", {:.0} % of what was outstanding lay unread at the generator",
            share * 100.0
        )
    });
    Check::new(
        "generator_bound",
        touches,
        format!(
            "the server's CPUs were idle for {:.0} %{lying}",
            idle * 100.0
        ),
        "the rate is a floor: give the generator more CPUs (--client-cpus, --client-threads)",
    )
    .values(
        unread.unwrap_or(idle),
        if unread.is_some() {
            UNREAD_MAX
        } else {
            SHARE_MAX
        },
    )
}

/// A load with a schedule: has the generator anything to spare? What it lacks is in its lag.
pub(super) fn polls_left(step: &Step) -> Option<Check> {
    let share = empty_polls_share(step)?;
    let check = Check::new(
        "polls_left",
        Vec::new(),
        format!(
            "the generator had nothing to do in {:.0} % of its looks",
            share * 100.0
        ),
        "a lower --rate, or more CPUs for the generator (--client-cpus, --client-threads)",
    );
    Some(check.values(share, POLLS_EMPTY_MIN))
}

/// Answered of offered in the window; `None` without a schedule, or when nothing was due.
pub(super) fn achieved_share(step: &Step) -> Option<f64> {
    let offered = step.window.scheduled.as_ref()?.offered;
    (offered > 0).then(|| step.window.requests as f64 / offered as f64)
}

/// By how many requests what is outstanding grew over the window.
pub(super) fn growth(step: &Step, window: &ScheduledWindow) -> f64 {
    match (window.outstanding_at_open, window.outstanding_at_close) {
        // What could not even wait is outstanding all the more.
        (Some(open), Some(close)) => {
            (close + window.requests_unqueued.unwrap_or(0)) as f64 - open as f64
        }
        // Older reports don't tell: what wasn't answered in the window.
        _ => window.offered as f64 - step.window.requests as f64,
    }
}

/// Whether this rate was held, and within the target.
pub(super) fn meets(step: &Step, slo: &Slo) -> bool {
    let window = step.window.scheduled.as_ref();
    is_held(step, slo) && window.is_some_and(|window| slo.is_met(&window.response_time_us))
}

/// Whether this rate was held, by as many requests as the target's percentile takes.
pub(super) fn is_held(step: &Step, slo: &Slo) -> bool {
    let Some(window) = &step.window.scheduled else {
        return false;
    };
    let edges = window.outstanding_at_open.zip(window.outstanding_at_close);
    // At each edge it is a count by chance. A slow server has many outstanding, however well it holds
    // the rate, and few requests come in a short window.
    let by_chance = edges.map_or(0.0, |(open, close)| {
        DEVIATIONS * ((open + close + 1) as f64).sqrt()
    });
    let allowed = by_chance.max(window.offered as f64 * GROWTH_MAX);
    step.window.requests >= slo.percentile.requests_min()
        && step.window.replies_missing == 0
        && window.offered > 0
        && growth(step, window) <= allowed
}
