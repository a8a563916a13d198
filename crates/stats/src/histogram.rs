//! Histograms as reports hold them: reading, writing, adding, percentiles.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::ZlibDecoder;
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer as _, V2DeflateSerializer},
};
use report::model::Percentiles;
use std::io::Read as _;
use thiserror::Error;

/// The first four bytes of HdrHistogram's format V2, deflated.
const DEFLATED: [u8; 4] = [0x1c, 0x84, 0x93, 0x14];

/// Its header inflated: cookie, length of the payload, offset, digits, lowest and highest value, ratio;
/// all of them big-endian.
const HEADER_BYTES: usize = 40;

/// Significant digits, at most: the generator records three, and each more has ten times the counts.
const DIGITS_MAX: u32 = 3;

/// Bytes of counts, at most: with three digits a histogram of all 64 bits has 55,296, of nine bytes.
const COUNTS_BYTES_MAX: u32 = 512 << 10;

/// Values, at most: a million a second for three hundred years. Whoever adds counts up has room then.
const VALUES_MAX: u64 = 1 << 53;

/// A count of 2^63 zeros, as it is written.
const MOST_ZEROS: [u8; 9] = [0xff; 9];

/// A histogram that can't be read.
#[derive(Debug, Error)]
pub enum HistogramError {
    /// The text is no base64.
    #[error("a histogram is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// The bytes are no histogram.
    #[error("a histogram can't be decoded: {0}")]
    Bytes(String),
    /// It claims to be larger than any of ours: its room would be taken before the first count is read.
    #[error(
        "a histogram has {digits} significant digits in {counts_bytes} bytes, and may have \
         {DIGITS_MAX} in {COUNTS_BYTES_MAX}"
    )]
    TooLarge {
        /// Significant digits.
        digits: u32,
        /// Length of its counts.
        counts_bytes: u32,
    },
    /// Histograms whose bounds don't fit each other.
    #[error("histograms can't be added: {0}")]
    Bounds(String),
}

/// The histogram in a report: nanoseconds.
///
/// # Errors
/// The text isn't one, or one that is larger than any of ours.
pub fn decode(text: &str) -> Result<Histogram<u64>, HistogramError> {
    let bytes = STANDARD.decode(text)?;
    check(&bytes)?;
    let read: Histogram<u64> = Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|error| HistogramError::Bytes(error.to_string()))?;
    // Their sum stays at the largest number when it doesn't fit.
    if read.len() > VALUES_MAX {
        return Err(HistogramError::Bytes(format!(
            "it has more than {VALUES_MAX} values"
        )));
    }
    Ok(read)
}

/// The library falls over the one count of zeros that has no opposite, and takes as much room as a
/// header asks for, up to 4 GiB for some 60 bytes.
fn check(bytes: &[u8]) -> Result<(), HistogramError> {
    let of_bytes = |why: &str| HistogramError::Bytes(why.to_owned());
    let deflated = bytes
        .strip_prefix(&DEFLATED)
        .and_then(|rest| rest.get(4..))
        .ok_or_else(|| of_bytes("it is not in format V2, deflated"))?;
    let mut inflated = ZlibDecoder::new(deflated);
    let mut header = [0; HEADER_BYTES];
    inflated
        .read_exact(&mut header)
        .map_err(|error| of_bytes(&error.to_string()))?;
    let [_, counts_bytes, _, digits, ..] = header.as_chunks::<4>().0 else {
        return Err(of_bytes("it has no header"));
    };
    let (counts_bytes, digits) = (
        u32::from_be_bytes(*counts_bytes),
        u32::from_be_bytes(*digits),
    );
    if counts_bytes > COUNTS_BYTES_MAX || digits > DIGITS_MAX {
        return Err(HistogramError::TooLarge {
            digits,
            counts_bytes,
        });
    }
    let mut counts = Vec::new();
    inflated
        .take(counts_bytes.into())
        .read_to_end(&mut counts)
        .map_err(|error| of_bytes(&error.to_string()))?;
    match counts.windows(9).any(|nine| nine == MOST_ZEROS) {
        true => Err(of_bytes("it has more zeros than there are numbers")),
        false => Ok(()),
    }
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
    use flate2::{Compression, write::ZlibEncoder};
    use std::io::Write as _;

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

    /// One with this header, and no counts.
    fn with_header(counts_bytes: u32, digits: u32, high: u64) -> String {
        with_counts(counts_bytes, digits, high, &[])
    }

    fn with_counts(counts_bytes: u32, digits: u32, high: u64, counts: &[u8]) -> String {
        let mut header = vec![0x1c, 0x84, 0x93, 0x13];
        for field in [counts_bytes, 0, digits] {
            header.extend(field.to_be_bytes());
        }
        header.extend(1_u64.to_be_bytes());
        header.extend(high.to_be_bytes());
        header.extend(1_f64.to_be_bytes());
        header.extend(counts);
        let mut deflated = ZlibEncoder::new(Vec::new(), Compression::best());
        deflated.write_all(&header).unwrap();
        let deflated = deflated.finish().unwrap();
        let length = (deflated.len() as u32).to_be_bytes();
        STANDARD.encode([&DEFLATED, &length[..], &deflated].concat())
    }

    #[test]
    fn a_histogram_that_asks_for_more_room_than_any_of_ours_is_refused() {
        assert_eq!(decode(&with_header(0, 3, u64::MAX)).unwrap().len(), 0);
        for (counts_bytes, digits) in [(u32::MAX, 3), (COUNTS_BYTES_MAX + 1, 3), (0, 5)] {
            let error = decode(&with_header(counts_bytes, digits, u64::MAX)).unwrap_err();
            assert!(matches!(error, HistogramError::TooLarge { .. }), "{error}");
        }
        assert!(decode(&with_counts(9, 3, 1_000, &MOST_ZEROS)).is_err());
        let full = {
            let mut all = Histogram::<u64>::new_with_bounds(1, u64::MAX, 3).unwrap();
            for bits in 0..64 {
                all.record_n(u64::MAX >> bits, VALUES_MAX / 64).unwrap();
            }
            all
        };
        let mut more = full.clone();
        more.record(1).unwrap();
        assert!(decode(&encode(&more).unwrap()).is_err());
        let again = decode(&encode(&full).unwrap()).unwrap();
        assert_eq!(again.len(), full.len());
    }
}
