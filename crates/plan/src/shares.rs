//! Whole things in even parts.

/// `total` in `parts` parts that differ by one at most.
pub fn shares(total: u32, parts: usize) -> impl Iterator<Item = u32> {
    let parts = parts.max(1) as u32;
    (0..parts).map(move |part| total / parts + u32::from(part < total % parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_differ_by_one_at_most() {
        assert_eq!(shares(10, 3).collect::<Vec<_>>(), [4, 3, 3]);
        assert_eq!(shares(2, 3).collect::<Vec<_>>(), [1, 1, 0]);
        assert_eq!(shares(7, 0).sum::<u32>(), 7);
    }
}
