//! Which trials are made, in which order: undisturbed ones all through.

use calibrate::disturbed::{
    disturbance::{DISTURBANCES, Setting},
    order::{Extent, Turn, chosen, order},
};

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
        // Those of known capacity are held against what is known.
        let is_known = matches!(setting, Setting::PacedClosed | Setting::PacedOpen);
        let least = if is_known { 2 } else { 5 };
        assert!(undisturbed >= least, "{setting:?}: {turns:?}");
        assert!(matches!(turns.first(), Some(Turn::Undisturbed)));
        assert!(is_known || matches!(turns.last(), Some(Turn::Undisturbed)));
        for some in turns.windows(3) {
            assert!(disturbed(some) <= 2, "{setting:?}: {turns:?}");
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
