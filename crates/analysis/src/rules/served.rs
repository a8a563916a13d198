//! Was everything there, and right: connections, replies, counts.

use report::{
    check::{Check, Status},
    trial::{Load, Step, Trial},
};

/// Nobody answers this many requests within one tick of 10 ms: without CPU time another process
/// did the work.
const REQUESTS_FOR_A_TICK: u64 = 20_000;

/// Requests on each connection of a closed load that a window should hold.
const SERVED_MIN: u32 = 3;

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
        Status::Invalid,
        passed,
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

pub(super) fn replies_right(step: &Step) -> Check {
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

pub(super) fn replies_complete(step: &Step) -> Check {
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

pub(super) fn window_length(step: &Step) -> Check {
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

/// In closed load the window has to be several rounds long, or its edges weigh more than what is
/// between them.
pub(super) fn often_enough(step: &Step) -> Check {
    let (least, most) = (step.window.served_least, step.window.served_most);
    Check::new(
        "served_often_enough",
        Status::Suspect,
        least >= SERVED_MIN,
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
        Status::Invalid,
        cpu_s > 0.0 || requests < REQUESTS_FOR_A_TICK,
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
