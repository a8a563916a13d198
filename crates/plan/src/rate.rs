//! Rates that a run's own peaks decide.

/// Rates of a comparison, from the one for the slowest model to the one for the fastest.
const RATES_MAX: u32 = 3;

/// Rates closer than this are one.
const RATES_APART: f64 = 1.3;

/// A model isn't given a rate beyond this share of its own peak: it would only queue.
const PEAK_SHARE_MAX: f64 = 0.8;

/// The rates that all models are given: a share of the slowest peak, then up to the same share
/// of the fastest. Three digits: they are read by people.
pub fn rates_of(share: f64, peaks_per_s: &[f64]) -> Vec<f64> {
    let peaks = peaks_per_s.iter().copied();
    let (Some(slowest), Some(fastest)) = (
        peaks.clone().min_by(f64::total_cmp),
        peaks.max_by(f64::total_cmp),
    ) else {
        return Vec::new();
    };
    let ratio = (fastest / slowest).max(1.0);
    let steps = (ratio.ln() / RATES_APART.ln()).floor() as u32;
    let steps = steps.min(RATES_MAX - 1);
    let mut rates: Vec<f64> = (0..=steps)
        .map(|step| slowest * ratio.powf(f64::from(step) / f64::from(steps.max(1))) * share)
        .map(three_digits)
        .collect();
    rates.dedup();
    rates
}

/// Of these rates the ones that a model with this peak can follow; always the lowest.
pub fn rates_within(rates_per_s: &[f64], peak_per_s: f64) -> Vec<f64> {
    let can_follow = |rate: f64| rate <= PEAK_SHARE_MAX * peak_per_s;
    let mut rates = rates_per_s.iter().copied().enumerate();
    let kept = rates
        .by_ref()
        .filter(|&(i, rate)| i == 0 || can_follow(rate));
    kept.map(|(_, rate)| rate).collect()
}

fn three_digits(value: f64) -> f64 {
    let unit = 10_f64.powf((value.log10().floor() - 2.0).max(0.0));
    ((value / unit).floor() * unit).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_models_get_rates_from_the_slowest_to_the_fastest() {
        assert_eq!(rates_of(0.7, &[]), [] as [f64; 0]);
        assert_eq!(rates_of(0.7, &[100_000.0]), [70_000.0]);
        assert_eq!(rates_of(0.5, &[100_000.0, 101_000.0]), [50_000.0]);
        assert_eq!(rates_of(0.5, &[140_000.0, 100_000.0]), [50_000.0, 70_000.0]);
        assert_eq!(
            rates_of(0.5, &[400_000.0, 100_000.0]),
            [50_000.0, 100_000.0, 200_000.0]
        );
        assert_eq!(rates_of(0.7, &[123_456.0]), [86_400.0]);
        assert_eq!(rates_of(0.7, &[3.0]), [2.0]);
    }

    #[test]
    fn a_model_is_not_driven_beyond_its_peak() {
        let rates = [50.0, 100.0, 200.0];
        assert_eq!(rates_within(&rates, 130.0), [50.0, 100.0]);
        assert_eq!(rates_within(&rates, 125.0), [50.0, 100.0]);
        assert_eq!(rates_within(&rates, 124.0), [50.0], "beyond four fifths");
        assert_eq!(rates_within(&rates, 40.0), [50.0]);
        assert_eq!(rates_within(&rates, 1000.0), rates);
    }
}
