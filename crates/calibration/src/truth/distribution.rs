//! Times, as percentiles are taken of them.

/// Times in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution(pub(super) Vec<u64>);

impl Distribution {
    /// Of any times in any order; `None` when there are none.
    pub fn new(mut times_ns: Vec<u64>) -> Option<Self> {
        times_ns.sort_unstable();
        (!times_ns.is_empty()).then_some(Self(times_ns))
    }

    /// All of them, ascending.
    pub fn times_ns(&self) -> &[u64] {
        &self.0
    }

    /// Their mean.
    pub fn mean_ns(&self) -> f64 {
        self.0.iter().map(|&ns| ns as f64).sum::<f64>() / self.0.len() as f64
    }

    /// The least time that a share `q` (0 to 1) of all doesn't exceed.
    pub fn quantile_ns(&self, q: f64) -> u64 {
        self.0[rank(q, self.0.len() as u64) as usize - 1]
    }

    /// How many don't exceed `ns`.
    pub(super) fn count_up_to(&self, ns: u64) -> u64 {
        self.0.partition_point(|&time_ns| time_ns <= ns) as u64
    }
}

/// The place of the quantile `q` among `n` (at least 1) in ascending order, from 1.
pub(super) fn rank(q: f64, n: u64) -> u64 {
    // 0.9 is a little more than nine tenths in binary, and 0.9 * 10 must not become rank 10.
    let exact = q * n as f64;
    ((exact - exact * 4.0 * f64::EPSILON).ceil() as u64).clamp(1, n)
}
