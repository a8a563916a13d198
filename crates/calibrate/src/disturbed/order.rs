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
const QUIET_MIN: usize = 2;

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

/// With undisturbed trials before, between and after, at least so many.
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
        turns.push(Turn::Undisturbed);
    }
    turns
}

/// How many trials that takes.
pub fn trials(order: &[(Setting, Vec<Turn>)]) -> u64 {
    order.iter().map(|(_, turns)| turns.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disturbed(turns: &[Turn]) -> usize {
        let is = |turn: &&Turn| matches!(turn, Turn::Disturbed(..));
        turns.iter().filter(is).count()
    }

    fn all_of(extent: Extent) -> Vec<(Setting, Vec<Turn>)> {
        order(&chosen(&[]), extent, 1)
    }

    #[test]
    fn each_setting_has_undisturbed_trials_all_through() {
        for (setting, turns) in all_of(Extent::Full) {
            let undisturbed = turns.len() - disturbed(&turns);
            let least = match setting {
                Setting::PacedClosed | Setting::PacedOpen => QUIET_MIN,
                _ => UNDISTURBED_MIN,
            };
            assert!(undisturbed >= least, "{setting:?}: {turns:?}");
            assert!(matches!(turns.first(), Some(Turn::Undisturbed)));
            assert!(matches!(turns.last(), Some(Turn::Undisturbed)));
            for some in turns.windows(PER_UNDISTURBED + 1) {
                assert!(disturbed(some) <= PER_UNDISTURBED, "{setting:?}: {turns:?}");
            }
        }
    }

    #[test]
    fn the_extent_says_how_many_are_disturbed() {
        let count = |extent| -> usize {
            let order = all_of(extent);
            order.iter().map(|(_, turns)| disturbed(turns)).sum()
        };
        assert_eq!(count(Extent::Short), DISTURBANCES.len());
        assert_eq!(count(Extent::Quick), DISTURBANCES.len());
        let strengths: usize = DISTURBANCES.iter().map(|of| of.strengths.len()).sum();
        assert_eq!(count(Extent::Full), strengths);
        assert_eq!(count(Extent::Runs(60)), 60);
    }

    #[test]
    fn only_what_was_asked_for_is_made() {
        let order = order(&chosen(&["slow-down".to_owned()]), Extent::Short, 1);
        let [(Setting::PacedClosed, turns)] = &order[..] else {
            panic!("{order:?}");
        };
        assert_eq!(disturbed(turns), 1);
    }
}
