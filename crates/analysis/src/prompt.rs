//! Times less the generator's own lag: what a client that is always on time would see.
//!
//! Of sending the generator knows the lag of each request. Of reading it knows that of a sample, taken
//! right after the window, because it costs both sides CPU time to be told. So the share that a
//! percentile loses there is taken off the same percentile of the window.

use crate::times::{PERCENTILES, middle, set};
use hdrhistogram::Histogram;
use report::{
    model::Times,
    trial::{Step, Window},
};
use stats::{HistogramError, at_quantile, decode};

/// A sample tells of a percentile beyond which it has so many values; so does a window.
const BEYOND_MIN: f64 = 10.0;

/// Times of sampled requests that were sent on time.
pub(crate) struct Sample {
    /// Read when the generator came to it.
    read: Histogram<u64>,
    /// Read on time.
    prompt: Histogram<u64>,
}

impl Sample {
    /// `None` where there was none, and in older reports.
    pub(crate) fn of(window: &Window) -> Result<Option<Self>, HistogramError> {
        let texts = (
            &window.sampled_time_histogram,
            &window.sampled_prompt_time_histogram,
        );
        let (Some(read), Some(prompt)) = texts else {
            return Ok(None);
        };
        Ok(Some(Self {
            read: decode(read)?,
            prompt: decode(prompt)?,
        }))
    }

    /// How many.
    pub(crate) fn len(&self) -> u64 {
        self.read.len()
    }

    /// What it would be had only those of one machine been read late, of which these are `read` and
    /// `prompt`. `None` where they are no part of it.
    pub(crate) fn with_lag_of(
        &self,
        read: &Histogram<u64>,
        prompt: &Histogram<u64>,
    ) -> Option<Self> {
        Some(Self {
            read: replaced(&self.prompt, prompt, read)?,
            prompt: self.prompt.clone(),
        })
    }

    /// What a percentile loses, as a share of it, 0 to 1; `None` where the sample is too small.
    pub(crate) fn lower_by(&self, quantile: f64) -> Option<f64> {
        tells(&self.read, quantile).then(|| lower_by(&self.read, &self.prompt, quantile))?
    }
}

/// By how much a quantile of `without` is lower, as a share of that of `times`.
pub(crate) fn lower_by(
    times: &Histogram<u64>,
    without: &Histogram<u64>,
    quantile: f64,
) -> Option<f64> {
    let [with, without] = [times, without].map(|h| at_quantile(h, quantile));
    (with > 0.0).then(|| (with - without).max(0.0) / with)
}

/// All of these, with `part` of them instead of which there is `other`. `None` where it is no part of them.
pub(crate) fn replaced(
    all: &Histogram<u64>,
    part: &Histogram<u64>,
    other: &Histogram<u64>,
) -> Option<Histogram<u64>> {
    let mut replaced = all.clone();
    replaced.auto(true);
    replaced.subtract(part).ok()?;
    replaced.add(other).ok()?;
    Some(replaced)
}

fn tells(values: &Histogram<u64>, quantile: f64) -> bool {
    values.len() as f64 * (1.0 - quantile) >= BEYOND_MIN
}

/// Percentiles in microseconds over the trials' windows of one load: of response times where there is
/// a schedule, else of service times. `None` where one of them has no sample, as in older reports: windows
/// whose times are long have none, and the others would speak for them.
pub(crate) fn times<'a>(
    steps: impl IntoIterator<Item = &'a Step>,
) -> Result<Option<Times>, HistogramError> {
    let mut trials = Vec::new();
    for step in steps {
        match of_window(step)? {
            Some(times) => trials.push(times),
            None if step.window.requests == 0 => {}
            None => return Ok(None),
        }
    }
    Ok((!trials.is_empty()).then(|| middle(&trials)))
}

/// The same of one window: no mean, no greatest.
///
/// # Errors
/// A histogram can't be decoded.
pub fn of_window(step: &Step) -> Result<Option<Times>, HistogramError> {
    if let Some(taken) = &step.window.prompt_time_us {
        return Ok(Some(taken.clone()));
    }
    let sent_on_time = match &step.window.scheduled {
        Some(scheduled) => scheduled.prompt_response_time_histogram.as_ref(),
        None => Some(&step.window.service_time_histogram),
    };
    let (Some(sent_on_time), Some(sample)) = (sent_on_time, Sample::of(&step.window)?) else {
        return Ok(None);
    };
    let sent_on_time = decode(sent_on_time)?;
    let mut times = Times::default();
    for (name, kind) in PERCENTILES {
        let Some(quantile) = kind.quantile().filter(|&of| tells(&sent_on_time, of)) else {
            continue;
        };
        if let Some(share) = sample.lower_by(quantile) {
            let us = at_quantile(&sent_on_time, quantile) / 1e3;
            set(&mut times, name, us * (1.0 - share));
        }
    }
    Ok(Some(times))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::step;
    use report::trial::ScheduledWindow;
    use stats::encode;

    fn histogram(values_us: impl IntoIterator<Item = u64>) -> String {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        for value in values_us {
            histogram.record(value * 1000).unwrap();
        }
        encode(&histogram).unwrap()
    }

    /// 100 us, of which 40 passed until the reply was read, in a window where it took twice as long.
    #[test]
    fn the_share_that_a_sample_loses_is_taken_off() {
        let mut step = step();
        assert_eq!(of_window(&step).unwrap(), None);
        step.window.sampled_time_histogram = Some(histogram((0..2_000).map(|_| 100)));
        step.window.sampled_prompt_time_histogram = Some(histogram((0..2_000).map(|_| 60)));
        step.window.scheduled = Some(ScheduledWindow {
            prompt_response_time_histogram: Some(histogram((0..20_000).map(|_| 200))),
            ..ScheduledWindow::default()
        });
        let times = of_window(&step).unwrap().unwrap();
        for of in [times.p50, times.p90, times.p99] {
            assert!((of.unwrap() - 120.0).abs() < 0.2, "{times:?}");
        }
        assert_eq!(times.p99_9, None, "the sample is too small for it");
        assert_eq!((times.mean, times.max), (None, None));
        let of_trials = super::times([&step, &step]).unwrap().unwrap();
        assert_eq!(of_trials.p50, times.p50);
        let mut without = step.clone();
        (
            without.window.requests,
            without.window.sampled_time_histogram,
        ) = (20_000, None);
        assert_eq!(super::times([&step, &without]).unwrap(), None);
        // Without a schedule it is the service times'.
        step.window.scheduled = None;
        step.window.service_time_histogram = histogram((0..20_000).map(|_| 300));
        let of_server = of_window(&step).unwrap().unwrap().p90.unwrap();
        assert!((of_server - 180.0).abs() < 0.3, "{of_server}");
    }
}
