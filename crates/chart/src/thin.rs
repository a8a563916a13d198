//! Fewer points without losing a peak.

/// At most `most` points (two at least): of each stretch of neighbours the least and the greatest, in
/// their order. What an eye looks for in a series stays: its peaks.
pub fn thinned(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points.to_vec();
    }
    let stretch = points.len().div_ceil((most / 2).max(1));
    let mut kept = Vec::with_capacity(most);
    for chunk in points.chunks(stretch) {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let (least, greatest) = (chunk.iter().min_by(by_value), chunk.iter().max_by(by_value));
        let mut both: Vec<(f64, f64)> = least.into_iter().chain(greatest).copied().collect();
        both.sort_by(|a, b| a.0.total_cmp(&b.0));
        both.dedup();
        kept.extend(both);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peak_and_every_hole_is_kept() {
        let mut points: Vec<(f64, f64)> = (0..12_000).map(|i| (f64::from(i), 100.0)).collect();
        points[4_321].1 = 900.0;
        points[9_876].1 = 0.0;
        let thin = thinned(&points, 160);
        assert!(thin.len() <= 160, "{}", thin.len());
        assert!(thin.contains(&(4_321.0, 900.0)) && thin.contains(&(9_876.0, 0.0)));
        assert!(thin.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(thinned(&points[..5], 160), points[..5]);
    }
}
