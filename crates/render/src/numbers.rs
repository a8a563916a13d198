//! Numbers, as people read them.

use analysis::times::named;
use report::{
    comparison::{RESPONSE_TIME, SERVICE_TIME},
    model::{Peak, Scheduled, Spread, Times},
};

/// 1234567.8 as `1,234,568`.
pub fn whole(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 {
        format!("-{text}")
    } else {
        text
    }
}

/// A number, or that it isn't known.
pub(crate) fn known(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), whole)
}

/// A share with its tenths, or a dash where it isn't known.
pub fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// Some shares one by one, more from the greatest to the least.
pub fn percents(shares: impl IntoIterator<Item = f64>) -> String {
    const LISTED_MAX: usize = 4;
    let mut shares: Vec<f64> = shares.into_iter().collect();
    shares.sort_by(|a, b| b.total_cmp(a));
    let text = |share: &f64| format!("{:.0}", share * 100.0);
    match shares.as_slice() {
        [] => "-".to_owned(),
        [greatest, .., least] if shares.len() > LISTED_MAX => {
            format!("{} to {} %", text(greatest), text(least))
        }
        few => format!("{} %", few.iter().map(text).collect::<Vec<_>>().join(", ")),
    }
}

/// Per request, or that it isn't known.
pub(crate) fn cpu(us_per_request: Option<Spread>) -> String {
    us_per_request.map_or_else(|| "-".to_owned(), |us| format!("{:.2}", us.median))
}

/// A percentile of response times less the generator's own lag, where that is known, and what it is
/// called.
pub(crate) fn response_time(load: &Scheduled, percentile: &str) -> (&'static str, Option<f64>) {
    let prompt = load.prompt_response_time_us.as_ref();
    less_lag(RESPONSE_TIME, prompt, &load.response_time_us, percentile)
}

/// The same of service times.
pub(crate) fn service_time(load: &Peak, percentile: &str) -> (&'static str, Option<f64>) {
    let of_server = load.server_time_us.as_ref();
    less_lag(SERVICE_TIME, of_server, &load.service_time_us, percentile)
}

fn less_lag(
    [less_lag, measured]: [&'static str; 2],
    without: Option<&Times>,
    with: &Times,
    percentile: &str,
) -> (&'static str, Option<f64>) {
    match without.and_then(|times| named(times, percentile)) {
        Some(us) => (less_lag, Some(us)),
        None => (measured, named(with, percentile)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(whole(0.2), "0");
        assert_eq!(whole(999.4), "999");
        assert_eq!(whole(1000.0), "1,000");
        assert_eq!(whole(-1_234_567.8), "-1,234,568");
    }
}
