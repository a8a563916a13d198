//! From values to places, and where ticks stand.

use report::numbers::Range;

/// How values lie on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Equal differences are equally far.
    Linear,
    /// Equal ratios are equally far.
    Log,
}

/// An axis: values from `low` to `high` lie from `from` to `to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// How values lie.
    pub kind: Kind,
    /// The least value.
    pub low: f64,
    /// The greatest.
    pub high: f64,
    from: f64,
    to: f64,
}

/// What a logarithmic axis begins with where values are 0 or less.
const LEAST: f64 = 1e-3;

/// No figure is near these; beyond them a step from tick to tick is no number.
const TINIEST: f64 = 1e-200;
const HUGEST: f64 = 1e200;

impl Scale {
    /// An axis that holds all of these values, and ends a little beyond them; a linear one begins at
    /// 0. Values that are no numbers are left out.
    pub fn over(kind: Kind, values: impl IntoIterator<Item = f64>, (from, to): (f64, f64)) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let finite = finite.map(|value| match value.abs() < TINIEST {
            true => 0.0,
            false => value.clamp(-HUGEST, HUGEST),
        });
        let usable = finite.filter(|value| kind == Kind::Linear || *value > 0.0);
        let range = usable.fold(None, |range: Option<Range>, value| {
            Some(range.map_or(
                Range {
                    low: value,
                    high: value,
                },
                |range| Range {
                    low: range.low.min(value),
                    high: range.high.max(value),
                },
            ))
        });
        let Range { low, high } = range.unwrap_or(Range {
            low: 0.0,
            high: 1.0,
        });
        let (low, high) = match kind {
            Kind::Linear => {
                let low = low.min(0.0);
                (
                    low,
                    if high > low {
                        high + (high - low) * 0.04
                    } else {
                        low + 1.0
                    },
                )
            }
            Kind::Log => (low.max(LEAST) / 1.12, high.max(LEAST) * 1.12),
        };
        Self {
            kind,
            low,
            high,
            from,
            to,
        }
    }

    /// One with these ends.
    pub fn between(kind: Kind, low: f64, high: f64, (from, to): (f64, f64)) -> Self {
        Self {
            kind,
            low,
            high,
            from,
            to,
        }
    }

    /// Whether there is a place for such a value: a logarithmic axis has none for 0 or less.
    pub fn has(&self, value: f64) -> bool {
        self.kind == Kind::Linear || value > 0.0
    }

    /// Where a value lies; beyond the ends at the nearer one.
    pub fn place(&self, value: f64) -> f64 {
        let share = match self.kind {
            Kind::Linear => (value - self.low) / (self.high - self.low),
            Kind::Log => (value.max(LEAST) / self.low).ln() / (self.high / self.low).ln(),
        };
        let share = if share.is_finite() {
            share.clamp(0.0, 1.0)
        } else {
            0.0
        };
        self.from + share * (self.to - self.from)
    }

    /// Round values, some `count` of them.
    pub fn ticks(&self, count: usize) -> Vec<f64> {
        match self.kind {
            Kind::Linear => self.linear_ticks(count),
            Kind::Log => self.log_ticks(count),
        }
    }

    fn linear_ticks(&self, count: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / count.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * power);
        let step = steps.into_iter().find(|step| *step >= rough * 0.999);
        let step = step.unwrap_or(power * 10.0);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last).map(|index| index as f64 * step).collect()
    }

    /// Powers of ten where there are enough of them, else 2 and 5 as well, or all of 1 to 9.
    fn log_ticks(&self, count: usize) -> Vec<f64> {
        let first = self.low.log10().floor() as i32;
        let last = self.high.log10().ceil() as i32;
        let of = |digits: &[f64]| -> Vec<f64> {
            let powers = first..=last;
            let all = powers.flat_map(|power| digits.iter().map(move |d| d * 10f64.powi(power)));
            all.filter(|tick| *tick >= self.low && *tick <= self.high)
                .collect()
        };
        let decades = of(&[1.0]);
        if decades.len() > count {
            let every = decades.len().div_ceil(count);
            return decades.into_iter().step_by(every).collect();
        }
        let finer: [&[f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
        let fits = finer
            .iter()
            .map(|digits| of(digits))
            .find(|ticks| ticks.len() <= count);
        match fits {
            Some(ticks) if ticks.len() >= 2 => ticks,
            // Less than a decade.
            _ => self.linear_ticks(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_between_the_ends_and_ticks_are_round() {
        let scale = Scale::over(Kind::Linear, [10.0, 95.0, f64::NAN], (100.0, 200.0));
        assert_eq!(scale.place(0.0), 100.0);
        assert!(scale.place(95.0) < 200.0 && scale.place(1e9) == 200.0);
        assert_eq!(scale.ticks(4), [0.0, 25.0, 50.0, 75.0]);
        let scale = Scale::over(Kind::Log, [20.0, 15_000.0, 0.0], (0.0, 300.0));
        assert_eq!(scale.ticks(4), [100.0, 1_000.0, 10_000.0]);
        assert!((scale.place(1_000.0) - scale.place(100.0) * 2.0).abs() < 60.0);
    }

    #[test]
    fn an_axis_of_nothing_is_an_axis() {
        for kind in [Kind::Linear, Kind::Log] {
            let scale = Scale::over(kind, [], (0.0, 10.0));
            assert!(
                scale.place(0.5).is_finite() && !scale.ticks(3).is_empty(),
                "{kind:?}"
            );
            let one = Scale::over(kind, [7.0], (0.0, 10.0));
            assert!(one.place(7.0) > 0.0 && one.ticks(3).len() < 9, "{kind:?}");
        }
        let ends = Scale::between(Kind::Log, 1.0, 100.0, (0.0, 10.0));
        assert_eq!(ends.place(10.0), 5.0);
    }

    #[test]
    fn an_axis_of_what_just_fits_a_number_has_few_ticks() {
        for kind in [Kind::Linear, Kind::Log] {
            for values in [
                [f64::MAX, 1.0],
                [f64::MAX, f64::MIN],
                [5e-324, 0.0],
                [5e-324, f64::MAX],
            ] {
                let scale = Scale::over(kind, values, (0.0, 10.0));
                let ticks = scale.ticks(4);
                assert!(ticks.len() < 9, "{kind:?} {values:?} {ticks:?}");
                assert!(scale.place(values[0]).is_finite(), "{kind:?} {values:?}");
            }
        }
    }
}
