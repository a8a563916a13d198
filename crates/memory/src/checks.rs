//! Do the memory figures of a trial's ladder stand.

use crate::{
    held,
    ladder::{kernel_bytes, memory_line, over_all, user_bytes},
    owners::machine_of,
};
use hosts::touch::biases;
use report::{
    check::{Check, Direction, Effect, FigureKind, Touch},
    trial::{Step, Trial},
};

/// The slope of the line over the ladder should be known this well.
const ERROR_MAX: f64 = 0.02;

/// Or to so many bytes for each connection: a table of 16 bytes a connection grows by doubling, and lies
/// below any such line or above it.
pub const ERROR_BYTES: f64 = 16.0;

/// What the machine lost may differ from what is accounted for by this share.
const UNACCOUNTED_MAX: f64 = 0.10;

/// Other programs take and give some megabytes at any time, so a difference of this much says nothing;
/// and there is nothing to reconcile where hardly more was lost.
const OTHERS_BYTES: f64 = 64e6;
const RECONCILED_FROM_BYTES: f64 = 200e6;

/// A ladder shorter than this can't tell a few pages of memory from what a connection costs.
const LADDER_MIN: u32 = 1_000;

/// Through two points there is always a line.
const COUNTS_MIN: usize = 3;

const BOTH: [FigureKind; 2] = [FigureKind::UserMemory, FigureKind::KernelMemory];

/// Checks of a trial of idle load.
pub fn of_trial(trial: &Trial) -> Vec<Check> {
    let user = fit(trial, FigureKind::UserMemory, user_bytes);
    let kernel = fit(trial, FigureKind::KernelMemory, kernel_bytes);
    let mut checks = vec![ladder(trial)];
    checks.extend(user);
    checks.extend(kernel);
    checks.extend(base(trial));
    checks.extend(reconciled(trial));
    checks.extend(held::checks(trial));
    checks
}

fn ladder(trial: &Trial) -> Check {
    let steps = trial.steps.iter();
    let most = steps.map(|step| step.connections_open).max().unwrap_or(0);
    let counts = trial.steps.len();
    let touches = match most >= LADDER_MIN && counts >= COUNTS_MIN {
        true => Vec::new(),
        false => biases(&BOTH, Direction::Either, None),
    };
    let advice = match most >= LADDER_MIN {
        true => {
            "two counts don't tell whether it grows with connections: a ladder of three or more"
        }
        false => "a few pages weigh as much as these connections: --connections 1000 or more",
    };
    Check::new(
        "memory_ladder",
        touches,
        format!("memory was measured at {counts} counts, up to {most} connections"),
        advice,
    )
    .values(most.into(), LADDER_MIN.into())
}

/// `None` where there are too few steps for a line with an error.
fn fit(trial: &Trial, figure: FigureKind, bytes: fn(&Step) -> Option<f64>) -> Option<Check> {
    let line = memory_line(trial, bytes)?;
    let error = line.slope_error?;
    let allowed = (line.slope.abs() * ERROR_MAX).max(ERROR_BYTES);
    let share = error / line.slope.abs().max(1.0);
    let touches = match error <= allowed {
        true => Vec::new(),
        false => biases(&[figure], Direction::Either, Some(share)),
    };
    let (id, whose) = match figure {
        FigureKind::UserMemory => ("memory_fit", "the server's"),
        _ => ("kernel_memory_fit", "the kernel's"),
    };
    let check = Check::new(
        id,
        touches,
        format!(
            "{whose} memory is a line over connections to within {error:.0} of {:.0} bytes each",
            line.slope
        ),
        "it grows in steps: more --connections, or look at the marginal cost in the report",
    );
    Some(check.values(error, allowed))
}

/// What a server takes once, with its first connections, or had taken for them before, is no connection's:
/// (top - empty) / N is a bound then, with the slope of the ladder on its other side.
fn base(trial: &Trial) -> Option<Check> {
    let empty = trial.server_empty_bytes?;
    let figure = over_all(trial, Some(empty), user_bytes)?;
    let slope = memory_line(trial, user_bytes)?.slope;
    let (off, allowed) = (figure - slope, (slope.abs() * ERROR_MAX).max(ERROR_BYTES));
    let direction = match off > 0.0 {
        true => Direction::High,
        false => Direction::Low,
    };
    let bound = Touch {
        figure: FigureKind::UserMemory,
        effect: Effect::Bounds {
            direction,
            slack_share: Some((off / figure).abs()),
        },
    };
    let check = Check::new(
        "memory_base",
        (off.abs() > allowed).then_some(bound).into_iter().collect(),
        format!("{figure:.0} bytes each, and one connection more takes {slope:.0}"),
        "more --connections: what is taken once weighs less then; or the marginal cost in the report",
    );
    Some(check.values(off.abs(), allowed))
}

/// Whether the parts of the machine's memory make up the whole; `None` where too little was lost to
/// tell it from what other programs do.
fn reconciled(trial: &Trial) -> Option<Check> {
    let machine = machine_of(trial)?;
    if machine.lost_bytes < RECONCILED_FROM_BYTES {
        return None;
    }
    let share = machine.unaccounted_share;
    let allowed = UNACCOUNTED_MAX.max(OTHERS_BYTES / machine.lost_bytes);
    let touches = match share.abs() <= allowed {
        true => Vec::new(),
        false => biases(&BOTH, Direction::Either, Some(share.abs())),
    };
    let check = Check::new(
        "memory_reconciled",
        touches,
        format!(
            "the machine lost {:.0} MB, {:.0} MB are accounted for: {:+.1} % aren't",
            machine.lost_bytes / 1e6,
            machine.accounted_bytes / 1e6,
            share * 100.0
        ),
        "something else took or gave memory meanwhile, or a server hides some: measure again",
    );
    Some(check.values(share.abs(), allowed))
}
