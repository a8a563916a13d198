//! The times of windows as curves: for each load, how long a share of requests took at most, over all
//! blocks.

use chart::Band;
use hdrhistogram::Histogram;
use report::{
    model::ModelReport,
    trial::{Load, Step},
};
use stats::{decode, median};

/// All blocks' windows under one load, at one rate, over so many connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Of the load.
    pub connections: u32,
    /// As offered.
    pub rate_per_s: f64,
    /// Requests beyond a share, as 1/(1-p), and the time in microseconds that the others took at most:
    /// the median of the blocks.
    pub curve: Vec<(f64, f64)>,
    /// From the least to the greatest of the blocks.
    pub band: Option<Band>,
}

/// Ten points for each ten-fold of 1/(1-p).
const POINTS_PER_DECADE: u32 = 10;

/// No further than one in ten thousand, even where a window has millions.
const DECADES: u32 = 4;

/// So many requests have to lie beyond a point for it to be drawn.
const BEYOND_MIN: f64 = 10.0;

impl Window {
    /// Those of open load, from the fewest connections and the lowest rate. From the trials where they
    /// came along, else the few points of the summary.
    pub fn of_report(report: &ModelReport) -> Vec<Self> {
        let ladder = report.summary.open_ladder.iter();
        let windows = ladder.map(|at| {
            let steps = report
                .trials
                .iter()
                .filter(|trial| !trial.made_again && matches!(trial.load, Load::Open { .. }));
            let steps = steps.flat_map(|trial| &trial.steps).filter(|step| {
                step.connections == at.connections && step.rate_per_s == Some(at.offered_rate_per_s)
            });
            let blocks: Vec<Vec<(f64, f64)>> = steps.filter_map(of_step).collect();
            let (curve, band) = match blocks.is_empty() {
                true => (of_summary(at), None),
                false => over(&blocks),
            };
            Self {
                connections: at.connections,
                rate_per_s: at.offered_rate_per_s,
                curve,
                band,
            }
        });
        windows.collect()
    }
}

/// Response times had the generator sent each request on time, where that is known: its read lag is a
/// share that differs from point to point, and stays in.
fn of_step(step: &Step) -> Option<Vec<(f64, f64)>> {
    let scheduled = step.window.scheduled.as_ref()?;
    let prompt = scheduled.prompt_response_time_histogram.as_ref();
    let histogram = decode(prompt.unwrap_or(&scheduled.response_time_histogram)).ok()?;
    (!histogram.is_empty()).then(|| curve(&histogram))
}

/// One walk over the values, whatever the number of points.
fn curve(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    let all = histogram.len() as f64;
    let mut left = shares()
        .filter(|share| all / share >= BEYOND_MIN)
        .peekable();
    let (mut points, mut seen) = (Vec::new(), 0);
    for value in histogram.iter_recorded() {
        seen += value.count_since_last_iteration();
        let reaches = |share: &f64| seen as f64 >= (1.0 - 1.0 / share) * all - 0.5;
        while let Some(share) = left.next_if(reaches) {
            points.push((share, value.value_iterated_to() as f64 / 1e3));
        }
    }
    points
}

/// 1/(1-p), from p = 0.
fn shares() -> impl Iterator<Item = f64> {
    let points = 0..=POINTS_PER_DECADE * DECADES;
    points.map(|index| 10f64.powf(f64::from(index) / f64::from(POINTS_PER_DECADE)))
}

fn of_summary(at: &report::model::Scheduled) -> Vec<(f64, f64)> {
    let times = at
        .prompt_response_time_us
        .as_ref()
        .unwrap_or(&at.response_time_us);
    let points = [
        (2.0, times.p50),
        (10.0, times.p90),
        (100.0, times.p99),
        (1000.0, times.p99_9),
    ];
    points
        .iter()
        .filter_map(|(share, us)| Some((*share, (*us)?)))
        .collect()
}

/// The median and the edges of several blocks' curves, as far as all of them reach.
fn over(blocks: &[Vec<(f64, f64)>]) -> (Vec<(f64, f64)>, Option<Band>) {
    let length = blocks.iter().map(Vec::len).min().unwrap_or(0);
    let mut band = Band::default();
    let middles = (0..length).filter_map(|index| {
        let share = blocks.first()?.get(index)?.0;
        let values: Vec<f64> = blocks.iter().map(|block| block[index].1).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        band.low.push((share, low));
        band.high.push((share, high));
        Some((share, median(&values)?))
    });
    let middles = middles.collect();
    (middles, (blocks.len() > 1).then_some(band))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_end_where_too_few_requests_are_left() {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        histogram.record_n(20_000, 990).unwrap();
        histogram.record_n(3_000_000, 10).unwrap();
        let curve = curve(&histogram);
        let (last, us) = *curve.last().unwrap();
        assert!((last - 100.0).abs() < 1e-6, "{last}");
        assert!(curve[0].1 < 21.0 && us < 3_002.0);
    }

    #[test]
    fn the_band_holds_all_blocks_and_the_middle_is_their_median() {
        let block = |us| vec![(1.0, us), (10.0, us * 2.0)];
        let (middle, band) = over(&[block(3.0), block(9.0), block(4.0)]);
        let band = band.unwrap();
        assert_eq!(middle, [(1.0, 4.0), (10.0, 8.0)]);
        assert_eq!((band.low[1], band.high[1]), ((10.0, 6.0), (10.0, 18.0)));
        assert_eq!(over(&[block(3.0)]).1, None);
    }
}
