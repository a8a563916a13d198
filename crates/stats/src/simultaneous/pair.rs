//! A pair of contestants: its difference, and how improbable that is.

/// Differences are known no better than this, whatever their blocks say: of logarithms, a billionth.
const RESOLUTION: f64 = 1e-9;

/// Which pairs are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Each contestant with each other.
    AllPairs,
    /// Each contestant with this one, counted from 0.
    Against(usize),
}

/// A pair: the second less the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Counted from 0, as the contestants are given.
    pub first: usize,
    /// Likewise.
    pub second: usize,
    /// Mean difference over the blocks that both have.
    pub difference: f64,
    /// Its standard error, and the degrees of freedom that this is known with.
    pub(super) error: f64,
    pub(super) freedom: f64,
}

impl Pair {
    /// Of a standard error with its degrees of freedom.
    pub(super) fn new(
        (first, second): (usize, usize),
        difference: f64,
        error: f64,
        freedom: f64,
    ) -> Self {
        Self {
            first,
            second,
            difference,
            error: error.max(RESOLUTION),
            freedom,
        }
    }

    /// The normal deviate that is as improbable as this difference.
    pub(super) fn deviate(&self) -> f64 {
        normal_of(self.difference.abs() / self.error, self.freedom)
    }
}

/// The normal deviate that is as improbable as Student's t of so many degrees of freedom, within
/// 1 %.
///
/// Source: Wallace, "Bounds on Normal Approximations to Student's and the Chi-square
/// Distributions", Annals of Mathematical Statistics 30, 1959.
fn normal_of(t: f64, freedom: f64) -> f64 {
    wallace(freedom) * (freedom * (t * t / freedom).ln_1p()).sqrt()
}

/// The inverse of [`normal_of`].
pub(super) fn of_freedom(normal: f64, freedom: f64) -> f64 {
    let squared = (normal / wallace(freedom)).powi(2);
    (freedom * (squared / freedom).exp_m1()).sqrt()
}

fn wallace(freedom: f64) -> f64 {
    (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0)
}
