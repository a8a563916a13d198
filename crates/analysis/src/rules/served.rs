//! Was everything there, and right: connections, replies, counts.

use super::touch::{TIMES, biases, of_window, spoils};
use report::{
    check::{Check, Direction, FigureKind, Touch},
    trial::{Load, Step, Trial},
};

/// Nobody answers this many requests within one tick of 10 ms: without CPU time another process
/// did the work.
const REQUESTS_FOR_A_TICK: u64 = 20_000;

/// Requests on each connection of a closed load that a window should hold.
const SERVED_MIN: u32 = 3;

/// Memory per connection stands when no more than this share of the connections is missing.
const MISSING_MAX: f64 = 0.001;

/// Everything of a window, and memory.
fn everything() -> Vec<Touch> {
    let memory = [FigureKind::UserMemory, FigureKind::KernelMemory];
    spoils(&[&memory[..], &of_window()].concat())
}

/// Everything of a window; memory when over a thousandth of the connections is concerned.
fn of_connections(step: &Step, concerned: u64) -> Vec<Touch> {
    let share = concerned as f64 / f64::from(step.connections.max(1));
    let mut touches = spoils(&of_window());
    if share > MISSING_MAX {
        let memory = [FigureKind::UserMemory, FigureKind::KernelMemory];
        touches.extend(biases(&memory, Direction::Low, Some(share.min(1.0))));
    }
    touches
}

fn unless(passed: bool, touches: Vec<Touch>) -> Vec<Touch> {
    if passed { Vec::new() } else { touches }
}

fn served_figures() -> Vec<FigureKind> {
    [&[FigureKind::Rate][..], &TIMES].concat()
}

/// `None` when the server tells no counts: there is nothing to hold the generator's against.
pub(super) fn counts_agree(trial: &Trial) -> Option<Check> {
    let (sent, heard) = (trial.generator_counts, trial.server_counts?);
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
    let check = Check::new(
        "counts_agree",
        unless(passed, everything()),
        detail,
        "the server loses, invents or miscounts requests: run the conformance suite on it",
    );
    Some(check.values(heard.request_bytes as f64, sent.request_bytes as f64))
}

pub(super) fn connections_open(step: &Step) -> Check {
    let errors = step
        .window
        .errors
        .iter()
        .map(|(kind, times)| format!(", {kind}: {times}"))
        .collect::<String>();
    let missing = u64::from(step.connections.saturating_sub(step.connections_open));
    let concerned = missing.max(step.window.connections_lost);
    Check::new(
        "connections_open",
        unless(concerned == 0, of_connections(step, concerned)),
        format!(
            "{} of {} connections open at the end, {} lost{errors}",
            step.connections_open, step.connections, step.window.connections_lost
        ),
        "see the errors; a limit of open files or ports, or a server that closes connections",
    )
    .values(step.connections_open.into(), step.connections.into())
}

pub(super) fn replies_right(step: &Step) -> Check {
    Check::new(
        "replies_right",
        unless(step.window.replies_wrong == 0, everything()),
        format!(
            "{} replies had other bytes than expected",
            step.window.replies_wrong
        ),
        "the server doesn't do the work: run the conformance suite on it",
    )
    .values(step.window.replies_wrong as f64, 0.0)
}

pub(super) fn replies_complete(step: &Step) -> Check {
    let missing = step.window.replies_missing;
    Check::new(
        "replies_complete",
        unless(missing == 0, of_connections(step, missing)),
        format!("{missing} requests had no reply before the deadline"),
        "the server loses requests or is overwhelmed: fewer connections, or look at it hanging",
    )
    .values(missing as f64, 0.0)
}

pub(super) fn window_length(step: &Step) -> Check {
    let (length_us, asked_us) = (step.window.length_us, step.window_asked_us);
    Check::new(
        "window_length",
        unless(length_us >= asked_us, spoils(&of_window())),
        format!("a window of {length_us} us, {asked_us} us were asked for"),
        "measure again",
    )
    .values(length_us as f64, asked_us as f64)
}

pub(super) fn every_connection_served(step: &Step, load: Load) -> Check {
    let in_time = match load {
        Load::Closed { .. } => true,
        // Within less than an interval not every connection has its turn.
        Load::Idle { interval_us } => {
            step.window_asked_us >= step.message_interval_us.unwrap_or(interval_us)
        }
        Load::Open { .. } | Load::Capacity { .. } => {
            offered(step) >= 2 * u64::from(step.connections)
        }
        Load::Churn { .. } => false,
    };
    let never = step.window.never_served;
    let share = never as f64 / f64::from(step.connections.max(1));
    let mut touches = spoils(&served_figures());
    if share > MISSING_MAX {
        let memory = [FigureKind::UserMemory];
        touches.extend(biases(&memory, Direction::Low, Some(share.min(1.0))));
    }
    let touches = unless(never == 0 || !in_time, touches);
    Check::new(
        "every_connection_served",
        touches,
        format!(
            "{} connections never served, the others {} to {} times",
            step.window.never_served, step.window.served_least, step.window.served_most
        ),
        "the rate is of the connections that were served: longer --duration, or fewer connections",
    )
    .values(step.window.never_served as f64, 0.0)
}

/// In closed load the window has to be several rounds long, or its edges weigh more than what is
/// between them.
pub(super) fn often_enough(step: &Step) -> Check {
    let (least, most) = (step.window.served_least, step.window.served_most);
    // A request more or less on each.
    let edges = 1.0 / f64::from(least.max(1));
    Check::new(
        "served_often_enough",
        unless(
            least >= SERVED_MIN,
            biases(&served_figures(), Direction::Either, Some(edges)),
        ),
        format!("each connection was served {least} to {most} times in the window"),
        "a longer --duration, or fewer connections; or the server favours some of them",
    )
    .values(least.into(), SERVED_MIN.into())
}

/// `None` when nobody claims to know the server's processes.
pub(super) fn cpu_measured(step: &Step) -> Option<Check> {
    let cpu_s = step.server.cpu_total_s()?;
    let requests = step.window.requests;
    let check = Check::new(
        "cpu_measured",
        unless(
            cpu_s > 0.0 || requests < REQUESTS_FOR_A_TICK,
            spoils(&[FigureKind::Cpu]),
        ),
        format!("the server used {cpu_s:.2} s of CPU time for {requests} requests"),
        "the process that was measured isn't the one that answers: end a start script with exec",
    );
    Some(check.values(cpu_s, 0.0))
}

fn offered(step: &Step) -> u64 {
    step.window
        .scheduled
        .as_ref()
        .map_or(0, |window| window.offered)
}
