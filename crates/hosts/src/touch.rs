//! How far a disturbance can reach: what follows from it for each kind of figure.
//!
//! A disturbance that lasts a share d of the window moves at most d of its requests. So a quantile q
//! stands as long as d is well below the share of requests beyond it, a rate and CPU per request
//! stand up to d, and memory isn't touched at all.

use report::check::{Direction, Effect, FigureKind, Touch};

/// Times, by their percentiles.
pub const TIMES: [FigureKind; 4] = [
    FigureKind::P50,
    FigureKind::P90,
    FigureKind::P99,
    FigureKind::P99_9,
];

/// A rate, and CPU per request, are off by no more than what was disturbed: this is allowed.
pub const SHARE_MAX: f64 = 0.02;

/// A quantile stands when at most a quarter of the requests beyond it can have been disturbed.
const OF_TAIL_MAX: f64 = 0.25;

/// The kernel counts CPU time in ticks of 10 ms; nothing is judged on fewer than three.
pub const JUDGED_FROM_S: f64 = 0.03;

/// That these kinds of figures claim what did not happen.
pub fn spoils(figures: &[FigureKind]) -> Vec<Touch> {
    all(figures, Effect::Spoils)
}

/// That these are off by up to so much of themselves.
pub fn biases(
    figures: &[FigureKind],
    direction: Direction,
    up_to_share: Option<f64>,
) -> Vec<Touch> {
    let effect = Effect::Biases {
        direction,
        up_to_share,
    };
    all(figures, effect)
}

/// By what share of itself a figure is too low that lacks this share of what there was, 0 to 1: what is left
/// is 1 less that. `None` where nothing is left.
pub fn lacking(share: f64) -> Option<f64> {
    (share < 1.0).then(|| share / (1.0 - share))
}

/// Everything of a window but memory.
pub fn of_window() -> Vec<FigureKind> {
    let (first, last) = (
        [FigureKind::Rate, FigureKind::Cpu],
        [FigureKind::ConnectTime],
    );
    [&first[..], &TIMES, &last].concat()
}

/// What a disturbance of this share of the window, 0 to 1, does to it.
pub fn exposed(share: f64) -> Vec<Touch> {
    let mut touches = exposed_times(share);
    if share > SHARE_MAX {
        touches.extend(biases(&[FigureKind::Rate], Direction::Low, lacking(share)));
        touches.extend(biases(&[FigureKind::Cpu], Direction::Either, Some(share)));
    }
    touches
}

/// The same for percentiles of times: how far they move isn't known.
pub fn exposed_times(share: f64) -> Vec<Touch> {
    // Of connect times the median has a verdict.
    let reached = |figure: &FigureKind| {
        let quantile = figure.quantile().unwrap_or(0.5);
        share > (1.0 - quantile) * OF_TAIL_MAX
    };
    let all = TIMES.into_iter().chain([FigureKind::ConnectTime]);
    let reached: Vec<FigureKind> = all.filter(reached).collect();
    biases(&reached, Direction::High, None)
}

fn all(figures: &[FigureKind], effect: Effect) -> Vec<Touch> {
    let touch = |&figure| Touch { figure, effect };
    figures.iter().map(touch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(share: f64) -> Vec<FigureKind> {
        exposed(share).iter().map(|touch| touch.figure).collect()
    }

    /// Three of eight seconds in which nothing was answered: without them it would be 1.6 times as many.
    #[test]
    fn a_rate_lacks_more_of_itself_than_of_the_window() {
        let touches = exposed(0.375);
        let rate = touches
            .iter()
            .find(|touch| touch.figure == FigureKind::Rate);
        let Effect::Biases { up_to_share, .. } = rate.unwrap().effect else {
            panic!("{rate:?}");
        };
        assert!((up_to_share.unwrap() - 0.6).abs() < 1e-9);
        assert_eq!(lacking(1.0), None);
    }

    #[test]
    fn a_percent_reaches_the_tail_and_nothing_else() {
        use FigureKind::{ConnectTime, Cpu, P50, P90, P99, P99_9, Rate};
        assert_eq!(reached(0.0002), []);
        assert_eq!(reached(0.002), [P99_9]);
        assert_eq!(reached(0.01), [P99, P99_9]);
        assert_eq!(reached(0.03), [P90, P99, P99_9, Rate, Cpu]);
        let all = [P50, P90, P99, P99_9, ConnectTime, Rate, Cpu];
        assert_eq!(reached(0.2), all);
    }
}
