//! Which trials are made, in which order.

use super::{
    disturbance::{DISTURBANCES, Disturbance, Setting},
    tolerance::TRIALS_MIN,
};

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Each disturbance once, at one strength, and hardly an undisturbed trial: to see that it runs.
    Quick,
    /// Each disturbance once, at one strength.
    Short,
    /// Each at each of its strengths.
    Full,
    /// So many disturbed trials, over all of them again and again.
    Runs(u32),
}

/// One trial.
#[derive(Clone, Copy, Debug)]
pub enum Turn {
    /// As it should be.
    Undisturbed,
    /// In multiples of the threshold.
    Disturbed(&'static Disturbance, f64),
}

/// Undisturbed trials of a setting: one more than an interval needs, because one may be disturbed
/// by others.
const UNDISTURBED_MIN: usize = TRIALS_MIN + 1;

/// Where none is held against them they only tell whether the machine is quiet.
const QUIET_MIN: usize = 1;

/// So many disturbed trials follow an undisturbed one at most.
const PER_UNDISTURBED: usize = 2;

/// The disturbances of these names, or all when none is given.
pub fn chosen(names: &[String]) -> Vec<&'static Disturbance> {
    let is_wanted =
        |of: &&Disturbance| names.is_empty() || names.iter().any(|name| name == of.name);
    DISTURBANCES.iter().filter(is_wanted).collect()
}

/// The trials of each setting. Disturbed ones are shuffled: what drifts, drifts for all strengths.
pub fn order(
    chosen: &[&'static Disturbance],
    extent: Extent,
    seed: u64,
) -> Vec<(Setting, Vec<Turn>)> {
    let all = || {
        let each = |of: &&'static Disturbance| {
            let of = *of;
            of.strengths.iter().map(move |&times| (of, times))
        };
        chosen.iter().flat_map(each)
    };
    let disturbed: Vec<(&'static Disturbance, f64)> = match extent {
        Extent::Quick | Extent::Short => chosen.iter().map(|of| (*of, of.short)).collect(),
        Extent::Full => all().collect(),
        Extent::Runs(count) => {
            let mut all: Vec<_> = all().collect();
            fastrand::Rng::with_seed(seed).shuffle(&mut all);
            all.into_iter().cycle().take(count as usize).collect()
        }
    };
    let undisturbed_least = |turns: &[Turn]| {
        let needs = |turn: &Turn| matches!(turn, Turn::Disturbed(of, _) if of.needs_undisturbed());
        match extent != Extent::Quick && turns.iter().any(needs) {
            true => UNDISTURBED_MIN,
            false => QUIET_MIN,
        }
    };
    let of_setting = |setting: Setting| {
        let mut turns: Vec<Turn> = disturbed
            .iter()
            .filter(|(of, _)| of.setting == setting)
            .map(|&(of, times)| Turn::Disturbed(of, times))
            .collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut turns);
        let least = undisturbed_least(&turns);
        (setting, interleave(turns, least))
    };
    Setting::ALL
        .into_iter()
        .map(of_setting)
        .filter(|(_, turns)| !turns.is_empty())
        .collect()
}

/// With undisturbed trials before and between, at least so many; where others are held against them, after, too.
fn interleave(disturbed: Vec<Turn>, least: usize) -> Vec<Turn> {
    if disturbed.is_empty() {
        return disturbed;
    }
    let gaps = (least - 1).max(disturbed.len().div_ceil(PER_UNDISTURBED));
    let count = disturbed.len();
    let mut turns = vec![Turn::Undisturbed];
    let mut disturbed = disturbed.into_iter();
    for gap in 1..=gaps {
        let until = count * gap / gaps;
        let before = count * (gap - 1) / gaps;
        turns.extend(disturbed.by_ref().take(until - before));
        if gap < gaps || least > QUIET_MIN {
            turns.push(Turn::Undisturbed);
        }
    }
    turns
}

/// How many trials that takes.
pub fn trials(order: &[(Setting, Vec<Turn>)]) -> u64 {
    order.iter().map(|(_, turns)| turns.len() as u64).sum()
}

/// How many figures of disturbed trials are held against undisturbed ones.
pub fn judged(order: &[(Setting, Vec<Turn>)]) -> usize {
    let of_turn = |turn: &Turn| match turn {
        Turn::Disturbed(of, _) if of.needs_undisturbed() => of.moves.len(),
        _ => 0,
    };
    order.iter().flat_map(|(_, turns)| turns).map(of_turn).sum()
}
