//! A straight line through points; the middle and the ends of a few values.

use report::model::{Range, Spread};

/// A straight line through points, and how well it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Rise per unit of x.
    pub slope: f64,
    /// At x = 0.
    pub start: f64,
    /// Standard error of the slope, in its unit; null with two points, which fit any line.
    pub slope_error: Option<f64>,
}

/// The least-squares line through `(x, y)` points; `None` with fewer than two different x.
///
/// Source: Le Boudec, "Performance Evaluation of Computer and Communication Systems", ch. 3.
pub fn line(points: &[(f64, f64)]) -> Option<Line> {
    let n = points.len() as f64;
    let (mean_x, mean_y) = points
        .iter()
        .fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x / n, sy + y / n));
    let (mut sxx, mut sxy, mut syy) = (0.0, 0.0, 0.0);
    for (x, y) in points {
        let (dx, dy) = (x - mean_x, y - mean_y);
        sxx += dx * dx;
        sxy += dx * dy;
        syy += dy * dy;
    }
    if points.len() < 2 || sxx == 0.0 {
        return None;
    }
    let slope = sxy / sxx;
    Some(Line {
        slope,
        start: mean_y - slope * mean_x,
        // What the line leaves of the variance, by rounding now and then less than nothing.
        slope_error: (n > 2.0).then(|| ((syy - slope * sxy).max(0.0) / (n - 2.0) / sxx).sqrt()),
    })
}

/// The middle value (the mean of the two in the middle); `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut ascending = values.to_vec();
    ascending.sort_unstable_by(f64::total_cmp);
    let upper = *ascending.get(values.len() / 2)?;
    let lower = ascending[(values.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

/// Least and greatest; `None` without values.
pub fn range(values: &[f64]) -> Option<Range> {
    Some(Range {
        low: values.iter().copied().min_by(f64::total_cmp)?,
        high: values.iter().copied().max_by(f64::total_cmp)?,
    })
}

/// Median, least and greatest; `None` without values.
pub fn spread(values: &[f64]) -> Option<Spread> {
    let Range { low, high } = range(values)?;
    Some(Spread {
        median: median(values)?,
        low,
        high,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_textbook_example() {
        // Anscombe's first set: slope 0.500 with a standard error of 0.118, start 3.00 (The American
        // Statistician 27, 1973).
        let xs = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let ys = [
            8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68,
        ];
        let points: Vec<_> = xs.into_iter().zip(ys).collect();
        let line = line(&points).unwrap();
        assert!((line.slope - 0.500).abs() < 0.001, "{line:?}");
        assert!((line.start - 3.00).abs() < 0.005, "{line:?}");
        assert!(
            (line.slope_error.unwrap() - 0.118).abs() < 0.001,
            "{line:?}"
        );
    }

    #[test]
    fn no_line_without_two_places() {
        assert_eq!(line(&[]), None);
        assert_eq!(line(&[(1.0, 2.0), (1.0, 3.0)]), None);
        let flat = line(&[(1.0, 2.0), (2.0, 2.0)]).unwrap();
        assert_eq!((flat.slope, flat.slope_error), (0.0, None));
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
