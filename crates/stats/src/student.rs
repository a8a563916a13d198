//! Student's t, for intervals of which few are allowed to miss.

use std::f64::consts::FRAC_2_PI;

/// Beyond this no interval is of use to anybody.
const MOST: f64 = 1e6;

/// The value that |t| exceeds with this probability, 0 < `outside` < 1, at so many degrees of
/// freedom; 0 of them count as 1.
pub fn t_two_sided(freedom: u32, outside: f64) -> f64 {
    let (mut low, mut high) = (0.0, MOST);
    // Each step halves what is left, down to what a double can tell.
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        match 1.0 - within(middle, freedom.max(1)) > outside {
            true => low = middle,
            false => high = middle,
        }
    }
    high
}

/// The probability that |t| stays below a value.
///
/// Source: M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions", 1964, 26.7.3 and
/// 26.7.4.
fn within(t: f64, freedom: u32) -> f64 {
    let angle = (t / f64::from(freedom).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let is_odd = freedom % 2 == 1;
    // The first factor's degrees of freedom, the first term, and what each next one is of the last.
    let (first, mut term) = if is_odd { (3, cosine) } else { (2, 1.0) };
    let mut sum = 0.0;
    for n in (first..=freedom).step_by(2) {
        sum += term;
        term *= cosine * cosine * f64::from(n - 1) / f64::from(n);
    }
    match is_odd {
        true => FRAC_2_PI * (angle + sine * sum),
        false => sine * sum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the table of any textbook.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom, outside, t) in [
            (1, 0.05, 12.706),
            (2, 0.05, 4.303),
            (3, 0.01, 5.841),
            (4, 0.01, 4.604),
            (5, 0.001, 6.869),
            (10, 0.01, 3.169),
            (20, 0.0001, 4.837),
            (30, 0.05, 2.042),
        ] {
            let found = t_two_sided(freedom, outside);
            assert!(
                (found - t).abs() < 0.001 * t,
                "{freedom}, {outside}: {found}"
            );
        }
    }
}
