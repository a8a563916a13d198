//! Connections that are held for long: whether memory and descriptors stay as they were.

use crate::ladder::{kernel_bytes, user_bytes};
use hosts::touch::biases;
use report::{
    check::{Check, Direction, FigureKind, Touch},
    model::{Drift, Held, Range},
    trial::{HeldRound, ProcessUse, Step, Trial},
};
use stats::{line, range, t_two_sided};

/// Fewer rounds tell no drift from what one of them happened to be.
const ROUNDS_MIN: usize = 6;

/// Of 20 intervals one may miss.
const OUTSIDE: f64 = 0.05;

/// Memory may move by this share of itself over the whole time, or by so many bytes for each connection.
const DRIFT_MAX: f64 = 0.02;
const DRIFT_BYTES: f64 = 1.0;

/// Descriptors that a server may have more at the end: this share of its connections, and some that it
/// opens when it wants.
const DESCRIPTORS_SHARE_MAX: f64 = 0.001;
const DESCRIPTORS_MAX: u64 = 16;

const HOUR_US: f64 = 3.6e9;

/// Of the trial that lost most connections, or was held longest; `None` where none was held.
pub fn held(trials: &[Trial]) -> Option<Held> {
    let all = trials.iter().filter_map(of_trial);
    all.max_by(|a, b| {
        let longer = a.length_s.total_cmp(&b.length_s);
        a.lost.cmp(&b.lost).then(longer)
    })
}

/// What became of one trial's held connections.
fn of_trial(trial: &Trial) -> Option<Held> {
    let rounds = &trial.held[..];
    let last = rounds.last()?;
    let windows = || rounds.iter().map(|round| &round.step.window);
    Some(Held {
        connections: last.step.connections,
        rounds: rounds.len() as u32,
        length_s: last.since_us as f64 / 1e6,
        replaced: rounds.iter().map(|round| u64::from(round.replaced)).sum(),
        lost: windows().map(|window| window.connections_lost).sum(),
        rounds_with_unserved: windows().filter(|window| window.never_served > 0).count() as u32,
        server_user_bytes_per_connection_hour: drift(rounds, user_bytes),
        generator_user_bytes_per_connection_hour: drift(rounds, generator_bytes),
        kernel_bytes_per_connection_hour: drift(rounds, kernel_bytes),
        server_descriptors: descriptors(rounds, |step| &step.server),
        generator_descriptors: descriptors(rounds, |step| &step.generator),
    })
}

/// Whether what was held stayed as it was.
pub(crate) fn checks(trial: &Trial) -> Vec<Check> {
    let rounds = &trial.held[..];
    let user = drift_check(rounds, FigureKind::UserMemory, user_bytes);
    let kernel = drift_check(rounds, FigureKind::KernelMemory, kernel_bytes);
    let mut checks: Vec<Check> = user.into_iter().chain(kernel).collect();
    checks.extend(descriptors_check(rounds));
    checks
}

fn generator_bytes(step: &Step) -> Option<f64> {
    Some(step.generator.pss_bytes? as f64)
}

/// Bytes over hours since the first round, for each connection.
fn points(rounds: &[HeldRound], bytes: fn(&Step) -> Option<f64>) -> Option<Vec<(f64, f64)>> {
    let point = |round: &HeldRound| {
        let connections = f64::from(round.step.connections.max(1));
        let hours = round.since_us as f64 / HOUR_US;
        Some((hours, bytes(&round.step)? / connections))
    };
    rounds.iter().map(point).collect()
}

/// `None` where the bytes can't be read, or the rounds are too few.
fn drift(rounds: &[HeldRound], bytes: fn(&Step) -> Option<f64>) -> Option<Drift> {
    let points = points(rounds, bytes).filter(|points| points.len() >= ROUNDS_MIN)?;
    let line = line(&points)?;
    let rests: Vec<f64> = points
        .iter()
        .map(|(x, y)| y - line.start - line.slope * x)
        .collect();
    let n = points.len() as f64;
    let worth = worth_of(&rests);
    // The error of the line counts with n - 2 points, and is to count with what they are worth.
    let error = line.slope_error? * ((n - 2.0) / (worth - 2.0)).sqrt();
    let half = t_two_sided((worth - 2.0) as u32, OUTSIDE) * error;
    Some(Drift {
        per_hour: line.slope,
        low: line.slope - half,
        high: line.slope + half,
    })
}

/// How many points, independent of each other, these are worth: the more each is like the one before, the
/// fewer; more than 2.
///
/// Source: Santer et al., "Statistical significance of trends and trend differences in layer-average
/// atmospheric temperature time series", J. Geophys. Res. 105 (2000), eq. 6. Of few points the likeness comes
/// out too low by a known amount: Marriott and Pope, "Bias in the estimation of autocorrelations",
/// Biometrika 41 (1954).
fn worth_of(rests: &[f64]) -> f64 {
    let squares: f64 = rests.iter().map(|rest| rest * rest).sum();
    let products: f64 = rests.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let n = rests.len() as f64;
    let seen = if squares > 0.0 {
        products / squares
    } else {
        0.0
    };
    let alike = (seen + (1.0 + 4.0 * seen) / n).clamp(0.0, 0.99);
    (n * (1.0 - alike) / (1.0 + alike)).max(3.0)
}

fn drift_check(
    rounds: &[HeldRound],
    figure: FigureKind,
    bytes: fn(&Step) -> Option<f64>,
) -> Option<Check> {
    let drift = drift(rounds, bytes)?;
    let (id, whose) = match figure {
        FigureKind::UserMemory => ("memory_held", "the server's"),
        _ => ("kernel_memory_held", "the kernel's"),
    };
    let points = points(rounds, bytes)?;
    let (&(began, first), &(ended, _)) = (points.first()?, points.last()?);
    let moved = drift.per_hour * (ended - began);
    let allowed = (first * DRIFT_MAX).max(DRIFT_BYTES);
    let excludes_none = drift.low > 0.0 || drift.high < 0.0;
    let touches = match excludes_none && moved.abs() > allowed {
        true => biases(
            &[figure],
            Direction::Either,
            Some((moved / first.max(1.0)).abs()),
        ),
        false => Vec::new(),
    };
    let check = Check::new(
        id,
        touches,
        format!(
            "{whose} memory moved by {:+.1} [{:+.1} {:+.1}] bytes for each connection in an hour",
            drift.per_hour, drift.low, drift.high
        ),
        "a server that keeps something of connections that are gone does this: --profile, or heaptrack",
    );
    Some(check.values(moved.abs(), allowed))
}

fn descriptors(rounds: &[HeldRound], of: fn(&Step) -> &ProcessUse) -> Option<Range> {
    let counts = rounds.iter().map(|round| of(&round.step).descriptors);
    let counts: Vec<f64> = counts
        .map(|count| Some(count? as f64))
        .collect::<Option<_>>()?;
    range(&counts)
}

/// `None` where the server's can't be counted.
fn descriptors_check(rounds: &[HeldRound]) -> Option<Check> {
    let (first, last) = (rounds.first()?, rounds.last()?);
    let (before, after) = (
        first.step.server.descriptors?,
        last.step.server.descriptors?,
    );
    let more = after.saturating_sub(before);
    let allowed = f64::from(last.step.connections) * DESCRIPTORS_SHARE_MAX;
    let allowed = (allowed as u64).max(DESCRIPTORS_MAX);
    let touches: Vec<Touch> = match more > allowed {
        true => biases(
            &[FigureKind::UserMemory, FigureKind::KernelMemory],
            Direction::High,
            None,
        ),
        false => Vec::new(),
    };
    let check = Check::new(
        "descriptors_held",
        touches,
        format!(
            "the server has {before} open descriptors after the first round, {after} after the last"
        ),
        "a server that doesn't close what its clients have closed does this: ls -l /proc/PID/fd",
    );
    Some(check.values(more as f64, allowed as f64))
}
