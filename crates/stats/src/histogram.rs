//! Histograms as reports hold them: reading, writing, adding, percentiles.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer as _, V2DeflateSerializer},
};
use report::model::Percentiles;
use thiserror::Error;

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
            // It grows to what the others hold: they may reach further.
            None => {
                let mut first = one;
                first.auto(true);
                sum = Some(first);
            }
            Some(sum) => sum
                .add(&one)
                .map_err(|error| HistogramError::Bounds(error.to_string()))?,
        }
    }
    Ok(sum)
}

/// The value, in nanoseconds, that a share of a histogram doesn't exceed, 0 to 1. It is read through
/// this crate because that takes adding up thousands of counts, and this crate is optimised in debug
/// builds, too.
pub fn at_quantile(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64
}

/// Percentiles in microseconds of a histogram of nanoseconds.
pub fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    let at = |quantile| at_quantile(histogram, quantile) / 1000.0;
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
        // One that is too small for the others' values grows.
        let mut small = Histogram::<u64>::new_with_bounds(1, 2_000, 3).unwrap();
        small.record(1_000).unwrap();
        let texts = [encode(&small).unwrap(), encode(&slow).unwrap()];
        let sum = add_histograms(texts.iter().map(String::as_str)).unwrap();
        assert_eq!(sum.map(|sum| sum.len()), Some(2));
        assert!(decode("no histogram").is_err());
        assert!(decode("AAAA").is_err());
    }
}
