//! One series of values in time order: whether its level moves.
//!
//! Values have any unit, as long as it is one; results that are counts, shares or ratios have
//! none. Series come from within a window (a rate in each second, say), where neighbours
//! resemble each other; values that come one from a trial belong to `paired`.

use crate::line::median;

/// Where the level of a series moves, if it does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangePoint {
    /// The first value after it, counted from 0.
    pub index: usize,
    /// Probability, 0 to 1, of so clear a point in a series whose level doesn't move.
    pub p: f64,
    /// Median after it over median before it; 1 when both are 0.
    pub ratio: f64,
}

/// A change point this improbable is believed.
const CHANGE_P_MAX: f64 = 0.01;

/// A level that moves by no more than this share is still the same for our purposes: in a long
/// window the test finds movements that matter to nobody.
const LEVEL_SHIFT_MAX: f64 = 0.05;

/// With fewer values than this the test finds only the grossest changes.
const STEADY_VALUES_MIN: usize = 20;

/// The most likely change point of a series: Pettitt's test, which looks at ranks alone, so
/// outliers don't deceive it. Equal values share the mean of their ranks. `None` when all values
/// are equal or there are fewer than two, because then there is no place to name.
///
/// Its p supposes that neighbours are independent: for a series in which they aren't, it is too
/// small.
///
/// Source: Pettitt, "A Non-Parametric Approach to the Change-Point Problem", Applied Statistics
/// 28 (2), 1979.
pub fn change_point(values: &[f64]) -> Option<ChangePoint> {
    let n = values.len() as f64;
    let mut sum = 0.0;
    // Pettitt's U after each value: how far the ranks so far are from what chance gives them.
    let distances = ranks(values).into_iter().enumerate().map(|(index, rank)| {
        sum += 2.0 * rank - (n + 1.0);
        (index + 1, f64::abs(sum))
    });
    let mut farthest = (0, 0.0);
    for (index, distance) in distances {
        // Of equals the first.
        if distance > farthest.1 {
            farthest = (index, distance);
        }
    }
    let (index, k) = farthest;
    if k == 0.0 {
        return None;
    }
    let (before, after) = values.split_at(index);
    let (before, after) = (median(before)?, median(after)?);
    Some(ChangePoint {
        index,
        p: (2.0 * (-6.0 * k * k / (n.powi(3) + n.powi(2))).exp()).min(1.0),
        ratio: if before == after { 1.0 } else { after / before },
    })
}

/// Rank of each value, from 1; equal values share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut ascending: Vec<usize> = (0..values.len()).collect();
    ascending.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0.0;
    for equals in ascending.chunk_by(|&a, &b| values[a] == values[b]) {
        let count = equals.len() as f64;
        for &index in equals {
            ranks[index] = before + (count + 1.0) / 2.0;
        }
        before += count;
    }
    ranks
}

/// Whether a series stays on one level: it has no change point with p < 0.01 across which the
/// median moves by more than 5 %. A series with fewer than 20 values isn't said to be steady.
pub fn is_steady(series: &[f64]) -> bool {
    let moves = |change: ChangePoint| {
        change.p < CHANGE_P_MAX && (change.ratio - 1.0).abs() > LEVEL_SHIFT_MAX
    };
    series.len() >= STEADY_VALUES_MIN && !change_point(series).is_some_and(moves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    /// Annual flow of the Nile at Aswan, 1871 to 1970, in 10^8 m3 (Cobb, "The Problem of the
    /// Nile", Biometrika 65, 1978; as in statsmodels.datasets.nile).
    const NILE: [u16; 100] = [
        1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960,
        1180, 799, 958, 1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694,
        940, 833, 701, 916, 692, 1020, 1050, 969, 831, 726, 456, 824, 702, 1120, 1100, 832, 764,
        821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759, 781, 865, 845, 944, 984, 897, 822,
        1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890, 744, 749, 838, 1050,
        918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
    ];

    #[test]
    fn the_nile_changed_after_1898() {
        // pyhomogeneity 1.1's pettitt_test: cp = 28, U = 1617; p is the formula with that U.
        let values = NILE.map(f64::from);
        let change = change_point(&values).unwrap();
        assert_eq!(1871 + change.index, 1899);
        assert!(
            (change.p / 3.591_022_177e-7 - 1.0).abs() < 1e-6,
            "{change:?}"
        );
        // By numpy 2.4.6 842.5 / 1130, the medians after and before.
        assert!((change.ratio - 0.745_575).abs() < 1e-6, "{change:?}");
        assert!(!is_steady(&values));
        assert!(is_steady(&values[28..]));
    }

    #[test]
    fn equal_values_share_their_rank() {
        // scipy.stats.rankdata([3, 1, 3, 2]).
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(change_point(&[]), None);
        assert_eq!(change_point(&[1.0]), None);
        assert_eq!(change_point(&[2.0; 50]), None);
    }

    #[test]
    fn zeros_have_a_ratio() {
        let mut values = [0.0; 30];
        values[29] = 7.0;
        assert_eq!(change_point(&values[..28]), None);
        // 0 before it and 7 after.
        assert_eq!(change_point(&values).unwrap().ratio, f64::INFINITY);
        let lone = [0.0, 0.0, 5.0, 0.0, 0.0, 0.0];
        assert_eq!(change_point(&lone).unwrap().ratio, 1.0);
    }

    #[test]
    fn steady_is_what_stays_on_one_level() {
        let mut rng = Rng::with_seed(1);
        let mut around = |level: f64| level * (0.98 + 0.04 * rng.f64());
        let level: Vec<f64> = (0..60).map(|_| around(1000.0)).collect();
        assert!(is_steady(&level));
        let drop: Vec<f64> = (0..60)
            .map(|i| around(if i < 20 { 1000.0 } else { 900.0 }))
            .collect();
        assert!(!is_steady(&drop));
        // Clear to the test, and too small to matter.
        let small: Vec<f64> = (0..60)
            .map(|i| if i < 30 { 100.0 } else { 103.0 })
            .collect();
        assert!(change_point(&small).unwrap().p < 0.01);
        assert!(is_steady(&small));
        // From nothing to something: the ratio is infinite.
        let start: Vec<f64> = (0..60).map(|i| if i < 20 { 0.0 } else { 5.0 }).collect();
        assert!(!is_steady(&start));
        assert!(is_steady(&[0.0; 20]));
        assert!(is_steady(&[7.0; 20]));
        assert!(!is_steady(&[7.0; 19]));
    }
}
