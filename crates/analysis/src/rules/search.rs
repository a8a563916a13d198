//! Did a search for the capacity find what it says: which of its windows decided it, and what disturbed
//! those.

use super::{
    lag,
    load::{is_generator_bound, is_held, meets},
};
use crate::{
    prompt,
    times::{PERCENTILES, named},
};
use hosts::{machine, touch::biases};
use report::{
    check::{Check, Direction, Effect, FigureKind, Touch},
    slo::{Percentile, Slo, VOTES},
    trial::{Step, Trial},
};
use stats::{at_quantile, decode};

/// The highest rate of a search that met its target, and the lowest above it that didn't. A rate's
/// windows decide by their majority; where reports of before that have one of each, it met.
pub fn bounds(trial: &Trial, slo: &Slo) -> (Option<f64>, Option<f64>) {
    let mut votes: Vec<(f64, i32)> = Vec::new();
    for step in &trial.steps {
        let Some(rate) = step.rate_per_s else {
            continue;
        };
        let vote = if meets(step, slo) { 1 } else { -1 };
        match votes.iter_mut().find(|(known, _)| *known == rate) {
            Some((_, sum)) => *sum += vote,
            None => votes.push((rate, vote)),
        }
    }
    let of = |is_met: bool| {
        let rates = votes.iter().filter(move |(_, sum)| (*sum >= 0) == is_met);
        rates.map(|(rate, _)| *rate)
    };
    let met = of(true).max_by(f64::total_cmp);
    let failed = of(false).filter(|failed| met.is_none_or(|met| *failed > met));
    (met, failed.min_by(f64::total_cmp))
}

/// Whether the capacity would be another one without this window: it is of the highest rate that met the
/// target, or of the next, which missed it.
pub(crate) fn is_decisive(trial: &Trial, slo: &Slo, step: &Step) -> bool {
    let (met, failed) = bounds(trial, slo);
    let rate = step.rate_per_s;
    rate.is_some() && (rate == met || rate == failed)
}

/// What disturbed a window that missed its target, where that decided the search: without it the rate
/// may have been met. Where enough others missed it undisturbed, it changed nothing.
pub(super) fn disturbances(trial: &Trial, slo: &Slo, step: &Step) -> Vec<Check> {
    let (_, failed) = bounds(trial, slo);
    if failed.is_none() || step.rate_per_s != failed {
        return Vec::new();
    }
    let same = trial
        .steps
        .iter()
        .filter(|other| other.rate_per_s == failed);
    let missed = same.filter(|other| !meets(other, slo));
    let is_sound = |other: &&Step| {
        of_window(trial, slo, other)
            .iter()
            .all(|check| check.touches.is_empty())
    };
    if missed.filter(is_sound).count() >= VOTES {
        return Vec::new();
    }
    of_window(trial, slo, step)
}

/// A generator that had nothing to spare at a rate that was missed: the server may do more. `None` where it
/// had.
pub(super) fn generator_at_limit(step: &Step) -> Option<Check> {
    is_generator_bound(step).then(|| floor("beyond it the generator was at its limit".to_owned()))
}

/// The capacity may be higher.
fn floor(detail: String) -> Check {
    let bound = Touch {
        figure: FigureKind::Rate,
        effect: Effect::Bounds {
            direction: Direction::Low,
            slack_share: None,
        },
    };
    let advice =
        "the rate is a floor: give the generator more CPUs (--client-cpus, --client-threads)";
    Check::new("generator_bound", vec![bound], detail, advice)
}

/// Whether a rate that was held missed the target by the generator's own lag, which isn't the server's. `None`
/// where what is left without it isn't known, or is too long as well.
fn missed_by_lag(slo: &Slo, step: &Step) -> Option<Check> {
    let scheduled = step.window.scheduled.as_ref()?;
    // Nothing is known of the greatest without lag.
    let is_target = |of| of == kind(slo.percentile) && slo.percentile != Percentile::Max;
    let (name, of) = PERCENTILES.iter().find(|(_, of)| is_target(*of))?;
    let us = match prompt::of_window(step).ok()? {
        Some(times) => named(&times, name)?,
        // A search has no sample of how late replies were read.
        None => {
            let sent_on_time = scheduled.prompt_response_time_histogram.as_ref()?;
            at_quantile(&decode(sent_on_time).ok()?, of.quantile()?) / 1e3
        }
    };
    let is_missed = !slo.is_met(&scheduled.response_time_us);
    let is_by_lag = is_held(step, slo) && is_missed && us <= slo.limit_us;
    is_by_lag.then(|| {
        let detail =
            format!("the target was missed by the generator's own lag: {us:.0} us without it");
        floor(detail)
    })
}

/// What disturbed a window, as far as it reaches the percentile of the target: the capacity is too low then.
fn of_window(trial: &Trial, slo: &Slo, step: &Step) -> Vec<Check> {
    let percentile = kind(slo.percentile);
    let stall = step.window.scheduled.as_ref();
    let stall = stall.and_then(|scheduled| lag::stall(step, scheduled));
    let all = machine::of_step(step, trial.load).into_iter().chain(stall);
    all.map(|check| {
        let reaches = check.touches.iter().any(|touch| touch.figure == percentile);
        let touches = match reaches {
            true => biases(&[FigureKind::Rate], Direction::Low, None),
            false => Vec::new(),
        };
        check.touching(touches)
    })
    .chain(missed_by_lag(slo, step))
    .collect()
}

/// What is said of the greatest is said of the tail.
fn kind(of: Percentile) -> FigureKind {
    match of {
        Percentile::P50 => FigureKind::P50,
        Percentile::P90 => FigureKind::P90,
        Percentile::P99 => FigureKind::P99,
        Percentile::P99_9 | Percentile::Max => FigureKind::P99_9,
    }
}
