//! Percentiles over trials.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use analysis::times::times;
use hdrhistogram::Histogram;
use stats::encode;

fn trial(p99_us: u64, values: u64) -> String {
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    histogram.record_n(1_000, values - values / 50).unwrap();
    histogram.record_n(p99_us * 1_000, values / 50).unwrap();
    encode(&histogram).unwrap()
}

#[test]
fn one_bad_trial_of_six_does_not_make_the_figure() {
    let trials = [3, 4, 10, 11, 12, 87].map(|ms| trial(ms * 1_000, 20_000));
    let times = times(trials.iter().map(String::as_str)).unwrap().unwrap();
    let p99 = times.p99.unwrap();
    assert!((p99 - 10_500.0).abs() < 20.0, "{times:?}");
    assert!(times.ranges["p99"].high > 86_000.0, "{times:?}");
    assert_eq!(times.p50, Some(1.0));
}

#[test]
fn percentiles_need_requests_behind_them() {
    let of = |values| times([trial(9, values).as_str()]).unwrap().unwrap();
    assert_eq!((of(999).p99, of(999).p99_9), (None, None));
    assert!(of(999).p90.is_some());
    assert!(of(1_000).p99.is_some());
    assert_eq!(of(9_999).p99_9, None);
    assert!(of(10_000).p99_9.is_some());
    let none = Histogram::<u64>::new(3).unwrap();
    assert_eq!(times([encode(&none).unwrap().as_str()]).unwrap(), None);
}
