//! Was everything there, and right: connections, replies, counts.

use hosts::touch::{SHARE_MAX, TIMES, biases, lacking, of_window, spoils};
use report::{
    check::{Check, Direction, FigureKind, Touch},
    trial::{Counts, Load, Step, Trial},
};

/// Nobody answers this many requests within one tick of 10 ms: without CPU time another process
/// did the work.
const REQUESTS_FOR_A_TICK: u64 = 20_000;

/// Requests on each connection of a closed load that a window should hold.
const SERVED_MIN: u32 = 3;

/// Memory per connection stands when no more than this share of the connections is missing.
const MISSING_MAX: f64 = 0.001;

/// What a call says that finds no free port; errors of a window are kept under such names.
const NO_PORT: &str = "EADDRNOTAVAIL";

/// Everything of a window, and memory.
fn everything() -> Vec<Touch> {
    let memory = [FigureKind::UserMemory, FigureKind::KernelMemory];
    spoils(&[&memory[..], &of_window()].concat())
}

/// Everything of a window; memory when over a thousandth of the connections is concerned.
fn of_connections(connections: u32, concerned: u64) -> Vec<Touch> {
    let share = concerned as f64 / f64::from(connections.max(1));
    let mut touches = spoils(&of_window());
    if share > MISSING_MAX {
        let memory = [FigureKind::UserMemory, FigureKind::KernelMemory];
        touches.extend(biases(&memory, Direction::Low, lacking(share)));
    }
    touches
}

fn unless(passed: bool, touches: Vec<Touch>) -> Vec<Touch> {
    if passed { Vec::new() } else { touches }
}

fn served_figures() -> Vec<FigureKind> {
    [&[FigureKind::Rate][..], &TIMES].concat()
}

/// `None` when nobody tells counts, or the trial was interrupted: there is nothing to hold the
/// generator's against. What reached the backend of a relay has passed through the server.
pub(super) fn counts_agree(trial: &Trial) -> Option<Check> {
    let sent = trial.generator_counts?;
    let told = [
        ("server", trial.server_counts),
        ("backend", trial.backend_counts),
    ];
    let told = told
        .into_iter()
        .filter_map(|(who, counts)| Some((who, counts?)));
    // What the wire lets somebody count; null on their side is not a difference.
    let agree = |a: Option<u64>, b: Option<u64>| b.is_none() || a == b;
    let agrees = |who: &str, heard: &Counts| {
        // To see that it listens, a server that isn't ours is visited, which its backend counts.
        let visits = match who {
            "backend" if trial.server_counts.is_none() => u64::from(trial.visits.unwrap_or(1)),
            _ => 0,
        };
        agree(sent.requests, heard.requests)
            && agree(sent.responses, heard.responses)
            && (sent.connections..=sent.connections + visits).contains(&heard.connections)
            && sent.request_bytes == heard.request_bytes
            && sent.response_bytes == heard.response_bytes
    };
    let (who, heard) = told.min_by_key(|(who, heard)| agrees(who, heard))?;
    let passed = agrees(who, &heard);
    let detail = if passed {
        format!("both sides counted {} request bytes", sent.request_bytes)
    } else {
        format!("the generator counted {sent:?}, the {who} {heard:?}")
    };
    let check = Check::new(
        "counts_agree",
        unless(passed, everything()),
        detail,
        "the server loses, invents or miscounts requests: run the conformance suite on it",
    );
    Some(check.values(heard.request_bytes as f64, sent.request_bytes as f64))
}

/// `None` where nobody tells, or there is no backend.
pub(super) fn backend_reached(trial: &Trial) -> Option<Check> {
    let failures = trial.backend_failures?;
    let steps = trial.steps.iter().map(|step| step.connections);
    // Nobody tells at which step: where they would be most of all.
    let connections = steps.min().unwrap_or(0);
    let check = Check::new(
        "backend_reached",
        unless(failures == 0, of_connections(connections, failures)),
        format!("the backend refused or broke off {failures} of the relay's connections"),
        "the relay's own limit of open files or ports; or it breaks off by itself: run the conformance \
         suite on it",
    );
    Some(check.values(failures as f64, 0.0))
}

pub(super) fn connections_open(step: &Step) -> Check {
    let missing = u64::from(step.connections.saturating_sub(step.connections_open));
    let concerned = missing.max(step.window.connections_lost);
    Check::new(
        "connections_open",
        unless(concerned == 0, of_connections(step.connections, concerned)),
        format!(
            "{} of {} connections open at the end, {} lost{}",
            step.connections_open,
            step.connections,
            step.window.connections_lost,
            errors(step)
        ),
        lost_because(step),
    )
    .values(step.connections_open.into(), step.connections.into())
}

/// A server that is asked on a wire that it doesn't speak answers with something else, or waits for more.
/// What the kernel broke off for want of memory neither side is to blame for.
fn lost_because(step: &Step) -> &'static str {
    let of_wire = |kind: &String| kind == "wrong reply" || kind.starts_with("no answer to ");
    if step.machine.tcp_memory_aborts > Some(0) {
        "the kernel's memory for TCP was used up, and it broke off connections (TCPAbortOnMemory): \
         doctor --connections N tells what sysctl net.ipv4.tcp_mem should be"
    } else if step.window.errors.keys().any(of_wire) {
        "see the errors; a server of HTTP takes --http 'GET /', one of WebSocket --wire websocket"
    } else {
        "see the errors; a limit of open files or ports, or a server that closes connections"
    }
}

/// Kinds of errors, and how often.
fn errors(step: &Step) -> String {
    let errors = step.window.errors.iter();
    errors
        .map(|(kind, times)| format!(", {kind}: {times}"))
        .collect()
}

pub(super) fn replies_right(step: &Step) -> Check {
    Check::new(
        "replies_right",
        unless(step.window.replies_wrong == 0, everything()),
        format!(
            "{} replies were not those that were asked for{}",
            step.window.replies_wrong,
            errors(step)
        ),
        "the server doesn't do the work (runner check), or speaks another wire (--http, --wire)",
    )
    .values(step.window.replies_wrong as f64, 0.0)
}

pub(super) fn replies_complete(step: &Step, load: Load) -> Check {
    // In churn each of these is a request that the server never saw.
    let unsent = match load {
        Load::Churn { .. } => ports_refused(step),
        _ => 0,
    };
    let missing = step.window.replies_missing.saturating_sub(unsent);
    Check::new(
        "replies_complete",
        unless(missing == 0, of_connections(step.connections, missing)),
        format!(
            "{missing} requests had no reply before the deadline{}",
            errors(step)
        ),
        "the server loses requests or is overwhelmed: fewer connections, or look at it hanging",
    )
    .values(missing as f64, 0.0)
}

/// A connection that found no free port was never offered to the server: it isn't to blame, and what
/// was asked for did not happen. `None` where all had one.
pub(super) fn generator_ports(step: &Step) -> Option<Check> {
    let refused = ports_refused(step);
    let check = Check::new(
        "generator_ports",
        spoils(&of_window()),
        format!(
            "the generator's machine ran out of ports: {refused} connections could not be begun \
             ({NO_PORT}), and the server never saw them"
        ),
        "a lower --rate (each port of a closed connection rests for a minute), or sysctl -w \
         net.ipv4.ip_local_port_range='1024 65535' net.ipv4.tcp_tw_reuse=1; doctor tells how many there \
         are",
    );
    (refused > 0).then(|| check.values(refused as f64, 0.0))
}

/// Connections that found no free port: connect(2), ip(7).
fn ports_refused(step: &Step) -> u64 {
    let errors = step.window.errors.iter();
    let of_ports = errors.filter(|(kind, _)| kind.contains(NO_PORT));
    of_ports.map(|(_, times)| times).sum()
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
        touches.extend(biases(&memory, Direction::Low, lacking(share)));
    }
    let touches = unless(never == 0 || !in_time, touches);
    let (least, most) = (step.window.served_least, step.window.served_most);
    let unasked = step.window.never_asked.unwrap_or(0);
    let whose = match unasked {
        0 => String::new(),
        _ => format!(" ({unasked} of them were not asked: the generator was late)"),
    };
    let advice = match 2 * unasked > never {
        true => {
            "the generator had too little CPU to give each connection its turn: end what else is \
             running, or --client-cpus, or fewer connections"
        }
        false => {
            "the rate is of the connections that were served: longer --duration, or fewer connections"
        }
    };
    Check::new(
        "every_connection_served",
        touches,
        format!("{never} connections never served{whose}, the others {least} to {most} times"),
        advice,
    )
    .values(never as f64, 0.0)
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

/// More was to be outstanding on a connection than its socket buffers hold: what waits in the
/// generator counts as the server's time. `None` in older reports.
pub(super) fn sends_blocked(step: &Step) -> Option<Check> {
    let blocked = step.window.sends_blocked?;
    let share = blocked as f64 / step.window.requests.max(1) as f64;
    let touches = unless(share <= SHARE_MAX, biases(&TIMES, Direction::High, None));
    let check = Check::new(
        "sends_blocked",
        touches,
        format!("the kernel took {blocked} requests late or in pieces: its buffers were full"),
        "fewer --outstanding, or a smaller --payload: socket buffers can't hold that many",
    );
    Some(check.values(share, SHARE_MAX))
}

/// Times beyond the histogram's bound stand in it as that. `None` in older reports.
pub(super) fn times_clipped(step: &Step) -> Option<Check> {
    let clipped = step.window.times_clipped?;
    let share = clipped as f64 / step.window.service_time_count.max(1) as f64;
    let is_reached = |figure: &FigureKind| figure.quantile().is_some_and(|q| share > 1.0 - q);
    let reached: Vec<FigureKind> = TIMES.into_iter().filter(is_reached).collect();
    let check = Check::new(
        "times_clipped",
        biases(&reached, Direction::Low, None),
        format!("{clipped} times were over 300 s, and count as that"),
        "the server is overwhelmed: fewer connections, or a lower --rate",
    );
    Some(check.values(clipped as f64, 0.0))
}

/// `None` when nobody claims to know the server's processes, or there was nothing to do.
pub(super) fn cpu_measured(step: &Step) -> Option<Check> {
    let cpu_s = step.server.cpu_total_s()?;
    let requests = step.window.requests;
    if requests == 0 {
        return None;
    }
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
