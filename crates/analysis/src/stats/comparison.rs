//! What a comparison of two models says: ratio, interval, p, and a word for the difference.
//!
//! The statistics themselves are in `paired`. Which figures of a report are compared, and what
//! counts as a regression, is for [`crate::compare`].

use crate::stats::{
    line::{median, range},
    paired::{holm, sign_flip_interval, sign_flip_p},
};
use report::{
    comparison::{Comparison, Difference},
    model::Range,
};

/// The noise band of a machine on which no A/A control was made, and the least of any.
pub const NOISE_BAND_MIN: f64 = 0.01;

/// Differences that chance alone makes more often than this aren't stated.
const P_MAX: f64 = 0.05;

/// What intervals promise.
const CONFIDENCE: f64 = 0.95;

/// The same with another noise band (a share, as from [`reach`]).
#[must_use]
pub fn with_band(comparison: Comparison, band: f64) -> Comparison {
    decided(Comparison { band, ..comparison })
}

/// How far the interval reaches from 1 on its farther side, as a share, at least
/// [`NOISE_BAND_MIN`]: of an A/A control this is the noise band.
pub fn reach(comparison: &Comparison) -> f64 {
    let Range { low, high } = comparison.interval;
    let farther = low.ln().abs().max(high.ln().abs());
    farther.exp_m1().max(NOISE_BAND_MIN)
}

/// A difference is stated when chance, the interval and the noise band all allow it.
fn decided(mut comparison: Comparison) -> Comparison {
    comparison.difference = if comparison.blocks < comparison.blocks_needed {
        Difference::TooFewBlocks
    } else if comparison.p_adjusted > P_MAX {
        Difference::NotDetectable
    } else if comparison.interval.low > 1.0 && comparison.ratio > 1.0 + comparison.band {
        Difference::Higher
    } else if comparison.interval.high < 1.0 && comparison.ratio < 1.0 / (1.0 + comparison.band) {
        Difference::Lower
    } else {
        Difference::NotDetectable
    };
    comparison
}

/// Compares two models by the values of the same figure in the same blocks, in the same unit and
/// in the same order. `None` without blocks, with more on one side than on the other, or with a
/// value that isn't positive, since then there are no ratios.
///
/// `p` is that of [`sign_flip_p`] and the interval that of [`sign_flip_interval`], both on the
/// logarithms of the ratios; the seed matters for more than 16 blocks only.
pub fn compare_blocks(baseline: &[f64], candidate: &[f64], seed: u64) -> Option<Comparison> {
    if baseline.len() != candidate.len() {
        return None;
    }
    let pairs = baseline.iter().zip(candidate);
    let log_ratios: Vec<f64> = pairs.map(|(a, b)| b.ln() - a.ln()).collect();
    let p = sign_flip_p(&log_ratios)?;
    let comparison = Comparison {
        blocks: log_ratios.len() as u32,
        blocks_needed: blocks_needed(1),
        ratio: median(&log_ratios)?.exp(),
        interval: exp(interval(&log_ratios, seed)?),
        p,
        p_adjusted: p,
        band: NOISE_BAND_MIN,
        difference: Difference::NotDetectable,
    };
    Some(decided(comparison))
}

/// Adjusts the p of all pairs of models of one figure for each other, and decides anew what may
/// be said about each.
///
/// More pairs need more blocks: with six the least p is 0.031, so that of two pairs neither could
/// be told apart. [`blocks_needed`] says how many.
pub fn with_holm(comparisons: &mut [Comparison]) {
    let p: Vec<f64> = comparisons.iter().map(|comparison| comparison.p).collect();
    let blocks_needed = blocks_needed(comparisons.len());
    for (comparison, p_adjusted) in comparisons.iter_mut().zip(holm(&p)) {
        *comparison = decided(Comparison {
            p_adjusted,
            blocks_needed,
            ..*comparison
        });
    }
}

/// The least number of blocks with which a difference can be stated when so many pairs of models
/// are compared: six for one pair, seven for three, eight for six.
///
/// The least p of a sign-flip test of n blocks is 2/2^n, which Holm's method multiplies by the
/// number of pairs.
pub fn blocks_needed(pairs: usize) -> u32 {
    let blocks = 1.0 + (pairs.max(1) as f64 / P_MAX).log2().ceil();
    blocks as u32
}

/// With too few values for an interval, their range, which says less.
fn interval(log_ratios: &[f64], seed: u64) -> Option<Range> {
    sign_flip_interval(log_ratios, CONFIDENCE, seed).or_else(|| range(log_ratios))
}

fn exp(logarithms: Range) -> Range {
    Range {
        low: logarithms.low.exp(),
        high: logarithms.high.exp(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    const BASELINE: [f64; 6] = [100.0, 102.0, 98.0, 101.0, 99.0, 100.0];

    fn times(factors: [f64; 6]) -> Comparison {
        let mut index = 0;
        let candidate = BASELINE.map(|value| {
            index += 1;
            value * factors[index - 1]
        });
        compare_blocks(&BASELINE, &candidate, 1).unwrap()
    }

    #[test]
    fn a_clear_difference_has_its_word_and_its_size() {
        let up = times([1.10, 1.12, 1.08, 1.11, 1.09, 1.10]);
        assert_eq!(up.difference, Difference::Higher);
        assert_eq!((up.blocks, up.p), (6, 0.03125));
        assert!((up.ratio - 1.10).abs() < 1e-9, "{up:?}");
        assert!((up.interval.low - 1.08).abs() < 1e-9, "{up:?}");
        assert!((up.interval.high - 1.12).abs() < 1e-9, "{up:?}");
        let down = times([0.90, 0.92, 0.88, 0.91, 0.89, 0.90]);
        assert_eq!(down.difference, Difference::Lower);
    }

    #[test]
    fn what_is_the_other_way_once_or_within_the_band_is_not_stated() {
        let once = times([1.10, 1.12, 1.08, 1.11, 1.09, 0.99]);
        assert_eq!(once.difference, Difference::NotDetectable);
        // Consistent, and too small to believe on a machine like this.
        let small = times([1.004, 1.006, 1.005, 1.003, 1.007, 1.005]);
        assert!(small.p < 0.05 && small.interval.low > 1.0);
        assert_eq!(small.difference, Difference::NotDetectable);
        let in_wider = with_band(times([1.10, 1.12, 1.08, 1.11, 1.09, 1.10]), 0.12);
        assert_eq!(in_wider.difference, Difference::NotDetectable);
        assert_eq!(times([1.0; 6]).difference, Difference::NotDetectable);
    }

    #[test]
    fn five_blocks_are_too_few_for_anything() {
        let candidate = BASELINE.map(|value| value * 3.0);
        let five = compare_blocks(&BASELINE[..5], &candidate[..5], 1).unwrap();
        assert_eq!(five.difference, Difference::TooFewBlocks);
        assert_eq!(five.difference.word(), "too few blocks to tell");
        let one = compare_blocks(&[1.0], &[2.0], 1).unwrap();
        assert_eq!((one.interval.low, one.interval.high), (2.0, 2.0));
        assert_eq!((one.p, one.difference), (1.0, Difference::TooFewBlocks));
    }

    #[test]
    fn nothing_to_compare_is_no_comparison() {
        assert_eq!(compare_blocks(&[], &[], 1), None);
        assert_eq!(compare_blocks(&[1.0, 2.0], &[1.0], 1), None);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(compare_blocks(&[1.0, 2.0], &[1.0, bad], 1), None);
            assert_eq!(compare_blocks(&[1.0, bad], &[1.0, bad], 1), None);
        }
    }

    #[test]
    fn more_pairs_need_more_blocks() {
        assert_eq!(
            [0, 1, 2, 3, 6, 10, 15].map(blocks_needed),
            [6, 6, 7, 7, 8, 9, 10]
        );
        let up = times([1.10, 1.12, 1.08, 1.11, 1.09, 1.10]);
        let mut alone = [up];
        with_holm(&mut alone);
        assert_eq!(alone, [up]);
        let mut two = [up, times([1.0; 6])];
        with_holm(&mut two);
        assert_eq!(two[0].p_adjusted, 0.0625);
        // Not "no detectable difference": none could have been.
        assert_eq!(two[0].difference, Difference::TooFewBlocks);
        let eight = [1.0, 1.01, 1.02, 0.99, 1.0, 1.01, 0.98, 1.0];
        let higher = compare_blocks(&eight, &eight.map(|value| value * 1.2), 1).unwrap();
        let same = compare_blocks(&eight, &eight, 1).unwrap();
        let mut three = [higher, same, same];
        with_holm(&mut three);
        let words = three.map(|comparison| comparison.difference.word());
        assert_eq!(words[0], "higher");
        assert_eq!(words[1..], ["no detectable difference"; 2]);
    }

    #[test]
    fn a_controls_noise_band_reaches_as_far_as_its_interval() {
        assert_eq!(reach(&times([1.0; 6])), NOISE_BAND_MIN);
        let control = times([0.97, 1.02, 1.0, 0.99, 1.01, 1.0]);
        assert!(
            (reach(&control) - (1.0 / 0.97 - 1.0)).abs() < 1e-9,
            "{control:?}"
        );
    }

    #[test]
    fn in_json_the_difference_is_one_word() {
        let json = serde_json::to_value(times([1.0; 6])).unwrap();
        assert_eq!(json["difference"], "not_detectable");
        let back: Comparison = serde_json::from_value(json).unwrap();
        assert_eq!(back, times([1.0; 6]));
    }

    /// How often a difference is stated in 2,000 comparisons of six blocks whose true ratio is
    /// given. Blocks differ by 10 %, both sides of each by the noise.
    fn stated(ratio: f64, noise: f64, expected: impl Fn(Difference) -> bool) -> f64 {
        let mut rng = Rng::with_seed(1);
        let mut normal = || (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
        let mut hits = 0;
        for seed in 0..2_000 {
            let level: [f64; 6] = std::array::from_fn(|_| (0.1 * normal()).exp());
            let baseline = level.map(|level| level * (noise * normal()).exp());
            let candidate = level.map(|level| level * ratio * (noise * normal()).exp());
            let comparison = compare_blocks(&baseline, &candidate, seed).unwrap();
            hits += u32::from(expected(comparison.difference));
        }
        f64::from(hits) / 2_000.0
    }

    #[test]
    fn what_does_not_differ_is_rarely_said_to_differ() {
        let any = |difference| difference != Difference::NotDetectable;
        for noise in [0.002, 0.02, 0.2] {
            let share = stated(1.0, noise, any);
            assert!(share <= 0.05, "{noise}: {share}");
        }
    }

    #[test]
    fn ten_percent_are_found_in_two_percent_of_noise() {
        let share = stated(1.1, 0.02, |difference| difference == Difference::Higher);
        assert!(share > 0.98, "{share}");
        let share = stated(1.0 / 1.1, 0.02, |difference| {
            difference == Difference::Lower
        });
        assert!(share > 0.98, "{share}");
    }
}
