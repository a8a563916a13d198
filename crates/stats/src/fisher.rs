//! Whether something happens to one more often than to the others.

/// Whether something happens to any of several more often than to the others together, by so little chance
/// `p` over all of them: each is asked, so each has its part of it (Bonferroni). `counts` are how often of how
/// many times, for each.
pub fn happens_to_one(counts: &[(u32, u32)], p: f64) -> bool {
    let all = counts
        .iter()
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    counts.iter().any(|&own| {
        let others = (all.0 - own.0, all.1 - own.1);
        others.1 > 0 && fisher_more(own, others) < p / counts.len() as f64
    })
}

/// Probability, 0 to 1, that of `own.0 + others.0` events so many or more fall on one who has `own.1`
/// of the `own.1 + others.1` occasions, when they fall on all alike. 1 when there is nothing to tell.
///
/// Source: Fisher, "Statistical Methods for Research Workers", 5th ed. 1934, §21.02: the exact test,
/// one-sided.
fn fisher_more(own: (u32, u32), others: (u32, u32)) -> f64 {
    let (events, occasions) = (own.0 + others.0, own.1 + others.1);
    let ways = ln_choose(occasions, events);
    let at = |k: u32| {
        let left = events.checked_sub(k).filter(|left| *left <= others.1);
        left.map_or(0.0, |left| {
            (ln_choose(own.1, k) + ln_choose(others.1, left) - ways).exp()
        })
    };
    (own.0..=own.1.min(events)).map(at).sum::<f64>().min(1.0)
}

/// The logarithm of the number of ways to choose `k` of `n`.
fn ln_choose(n: u32, k: u32) -> f64 {
    (0..k.min(n))
        .map(|i| f64::from(n - i).ln() - f64::from(i + 1).ln())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_textbook_has_it() {
        // Fisher's convicts, §21.02: of 13 monozygotic twins 10 were convicted, of 17 dizygotic 2.
        // scipy 1.17.1's fisher_exact (alternative='greater'): 0.000465.
        let p = fisher_more((10, 13), (2, 17));
        assert!((p - 0.000465).abs() < 1e-6, "{p}");
        assert_eq!(fisher_more((0, 6), (0, 60)), 1.0);
        assert!((fisher_more((0, 6), (5, 60)) - 1.0).abs() < 1e-9);
        // One model's blocks, each time.
        assert!(fisher_more((6, 6), (3, 84)) < 1e-6);
    }

    #[test]
    fn one_of_many_is_found_by_chance_and_does_not_count() {
        let found = |one: (u32, u32), others: &[(u32, u32)]| {
            let counts = [&[one], others].concat();
            happens_to_one(&counts, 0.01)
        };
        let others = [[(1, 6); 10].as_slice(), &[(0, 6); 3]].concat();
        assert!(fisher_more((4, 6), (10, 78)) < 0.01);
        assert!(!found((4, 6), &others));
        assert!(found((6, 6), &others));
        assert!(found((6, 6), &[(0, 6)]));
        // Nobody to hold it against.
        assert!(!found((6, 6), &[]));
    }
}
