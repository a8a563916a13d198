//! When a load counts as steady, from the intervals of made-up ones.

use generators::driven::IntervalSum;
use measure::warm_up::{WarmUp, WarmUpWatch};
use std::time::Duration;

/// Observes a load of so many requests in each interval of 50 ms, of which 1,000 are
/// outstanding at a time.
fn watch(requests: impl Fn(u64) -> u64, pages: impl Fn(u64) -> u64) -> WarmUp {
    watch_rounds(1000, requests, pages)
}

fn watch_rounds(round: u64, requests: impl Fn(u64) -> u64, pages: impl Fn(u64) -> u64) -> WarmUp {
    let mut watch = WarmUpWatch::new(Duration::from_secs(1), Duration::from_secs(5), round);
    let mut index = 0;
    loop {
        let interval = IntervalSum {
            requests: requests(index),
            p99_us: 100.0 + (index % 3) as f64,
        };
        index += 1;
        let elapsed = Duration::from_millis(50 * index);
        if let Some(warm_up) = watch.observe(interval, Some(pages(index)), elapsed) {
            return warm_up;
        }
    }
}

#[test]
fn a_load_that_is_steady_at_once_takes_the_shortest_time() {
    let warm_up = watch(|i| 1000 + i % 7, |_| 500);
    assert_eq!(warm_up.length_us, 1_000_000);
    assert!(warm_up.steady);
    assert!((warm_up.rate_per_s - 20_000.0).abs() < 100.0, "{warm_up:?}");
}

#[test]
fn a_burst_that_nobody_has_answered_is_no_steady_load() {
    let warm_up = watch(|i| if i < 40 { 0 } else { 100 + i % 7 }, |_| 500);
    assert!(warm_up.steady);
    assert!(warm_up.length_us >= 2_900_000, "{warm_up:?}");
    assert!((warm_up.rate_per_s - 2_060.0).abs() < 50.0, "{warm_up:?}");
    let never = watch(|_| 0, |_| 500);
    assert_eq!((never.steady, never.length_us), (false, 5_000_000));
}

/// Each reply takes two seconds: a window that opened sooner would see what is outstanding grow.
#[test]
fn the_first_reply_of_a_schedule_is_waited_for() {
    let warm_up = watch_rounds(0, |i| if i < 40 { 0 } else { 50 }, |_| 500);
    assert!(warm_up.length_us > 2_000_000, "{warm_up:?}");
    assert!(warm_up.steady);
    let never = watch_rounds(0, |_| 0, |_| 500);
    assert_eq!((never.steady, never.length_us), (false, 5_000_000));
}

#[test]
fn a_server_that_gets_faster_is_waited_for() {
    let warm_up = watch(|i| if i < 12 { 500 } else { 1000 } + i % 7, |_| 500);
    assert!(warm_up.steady);
    assert!(warm_up.length_us > 1_200_000, "{warm_up:?}");
}

#[test]
fn memory_that_keeps_growing_is_never_steady() {
    let warm_up = watch(|i| 1000 + i % 7, |i| 500 + 50 * i);
    assert_eq!(warm_up.length_us, 5_000_000);
    assert!(!warm_up.steady);
}
