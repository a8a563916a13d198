//! What figures of undisturbed trials say about the next one.
//!
//! Source: G. J. Hahn, W. Q. Meeker, "Statistical Intervals", 1991, section 4.7 (prediction
//! interval for one future observation of a normal distribution); on logarithms, because figures
//! vary by shares of themselves.

use serde::Serialize;
use stats::t_two_sided;

/// What a verdict leaves valid without a word: the checks' own bound of 2 %. Chance comes on top.
const UNSAID: f64 = 0.02;

/// An interval wider than this tells nothing from anything.
const MOST: f64 = 0.5;

/// With fewer there is no interval worth the name.
pub(crate) const TRIALS_MIN: usize = 4;

/// Of all figures that a calibration judges, not one that isn't off lies outside of its interval, but
/// for this probability. With 99 % for each by itself two or three of 250 would.
const ANY_OUTSIDE: f64 = 0.05;

/// The truth, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Known {
    /// In the figure's unit.
    pub truth: f64,
    /// One more trial lies within this share of it when it is off by no more than verdicts leave
    /// unsaid; for all figures that are judged together that holds with 95 % certainty.
    pub tolerance_share: f64,
}

/// From what undisturbed trials published, for one of so many figures that are judged.
///
/// # Errors
/// Why it isn't known.
pub(crate) fn known(undisturbed: &[f64], judged: usize) -> Result<Known, String> {
    let n = undisturbed.len();
    if n < TRIALS_MIN {
        return Err(format!("{n} undisturbed trials are too few"));
    }
    let logs: Vec<f64> = undisturbed
        .iter()
        .map(|value| value.max(1e-9).ln())
        .collect();
    let mean = logs.iter().sum::<f64>() / n as f64;
    let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
    let deviation = (squares / (n - 1) as f64).sqrt();
    // Bonferroni's share: it holds however the figures of a trial hang together.
    let outside = ANY_OUTSIDE / judged.max(1) as f64;
    let t = t_two_sided(n as u32 - 1, outside);
    let half_width = t * deviation * (1.0 + 1.0 / n as f64).sqrt();
    let by_chance = half_width.exp_m1();
    if by_chance > MOST {
        return Err(format!(
            "undisturbed trials differ so much that one more may be {:.0} % off",
            by_chance * 100.0
        ));
    }
    Ok(Known {
        truth: mean.exp(),
        tolerance_share: (1.0 + by_chance) * (1.0 + UNSAID) - 1.0,
    })
}

/// What arithmetic says: there is no chance in it.
pub(crate) fn exact(truth: f64) -> Known {
    Known {
        truth,
        tolerance_share: UNSAID,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undisturbed_trials_foretell_the_next() {
        let even = known(&[100.0; 4], 1).unwrap();
        assert!((even.truth - 100.0).abs() < 1e-9);
        assert!((even.tolerance_share - UNSAID).abs() < 1e-9, "{even:?}");
        // A standard deviation of 1.31 %: 4.604 x 1.31 % x the root of 1.2, and the unsaid 2 %.
        let uneven = known(&[98.0, 99.0, 100.0, 101.0, 101.0], 5).unwrap();
        assert!((uneven.tolerance_share - 0.089).abs() < 0.002, "{uneven:?}");
        assert!(known(&[100.0; 3], 1).is_err());
        let wild = known(&[100.0, 150.0, 80.0, 200.0, 60.0], 1).unwrap_err();
        assert!(wild.contains("differ so much"), "{wild}");
    }

    /// Where nothing disturbs, one calibration in twenty finds a figure outside, however many it
    /// judges.
    #[test]
    fn none_of_all_is_outside_in_19_of_20() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut normal = move || (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let mut trial = move || 1_000.0 * (0.03 * normal()).exp();
        let (calibrations, figures) = (400, 25);
        let mut with_one_outside = 0;
        for _ in 0..calibrations {
            let mut is_outside = || {
                let undisturbed: Vec<f64> = (0..10).map(|_| trial()).collect();
                let known = known(&undisturbed, figures).unwrap();
                let off = (trial() / known.truth).ln().abs();
                off > known.tolerance_share.ln_1p() - UNSAID.ln_1p()
            };
            with_one_outside += u32::from((0..figures).any(|_| is_outside()));
        }
        assert!(
            (8..=32).contains(&with_one_outside),
            "{with_one_outside} of {calibrations}"
        );
    }
}
