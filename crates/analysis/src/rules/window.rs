//! Is what happened inside the window one thing: no pause, no step, no queue that grows.

use super::load::{GROWTH_MAX, achieved_share, growth};
use hosts::touch::{SHARE_MAX, TIMES, biases, exposed, spoils};
use report::{
    check::{Check, Direction, FigureKind, Touch},
    trial::{ScheduledWindow, Step},
};
use stats::{change_point, median};

/// An interval with fewer answers than this share of the usual is a pause.
const PAUSE_MAX: f64 = 0.1;

/// Where the usual is less than so many, chance makes pauses.
const PAUSE_REQUESTS_MIN: f64 = 50.0;

/// A change less sure than this isn't believed; a window's length of intervals is looked at.
const CHANGE_P_MAX: f64 = 0.01;

/// With fewer intervals a change can't be told from chance.
const INTERVALS_MIN: usize = 12;

/// What is outstanding may grow by so many standard deviations of a Poisson count of what was offered, too.
const DEVIATIONS: f64 = 4.0;

/// Response times that rise by this factor from the first third of a window to its last are those of
/// a queue that grows. One that has grown since the load began rises by more, as long as the warm-up
/// was no longer than the window.
const RISE_MAX: f64 = 1.5;

/// Nothing, or next to nothing, was answered for a while.
pub(super) fn pause(step: &Step) -> Option<Check> {
    let series = step.window.series.as_ref()?;
    let requests: Vec<f64> = series.requests.iter().map(|&n| n as f64).collect();
    let (usual, is_of_most) = usual_of(&requests);
    let (at, length) = match usual >= PAUSE_REQUESTS_MIN {
        true => longest_run(&requests, usual * PAUSE_MAX),
        false => (0, 0),
    };
    // Replies that come in bursts leave most intervals empty, and none of them for long.
    let length = match is_of_most || 2 * length >= requests.len() {
        true => length,
        false => 0,
    };
    let seconds = |intervals: usize| intervals as f64 * series.interval_us as f64 / 1e6;
    let share = length as f64 / requests.len().max(1) as f64;
    let detail = match length {
        0 if !is_of_most => "too little was answered in most intervals to tell a pause".to_owned(),
        0 => "something was answered in every interval".to_owned(),
        _ => format!(
            "nothing was answered for {:.2} s, from {:.2} s after the window's opening",
            seconds(length),
            seconds(at)
        ),
    };
    let advice = "the server stood still, or something stopped it: look at what it did then";
    let check = Check::new("pause", exposed(share), detail, advice);
    Some(check.values(seconds(length), 0.0))
}

/// What is answered in an interval: in the middle one; or, where that is too little to tell, as when a
/// server stands still for over half of the window, in the best tenth. And whether it is that of most.
fn usual_of(requests: &[f64]) -> (f64, bool) {
    let middle = median(requests).unwrap_or(0.0);
    if middle >= PAUSE_REQUESTS_MIN {
        return (middle, true);
    }
    let mut sorted = requests.to_vec();
    sorted.sort_by(f64::total_cmp);
    let best = sorted.get(sorted.len() * 9 / 10).copied().unwrap_or(0.0);
    (best, false)
}

/// The longest run of values up to `max`: where it begins, and how long it is.
fn longest_run(values: &[f64], max: f64) -> (usize, usize) {
    let mut longest = (0, 0);
    let mut from = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > max {
            from = index + 1;
        } else if index + 1 - from > longest.1 {
            longest = (from, index + 1 - from);
        }
    }
    longest
}

/// Whether the rate kept its level; where the window has too few intervals to tell, whether the warm-up had
/// settled. `None` where there was none.
pub(super) fn steady(step: &Step) -> Option<Check> {
    let warm_up_s = step.warm_up_us as f64 / 1e6;
    let series = step.window.series.as_ref();
    let Some(series) = series.filter(|series| series.requests.len() >= INTERVALS_MIN) else {
        let touches = match step.steady? {
            true => Vec::new(),
            false => moved(None),
        };
        let detail = match step.steady? {
            true => format!("steady after {warm_up_s:.1} s"),
            false => format!("rate, latency or memory still changed after {warm_up_s:.1} s"),
        };
        let advice = "a longer --warm-up, or a --duration that is long enough to be looked at";
        return Some(Check::new("steady_state", touches, detail, advice));
    };
    let requests: Vec<f64> = series.requests.iter().map(|&n| n as f64).collect();
    let effect = level_shift(&requests);
    let share = effect.map_or(0.0, |(share, _)| share);
    let detail = match effect {
        None => format!("steady after {warm_up_s:.1} s, and through the window"),
        Some((share, at)) => format!(
            "the rate moved {:.2} s after the window's opening: the levels before and after are up \
             to {:.1} % from what is published",
            at as f64 * series.interval_us as f64 / 1e6,
            share * 100.0
        ),
    };
    let touches = match share > SHARE_MAX {
        true => moved(Some(share)),
        false => Vec::new(),
    };
    let advice =
        "a longer --warm-up lets a server settle that takes its time; a busy machine never does";
    Some(Check::new("steady_state", touches, detail, advice).values(share, SHARE_MAX))
}

fn moved(share: Option<f64>) -> Vec<Touch> {
    let figures = [&[FigureKind::Rate][..], &TIMES].concat();
    biases(&figures, Direction::Either, share)
}

/// How far the mean is from the level before the likeliest change, or after it, and where that is.
fn level_shift(requests: &[f64]) -> Option<(f64, usize)> {
    let change = change_point(requests).filter(|change| change.p < CHANGE_P_MAX)?;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (before, after) = requests.split_at(change.index);
    let whole = mean(requests);
    let off = |level: f64| (level / whole.max(1e-9) - 1.0).abs();
    Some((off(mean(before)).max(off(mean(after))), change.index))
}

/// Whether the rate of a schedule was held: what is due is answered, and what is outstanding doesn't
/// grow. Where it isn't, percentiles say how long the window was, and nothing else.
pub(super) fn sustained(step: &Step, window: &ScheduledWindow) -> Check {
    let offered = window.offered as f64;
    let allowed = (offered * GROWTH_MAX).max(DEVIATIONS * offered.sqrt());
    let growth = growth(step, window);
    let is_sustained = growth <= allowed;
    let share = achieved_share(step).map_or(String::new(), |share| {
        format!(
            ", {:.1} % of what was due was answered in it",
            share * 100.0
        )
    });
    let touches = match is_sustained {
        true => Vec::new(),
        false => spoils(&[&TIMES[..], &[FigureKind::ConnectTime]].concat()),
    };
    Check::new(
        "sustained",
        touches,
        format!("{growth:+.0} requests outstanding over the window of {offered:.0}{share}"),
        "the rate is beyond what the server, or the generator, can do: a lower --rate",
    )
    .values(growth, allowed)
}

/// Whether response times rose all through the window: what is published then is neither those of its
/// beginning nor those of its end. `None` where there is no series.
pub(super) fn rising(step: &Step) -> Option<Check> {
    let series = step.window.series.as_ref()?;
    let mut risen = Vec::new();
    if rises(&series.p50_us) {
        risen.push(FigureKind::P50);
    }
    if rises(&series.p99_us) {
        risen.extend(&TIMES[1..]);
    }
    let detail = match risen.is_empty() {
        true => "response times kept their level",
        false => "response times rose all through the window",
    };
    let touches = biases(&risen, Direction::Either, None);
    let advice = "a longer --duration shows where they end, a lower --rate whether they would";
    Some(Check::new("rising", touches, detail.to_owned(), advice))
}

/// From the first third to the last, in a series that has one change and no way back.
fn rises(times: &[f64]) -> bool {
    let third = times.len() / 3;
    let of = |part: &[f64]| median(part).unwrap_or(0.0);
    let [first, second, last] = [
        of(&times[..third]),
        of(&times[third..times.len() - third]),
        of(&times[times.len() - third..]),
    ];
    let is_sure = change_point(times).is_some_and(|change| change.p < CHANGE_P_MAX);
    is_sure && first < second && second < last && last > RISE_MAX * first
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::trial::{Series, Window};

    fn step(requests: Vec<u64>) -> Step {
        let length_us = requests.len() as u64 * 50_000;
        let series = Series {
            interval_us: 50_000,
            requests,
            ..Series::default()
        };
        Step {
            steady: Some(true),
            window: Window {
                length_us,
                series: Some(series),
                ..Window::default()
            },
            ..crate::rules::tests::step()
        }
    }

    fn figures(check: &Check) -> Vec<FigureKind> {
        check.touches.iter().map(|touch| touch.figure).collect()
    }

    /// A server that is stopped for 3 s of 8.
    #[test]
    fn a_freeze_is_named_with_its_length() {
        let frozen = |i: u64| {
            if (40..100).contains(&i) {
                0
            } else {
                5_000 + i % 7
            }
        };
        let check = pause(&step((0_u64..160).map(frozen).collect())).unwrap();
        assert!(!check.passed);
        assert!(
            check.detail.contains("for 3.00 s, from 2.00 s"),
            "{check:?}"
        );
        assert!(figures(&check).contains(&FigureKind::Rate));
        let check = pause(&step((0_u64..160).map(|i| 5_000 + i % 7).collect())).unwrap();
        assert!(check.passed, "{check:?}");
        // One interval of 160 is in nobody's median, and in p99's reach.
        let once = |i: u64| if i == 80 { 0 } else { 5_000 };
        let check = pause(&step((0..160).map(once).collect())).unwrap();
        assert_eq!(figures(&check), [FigureKind::P99, FigureKind::P99_9]);
        // For five seconds of eight: most intervals have nothing.
        let mostly = |i: u64| if (40..140).contains(&i) { 0 } else { 5_000 };
        let check = pause(&step((0..160).map(mostly).collect())).unwrap();
        assert!(check.detail.contains("for 5.00 s"), "{check:?}");
        // A burst in every fourth interval is no pause between them.
        let bursts = |i: u64| if i.is_multiple_of(4) { 5_000 } else { 0 };
        let check = pause(&step((0..160).map(bursts).collect())).unwrap();
        assert!(check.passed, "{check:?}");
        // Two requests a second leave most intervals empty.
        let check = pause(&step(
            (0_u64..160).map(|i| u64::from(i % 10 == 0)).collect(),
        ))
        .unwrap();
        assert!(check.passed, "{check:?}");
    }

    #[test]
    fn a_step_inside_the_window_is_seen() {
        let check = steady(&step((0_u64..40).map(|i| 5_000 + i % 7).collect())).unwrap();
        assert!(check.passed, "{check:?}");
        let half = |i: u64| if i < 20 { 5_000 } else { 4_000 } + i % 7;
        let check = steady(&step((0..40).map(half).collect())).unwrap();
        assert!(!check.passed);
        assert!((check.measured.unwrap() - 0.111).abs() < 0.002, "{check:?}");
        assert!(check.detail.contains("moved 1.00 s"), "{check:?}");
    }

    #[test]
    fn a_short_window_rests_on_its_warm_up() {
        let mut short = step(vec![5_000; 5]);
        assert!(steady(&short).unwrap().passed);
        short.steady = Some(false);
        assert!(!steady(&short).unwrap().passed);
    }

    fn scheduled(open: Option<u64>, close: Option<u64>, answered: u64) -> Check {
        let mut step = step(vec![1_000; 40]);
        step.window.requests = answered;
        let window = ScheduledWindow {
            offered: 40_000,
            outstanding_at_open: open,
            outstanding_at_close: close,
            ..ScheduledWindow::default()
        };
        step.window.scheduled = Some(window.clone());
        sustained(&step, &window)
    }

    #[test]
    fn a_queue_that_grows_is_not_sustained() {
        assert!(scheduled(Some(10), Some(15), 40_000).passed);
        // Chance: twenty times the root.
        assert!(scheduled(Some(10), Some(700), 39_300).passed);
        let check = scheduled(Some(400), Some(3_400), 37_000);
        assert!(!check.passed);
        let spoiled = [&TIMES[..], &[FigureKind::ConnectTime]].concat();
        assert_eq!(figures(&check), spoiled);
        assert!(!scheduled(None, None, 37_000).passed);
        assert!(scheduled(None, None, 39_900).passed);
    }

    /// One that went from 10 to 85 ms through the window, and was published as a p99 of 84 ms.
    #[test]
    fn times_that_rise_all_through_are_not_sustained() {
        let series = |of: fn(u64) -> f64| (0..60).map(of).collect::<Vec<f64>>();
        assert!(rises(&series(|i| 10_000.0 + 1_250.0 * i as f64)));
        assert!(!rises(&series(|i| 10_000.0 + 500.0 * (i % 5) as f64)));
        // A burst that is over.
        assert!(!rises(&series(|i| if (20..30).contains(&i) {
            80_000.0
        } else {
            10_000.0
        })));
    }

    /// One percent more than the server can do: as many are outstanding more as chance may leave of
    /// so many, and of what is published the median says how long the window was, too.
    #[test]
    fn a_queue_that_grows_slowly_touches_every_percentile() {
        let mut step = step(vec![1_000; 40]);
        let series = step.window.series.as_mut().unwrap();
        series.p50_us = (0..40).map(|i| 13_000.0 + 500.0 * f64::from(i)).collect();
        series.p99_us = series.p50_us.iter().map(|us| us + 400.0).collect();
        assert_eq!(figures(&rising(&step).unwrap()), TIMES);
        let series = step.window.series.as_mut().unwrap();
        series.p50_us = vec![900.0; 40];
        assert_eq!(figures(&rising(&step).unwrap()), TIMES[1..]);
    }
}
