//! Which figures can be judged on this machine at all.
//!
//! A machine that takes its CPUs away for milliseconds moves the tail of every server, and a server
//! that delays its replies is exposed to that twice: when the request is read and when the reply is
//! due. So where the checks of any run say of the trials behind a row that a percentile was touched
//! from outside, the row isn't judged, whichever way it came out. As with any figure that is the
//! median of its trials, that is so when it was touched in half of them.

use analysis::rules::FROM_OUTSIDE;
use report::check::{Check, FigureKind, Status};

/// Of a null server these speak of the machine, too: it neither stands still by itself nor keeps a
/// generator from sending in time.
const OF_NULL: [&str; 3] = ["pause", "generator_stall", "lag"];

const PERCENTILES: [FigureKind; 4] = [
    FigureKind::P50,
    FigureKind::P90,
    FigureKind::P99,
    FigureKind::P99_9,
];

/// The checks of a null server's trial, and of the trial that is held against it.
pub(crate) type Pair<'a> = (&'a [Check], &'a [Check]);

/// Why a figure can't be judged; `None` when it can.
pub(crate) fn not_judgeable(figure: FigureKind, pairs: &[Pair<'_>]) -> Option<String> {
    let touching: Vec<&Check> = pairs
        .iter()
        .filter_map(|(null, other)| {
            let of_null = || touching(figure, null, &[&FROM_OUTSIDE[..], &OF_NULL].concat());
            of_null().or_else(|| touching(figure, other, &FROM_OUTSIDE))
        })
        .collect();
    let first = touching.first()?;
    let is_half = touching.len() >= pairs.len() - pairs.len() / 2;
    is_half.then(|| {
        format!(
            "not judgeable here: in {} of {} pairs the machine touched this figure ({})",
            touching.len(),
            pairs.len(),
            first.detail
        )
    })
}

fn touching<'a>(figure: FigureKind, checks: &'a [Check], ids: &[&str]) -> Option<&'a Check> {
    let mut touching = checks.iter().filter(|check| {
        let mut touches = check.touches.iter();
        let is_touched =
            touches.any(|touch| touch.figure == figure && touch.effect.status() > Status::Valid);
        is_touched && ids.contains(&check.id.as_str())
    });
    touching.next()
}

/// The percentile that has a verdict and is nearest, by the share of requests beyond.
pub(crate) fn nearest(q: f64) -> FigureKind {
    let distance = |figure: &FigureKind| {
        let beyond = 1.0 - figure.quantile().unwrap_or(0.0);
        (beyond / (1.0 - q).max(1e-9)).ln().abs()
    };
    let by_distance = |a: &FigureKind, b: &FigureKind| distance(a).total_cmp(&distance(b));
    let nearest = PERCENTILES.into_iter().min_by(by_distance);
    nearest.unwrap_or(FigureKind::P50)
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::check::{Direction, Effect, Touch};

    fn check(id: &str, figures: &[FigureKind], effect: Effect) -> Vec<Check> {
        let touches = figures.iter().map(|&figure| Touch { figure, effect });
        vec![Check::new(id, touches.collect(), "so much".to_owned(), "")]
    }

    fn biased(id: &str) -> Vec<Check> {
        let effect = Effect::Biases {
            direction: Direction::High,
            up_to_share: None,
        };
        check(id, &[FigureKind::P99, FigureKind::P99_9], effect)
    }

    #[test]
    fn a_percentile_is_judged_by_the_nearest_that_has_a_verdict() {
        use FigureKind::{P50, P90, P99, P99_9};
        let nearest = [0.5, 0.9, 0.989, 0.991, 0.999].map(nearest);
        assert_eq!(nearest, [P50, P90, P99, P99, P99_9]);
    }

    #[test]
    fn what_the_machine_touched_in_half_of_the_pairs_is_not_judged() {
        let (none, stolen): (Vec<Check>, Vec<Check>) = (Vec::new(), biased("steal"));
        let judged = |touched: usize, q| {
            let pairs = (0..3).map(|i| match i < touched {
                true => (&stolen[..], &none[..]),
                false => (&none[..], &none[..]),
            });
            not_judgeable(nearest(q), &pairs.collect::<Vec<Pair<'_>>>()).is_none()
        };
        assert!(judged(0, 0.99) && judged(1, 0.99));
        assert!(!judged(2, 0.99) && !judged(3, 0.999));
        assert!(judged(3, 0.9), "a percentile below its reach");
        let reason = not_judgeable(FigureKind::P99, &[(&stolen, &none)]).unwrap();
        assert!(
            reason.contains("1 of 1") && reason.contains("so much"),
            "{reason}"
        );
    }

    /// Or a fault of the instrument that shows only in delayed replies would excuse itself.
    #[test]
    fn of_the_other_server_only_what_comes_from_outside_counts() {
        let (none, lag, other) = (Vec::new(), biased("lag"), biased("other_load"));
        assert!(not_judgeable(FigureKind::P99, &[(&none, &lag)]).is_none());
        assert!(not_judgeable(FigureKind::P99, &[(&lag, &none)]).is_some());
        assert!(not_judgeable(FigureKind::P99, &[(&none, &other)]).is_some());
    }

    #[test]
    fn a_bound_is_judged() {
        let bound = Effect::Bounds {
            direction: Direction::High,
            slack_share: Some(0.05),
        };
        let lag = check("lag", &[FigureKind::P99], bound);
        assert!(not_judgeable(FigureKind::P99, &[(&lag, &lag)]).is_none());
    }
}
