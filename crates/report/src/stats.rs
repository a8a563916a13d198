//! The arithmetic: pure functions on plain data.

use crate::model::{Percentiles, Range, Spread};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer as _, V2DeflateSerializer},
};
use thiserror::Error;

/// A straight line through points, and how well it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Rise per unit of x.
    pub slope: f64,
    /// At x = 0.
    pub start: f64,
    /// Coefficient of determination, 0 to 1: the share of the variance of y that the line
    /// explains. 1 when y does not vary at all.
    pub r2: f64,
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
        r2: if syy == 0.0 {
            1.0
        } else {
            sxy * sxy / (sxx * syy)
        },
    })
}

/// The middle value (the mean of the two in the middle); `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
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

/// A histogram that can't be read.
#[derive(Debug, Error)]
pub enum HistogramError {
    /// The text is no base64.
    #[error("a histogram is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// The bytes are no histogram.
    #[error("a histogram can't be decoded: {0}")]
    Bytes(String),
    /// Histograms whose bounds don't fit each other.
    #[error("histograms can't be added: {0}")]
    Bounds(String),
}

/// The histogram in a report: nanoseconds.
///
/// # Errors
/// The text isn't one.
pub fn decode(text: &str) -> Result<Histogram<u64>, HistogramError> {
    let bytes = STANDARD.decode(text)?;
    Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|error| HistogramError::Bytes(error.to_string()))
}

/// A histogram as reports hold it.
///
/// # Errors
/// It can't be encoded.
pub fn encode(histogram: &Histogram<u64>) -> Result<String, HistogramError> {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .map_err(|error| HistogramError::Bytes(error.to_string()))?;
    Ok(STANDARD.encode(bytes))
}

/// The sum of histograms: percentiles come from sums, they are never averaged.
///
/// # Errors
/// One of the texts isn't a histogram, or they don't fit each other.
pub fn add_histograms<'a>(
    texts: impl IntoIterator<Item = &'a str>,
) -> Result<Option<Histogram<u64>>, HistogramError> {
    let mut sum: Option<Histogram<u64>> = None;
    for text in texts {
        let one = decode(text)?;
        match &mut sum {
            None => sum = Some(one),
            Some(sum) => sum
                .add(&one)
                .map_err(|error| HistogramError::Bounds(error.to_string()))?,
        }
    }
    Ok(sum)
}

/// Percentiles in microseconds of a histogram of nanoseconds.
pub fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
    Percentiles {
        mean: histogram.mean() / 1000.0,
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p99_9: at(0.999),
        max: histogram.max() as f64 / 1000.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_textbook_example() {
        // Anscombe's first set: slope 0.500, start 3.00, r2 0.67 (The American Statistician
        // 27, 1973).
        let xs = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let ys = [
            8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68,
        ];
        let points: Vec<_> = xs.into_iter().zip(ys).collect();
        let line = line(&points).unwrap();
        assert!((line.slope - 0.500).abs() < 0.001, "{line:?}");
        assert!((line.start - 3.00).abs() < 0.005, "{line:?}");
        assert!((line.r2 - 0.667).abs() < 0.001, "{line:?}");
    }

    #[test]
    fn no_line_without_two_places() {
        assert_eq!(line(&[]), None);
        assert_eq!(line(&[(1.0, 2.0), (1.0, 3.0)]), None);
        let flat = line(&[(1.0, 2.0), (2.0, 2.0)]).unwrap();
        assert_eq!((flat.slope, flat.r2), (0.0, 1.0));
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn histograms_are_added_not_averaged() {
        let mut fast = Histogram::<u64>::new_with_bounds(1, 1_000_000_000, 3).unwrap();
        let mut slow = fast.clone();
        fast.record_n(1_000, 99).unwrap();
        slow.record_n(1_000_000, 1).unwrap();
        let texts = [encode(&fast).unwrap(), encode(&slow).unwrap()];
        let sum = add_histograms(texts.iter().map(String::as_str))
            .unwrap()
            .unwrap();
        let percentiles = percentiles(&sum);
        assert!((percentiles.p99 - 1.0).abs() < 0.01);
        assert!((percentiles.max - 1000.0).abs() < 1.0);
        assert!(decode("no histogram").is_err());
        assert!(decode("AAAA").is_err());
    }
}
