//! Rates of loads with a schedule, as people say them, and how long a window of one is at least.

use std::str::FromStr;
use thiserror::Error;

/// Requests that are due in a window of a schedule at the least: of fewer every figure is luck. A
/// schedule by chance has none in it once in 22,000 times.
pub const DUE_MIN: f64 = 10.0;

/// How much is offered in open and churn load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Requests per second, from 1 to 1e9.
    PerSecond(f64),
    /// Of the slowest model's peak, over a ladder of connections of its lowest rate; 0 to 1, mostly.
    ShareOfPeak(f64),
}

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let (number, is_share) = match text.strip_suffix('%') {
            Some(number) => (number, true),
            None => (text, false),
        };
        match number.trim().parse::<f64>() {
            Ok(share) if is_share && (1.0..=1000.0).contains(&share) => {
                Ok(Self::ShareOfPeak(share / 100.0))
            }
            Ok(rate) if !is_share && (1.0..=1e9).contains(&rate) => Ok(Self::PerSecond(rate)),
            _ => Err(NotARate),
        }
    }
}

/// A text that is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a number of requests/s from 1 to 1e9, or a share of the peak such as 70%")]
pub struct NotARate;

/// The shortest window of a schedule at these rates: the fewest requests are due in it at the lowest.
pub fn shortest_window_us(rates_per_s: &[f64]) -> u64 {
    let lowest = rates_per_s.iter().copied().min_by(f64::total_cmp);
    lowest.map_or(0, |rate| (DUE_MIN / rate * 1e6).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_or_a_share() {
        assert_eq!("50000".parse(), Ok(Rate::PerSecond(50_000.0)));
        assert_eq!("5e4".parse(), Ok(Rate::PerSecond(50_000.0)));
        assert_eq!("70%".parse(), Ok(Rate::ShareOfPeak(0.7)));
        for wrong in ["0", "-5", "0%", "x", "NaN", "inf", "70 percent", ""] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn something_is_due_at_every_rate() {
        assert_eq!(shortest_window_us(&[2_000.0, 2.0]), 5_000_000);
        assert_eq!(shortest_window_us(&[]), 0);
    }
}
