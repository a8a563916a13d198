//! What figures of undisturbed trials say about the next one.
//!
//! Source: G. J. Hahn, W. Q. Meeker, "Statistical Intervals", 1991, section 4.7 (prediction
//! interval for one future observation of a normal distribution); on logarithms, because figures
//! vary by shares of themselves.

use serde::Serialize;

/// What a verdict leaves valid without a word: the checks' own bound of 2 %. Chance comes on top.
const UNSAID: f64 = 0.02;

/// An interval wider than this tells nothing from anything.
const MOST: f64 = 0.5;

/// With fewer there is no interval worth the name.
pub(crate) const TRIALS_MIN: usize = 4;

/// The 99.5 % quantile of Student's t by degrees of freedom, from 3; beyond the table that of its
/// last, which is the greater.
const T: [f64; 17] = [
    5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169, 3.106, 3.055, 3.012, 2.977, 2.947,
    2.921, 2.898, 2.878, 2.861,
];

/// The truth, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Known {
    /// In the figure's unit.
    pub truth: f64,
    /// One more trial lies within this share of it, with 99 % certainty, when it is off by no more
    /// than verdicts leave unsaid.
    pub tolerance_share: f64,
}

/// From what undisturbed trials published.
///
/// # Errors
/// Why it isn't known.
pub(crate) fn known(undisturbed: &[f64]) -> Result<Known, String> {
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
    let t = T[(n - TRIALS_MIN).min(T.len() - 1)];
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
        let even = known(&[100.0; 4]).unwrap();
        assert!((even.truth - 100.0).abs() < 1e-9);
        assert!((even.tolerance_share - UNSAID).abs() < 1e-9, "{even:?}");
        // A standard deviation of 1.31 %: 4.604 x 1.31 % x the root of 1.2, and the unsaid 2 %.
        let uneven = known(&[98.0, 99.0, 100.0, 101.0, 101.0]).unwrap();
        assert!((uneven.tolerance_share - 0.089).abs() < 0.002, "{uneven:?}");
        assert!(known(&[100.0; 3]).is_err());
        let wild = known(&[100.0, 150.0, 80.0, 200.0, 60.0]).unwrap_err();
        assert!(wild.contains("differ so much"), "{wild}");
    }

    /// Of trials that are disturbed by nothing, one in a hundred lies outside.
    #[test]
    fn the_next_is_within_99_times_in_100() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut normal = move || (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let mut trial = move || 1_000.0 * (0.03 * normal()).exp();
        let mut outside = 0;
        for _ in 0..4_000 {
            let undisturbed: Vec<f64> = (0..6).map(|_| trial()).collect();
            let known = known(&undisturbed).unwrap();
            let off = (trial() / known.truth).ln().abs();
            outside += u32::from(off > known.tolerance_share.ln_1p() - UNSAID.ln_1p());
        }
        assert!((20..=60).contains(&outside), "{outside} of 4000");
    }
}
