//! What chance alone does to the greatest deviate of a family, drawn by lot.

use super::{
    pair::{Family, Pair},
    variance::{Table, unpaired},
};
use fastrand::Rng;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Draws. The limit of 95 % then moves by 1 % from seed to seed, that of 99.6 % by 2 %.
const DRAWS: usize = 10_000;

/// Of the draws: the same reports give the same comparison.
const SEED: u64 = 0;

/// With more blocks the limit is that of so many.
const BLOCKS_MAX: usize = 30;

/// How many contestants or blocks there are, and whether all pairs count, one against the others, or
/// two that aren't paired.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    AllPairs(usize, usize),
    Against(usize, usize),
    Unpaired(usize, usize),
}

/// They depend on nothing but these counts, so each is drawn once in a process.
static DRAWN: Mutex<BTreeMap<Of, Arc<[f64]>>> = Mutex::new(BTreeMap::new());

/// Of so many contestants over so many blocks, ascending.
pub(super) fn greatest_of_family(contestants: usize, blocks: usize, family: Family) -> Arc<[f64]> {
    let blocks = blocks.min(BLOCKS_MAX);
    let (of, family) = match family {
        Family::AllPairs => (Of::AllPairs(contestants, blocks), family),
        // Whichever it is.
        Family::Against(_) => (Of::Against(contestants, blocks), Family::Against(0)),
    };
    let names: Vec<usize> = (0..contestants).collect();
    // With two there is one pair, which is Student's.
    let noise = if contestants > 2 { uniform } else { normal };
    drawn(of, contestants * blocks, noise, |values| {
        let (pairs, _) = Table { values, blocks }.pairs(&names, family);
        let deviates = pairs.iter().map(Pair::deviate);
        deviates.fold(0.0, f64::max)
    })
}

/// Of two contestants with so many blocks each, none in common; ascending.
pub(super) fn greatest_of_two(first: usize, second: usize) -> Arc<[f64]> {
    let (first, second) = (first.min(BLOCKS_MAX), second.min(BLOCKS_MAX));
    let of = Of::Unpaired(first, second);
    drawn(of, first + second, normal, |values| {
        unpaired(&values[..first], &values[first..]).deviate()
    })
}

fn drawn(
    of: Of,
    values: usize,
    noise: fn(&mut Rng) -> f64,
    greatest: impl Fn(&[f64]) -> f64,
) -> Arc<[f64]> {
    // It holds nothing half done.
    let mut known = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
    let draw = || {
        let mut rng = Rng::with_seed(SEED);
        let mut values = vec![0.0; values];
        let draws = (0..DRAWS).map(|_| {
            values.fill_with(|| noise(&mut rng));
            greatest(&values)
        });
        let mut draws: Vec<f64> = draws.collect();
        draws.sort_unstable_by(f64::total_cmp);
        draws.into()
    };
    Arc::clone(known.entry(of).or_insert_with(draw))
}

/// Of mean 1/2: it is the same for all, as what a block does is.
pub(super) fn uniform(rng: &mut Rng) -> f64 {
    rng.f64()
}

/// Source: Box and Muller, Annals of Mathematical Statistics 29, 1958.
pub(super) fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).sin()
}
