//! Whether something happens to one more often than to the others.

/// Probability, 0 to 1, that of `own.0 + others.0` events so many or more fall on one who has `own.1`
/// of the `own.1 + others.1` occasions, when they fall on all alike. 1 when there is nothing to tell.
///
/// Source: Fisher, "Statistical Methods for Research Workers", 5th ed. 1934, §21.02: the exact test,
/// one-sided.
pub fn fisher_more(own: (u32, u32), others: (u32, u32)) -> f64 {
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
}
