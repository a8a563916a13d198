//! Values that can be worked out by hand.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use hdrhistogram::Histogram;
use report::model::{Range, Spread};
use stats::{Family, Simultaneous, percentiles, range, sign_flip_interval, sign_flip_p, spread};

#[test]
fn the_ends_and_the_middle_of_a_few_values() {
    let (low, high) = (1.0, 4.0);
    let values = [4.0, 1.0, 2.0, 3.0];
    assert_eq!(range(&values), Some(Range { low, high }));
    let median = 2.5;
    assert_eq!(spread(&values), Some(Spread { median, low, high }));
    assert_eq!((range(&[]), spread(&[])), (None, None));
}

#[test]
fn percentiles_are_in_microseconds() {
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    histogram.record_n(7_500, 10_000).unwrap();
    let of = percentiles(&histogram);
    for us in [of.mean, of.p50, of.p90, of.p99, of.p99_9, of.max] {
        assert!((us - 7.5).abs() < 0.01, "{of:?}");
    }
}

/// Of five values 32 pieces, of which one at each end is a sixteenth.
#[test]
fn what_an_interval_leaves_out_is_counted_exactly() {
    let values = [1.0, 2.0, 3.0, 4.0, 5.0];
    let interval = sign_flip_interval(&values, 0.9375, 1).unwrap();
    assert_eq!((interval.low, interval.high), (1.0, 5.0));
    assert_eq!(sign_flip_p(&values), Some(0.0625));
}

#[test]
fn nothing_is_certain_and_nothing_less_than_likely() {
    let rows = [[1.0; 6], [1.0; 6], [1.1; 6]].map(|row| row.map(Some).to_vec());
    let compared = Simultaneous::of(&rows, Family::AllPairs).unwrap();
    let p = |first, second| compared.p(&compared.pair(first, second).unwrap());
    assert_eq!(p(0, 2), 1.0 / 10_001.0);
    assert_eq!(p(0, 1), 1.0);
    // The greatest that was drawn is the most that can be told.
    let pair = compared.pair(0, 2).unwrap();
    let (all, most) = (
        compared.interval(&pair, 1.0),
        compared.interval(&pair, 0.9999),
    );
    assert_eq!((all.low, all.high), (most.low, most.high));
}

#[test]
fn a_block_that_was_slow_for_all_says_nothing_of_them_though_one_lacks_it() {
    let noise = [0.01, -0.02, 0.015, 0.0, -0.01, 0.02, -0.015];
    let width = |slower: f64| {
        let slow = |values: [f64; 7]| {
            let mut values = values.map(Some).to_vec();
            values[3] = values[3].map(|value| value + slower);
            values
        };
        let mut lacks_it = slow(noise.map(|by| 5.0 + by * by));
        lacks_it[3] = None;
        let table = [slow(noise), slow(noise.map(|by| 0.1 - 2.0 * by)), lacks_it];
        let all = Simultaneous::of(&table, Family::AllPairs).unwrap();
        let range = all.interval(&all.pair(0, 1).unwrap(), 0.95);
        range.high - range.low
    };
    let ratio = width(1.0) / width(0.0);
    assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
}
