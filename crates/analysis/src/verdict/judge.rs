//! One figure, by the checks of the windows behind it.
//!
//! A figure is the median of its trials. As long as fewer than half of them are touched it stays
//! within the others, so it is off by no more than the upper median of what each can be off by.
//! (P. J. Huber, "Robust Statistics", 1981, ch. 1: the median's breakdown point is a half.) What
//! was wrong once is wrong: what spoils one trial spoils the figure.
//!
//! A trial that is biased and one that is bounded are both touched. Where only both together are half of
//! the trials, the median may be either's, so the figure is suspect.

use report::check::{Check, Direction, Effect, FigureKind, FigureVerdict, Status};

/// A rate that moved inside its windows is judged by the interval that it is published with.
const BY_INTERVAL: &str = "steady_state";

/// The verdict of a figure of this kind, by the checks of each of its trials. `half_width_share` is
/// half of its interval as a share of it, where it has one.
pub(super) fn judge<'a>(
    kind: FigureKind,
    trials: &[Vec<&'a Check>],
    half_width_share: Option<f64>,
) -> FigureVerdict {
    let spoiling = trials.iter().flatten().find(|check| {
        let mut touches = check.touches.iter();
        touches.any(|touch| touch.figure == kind && touch.effect == Effect::Spoils)
    });
    if let Some(check) = spoiling {
        return verdict(Status::Invalid, check);
    }
    if let Some((bias, check)) =
        upper_median(trials, |checks| worst_bias(kind, checks, half_width_share))
    {
        return FigureVerdict {
            bias: Some(bias),
            ..verdict(Status::Suspect, check)
        };
    }
    if let Some((bound, check)) = upper_median(trials, |checks| worst_bound(kind, checks)) {
        return FigureVerdict {
            bound: Some(bound),
            ..verdict(Status::Valid, check)
        };
    }
    let either = |checks: &[&'a Check]| {
        worst_bias(kind, checks, half_width_share).or_else(|| worst_bound(kind, checks))
    };
    match upper_median(trials, either) {
        Some((effect, check)) => FigureVerdict {
            bias: Some(as_bias(effect)),
            ..verdict(Status::Suspect, check)
        },
        None => FigureVerdict::default(),
    }
}

fn as_bias(effect: Effect) -> Effect {
    match effect {
        Effect::Bounds {
            direction,
            slack_share: up_to_share,
        } => Effect::Biases {
            direction,
            up_to_share,
        },
        biases => biases,
    }
}

fn verdict(status: Status, check: &Check) -> FigureVerdict {
    let place = check.trial.as_ref();
    let place = place.map_or_else(String::new, |trial| format!(" ({trial})"));
    FigureVerdict {
        status,
        check: Some(check.id.clone()),
        because: Some(format!("{}{place}", check.detail)),
        ..FigureVerdict::default()
    }
}

/// Of what each trial has at worst, the middle one; of an even number the greater in the middle.
fn upper_median<'a>(
    trials: &[Vec<&'a Check>],
    worst: impl Fn(&[&'a Check]) -> Option<(Effect, &'a Check)>,
) -> Option<(Effect, &'a Check)> {
    let mut all: Vec<_> = trials.iter().map(|checks| worst(checks)).collect();
    all.sort_by(|a, b| size(a.as_ref()).total_cmp(&size(b.as_ref())));
    all.into_iter().nth(trials.len() / 2)?
}

/// How far a figure can be off: 0 for no effect, beyond all when nothing is known.
fn size(of: Option<&(Effect, &Check)>) -> f64 {
    match of {
        None => 0.0,
        Some((Effect::Spoils, _)) => f64::INFINITY,
        Some((
            Effect::Biases {
                up_to_share: share, ..
            }
            | Effect::Bounds {
                slack_share: share, ..
            },
            _,
        )) => share.unwrap_or(f64::INFINITY),
    }
}

fn worst_bias<'a>(
    kind: FigureKind,
    checks: &[&'a Check],
    half_width_share: Option<f64>,
) -> Option<(Effect, &'a Check)> {
    let is_within = |check: &Check, share: Option<f64>| {
        check.id == BY_INTERVAL
            && half_width_share
                .zip(share)
                .is_some_and(|(half, share)| share <= half)
    };
    worst(kind, checks, |check, effect| match effect {
        Effect::Biases { up_to_share, .. } => !is_within(check, *up_to_share),
        _ => false,
    })
}

fn worst_bound<'a>(kind: FigureKind, checks: &[&'a Check]) -> Option<(Effect, &'a Check)> {
    worst(kind, checks, |_, effect| {
        matches!(effect, Effect::Bounds { .. })
    })
}

fn worst<'a>(
    kind: FigureKind,
    checks: &[&'a Check],
    is_wanted: impl Fn(&Check, &Effect) -> bool,
) -> Option<(Effect, &'a Check)> {
    let touches = checks.iter().flat_map(|check| {
        let of_kind = check.touches.iter().filter(|touch| touch.figure == kind);
        of_kind.map(move |touch| (touch.effect, *check))
    });
    // Of equal ones the first: that is the cause.
    touches
        .filter(|(effect, check)| is_wanted(check, effect))
        .reduce(|worst, next| match size(Some(&next)) > size(Some(&worst)) {
            true => next,
            false => worst,
        })
}

/// In words: what a figure with this effect claims.
pub fn words(effect: &Effect) -> String {
    let share =
        |share: &Option<f64>| share.map(|share| format!(" by up to {:.1} %", share * 100.0));
    match effect {
        Effect::Spoils => "what it claims did not happen".to_owned(),
        Effect::Biases {
            direction,
            up_to_share,
        } => {
            let how = match direction {
                Direction::Low => "too low",
                Direction::High => "too high",
                Direction::Either => "off",
            };
            format!("{how}{}", share(up_to_share).unwrap_or_default())
        }
        Effect::Bounds {
            direction,
            slack_share,
        } => {
            let how = match direction {
                Direction::Low => "at least",
                Direction::High => "at most",
                Direction::Either => "about",
            };
            format!("{how} this{}", share(slack_share).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::check::Touch;

    fn check(id: &str, effect: Effect) -> Check {
        let touch = Touch {
            figure: FigureKind::Rate,
            effect,
        };
        Check::new(id, vec![touch], "detail".to_owned(), "advice")
    }

    fn biased(share: f64) -> Check {
        let direction = Direction::Low;
        let up_to_share = Some(share);
        check(
            "steal",
            Effect::Biases {
                direction,
                up_to_share,
            },
        )
    }

    fn status(trials: &[Vec<&Check>]) -> Status {
        judge(FigureKind::Rate, trials, None).status
    }

    #[test]
    fn a_median_stands_while_fewer_than_half_are_touched() {
        let off = biased(0.3);
        let (sound, bad) = (Vec::new, || vec![&off]);
        assert_eq!(status(&[bad()]), Status::Suspect);
        assert_eq!(status(&[bad(), sound()]), Status::Suspect);
        assert_eq!(status(&[bad(), sound(), sound()]), Status::Valid);
        assert_eq!(status(&[bad(), bad(), sound()]), Status::Suspect);
        let six = |bad_ones| -> Vec<Vec<&Check>> {
            (0..6)
                .map(|i| if i < bad_ones { bad() } else { sound() })
                .collect()
        };
        assert_eq!(status(&six(2)), Status::Valid);
        assert_eq!(status(&six(3)), Status::Suspect);
        assert_eq!(judge(FigureKind::P50, &six(6), None).status, Status::Valid);
    }

    #[test]
    fn what_is_wrong_once_is_wrong() {
        let wrong = check("replies_right", Effect::Spoils);
        let judged = judge(FigureKind::Rate, &[vec![], vec![&wrong], vec![]], None);
        assert_eq!(judged.status, Status::Invalid);
        assert_eq!(judged.check.as_deref(), Some("replies_right"));
    }

    #[test]
    fn a_bound_is_valid_and_says_how_far() {
        let bound = Effect::Bounds {
            direction: Direction::Low,
            slack_share: Some(0.25),
        };
        let check = check("generator_bound", bound);
        let judged = judge(FigureKind::Rate, &[vec![&check], vec![&check]], None);
        assert_eq!((judged.status, judged.bound), (Status::Valid, Some(bound)));
        assert_eq!(words(&bound), "at least this by up to 25.0 %");
    }

    #[test]
    fn biased_and_bounded_trials_are_touched_alike() {
        let (off, bound) = (
            biased(0.3),
            check(
                "generator_bound",
                Effect::Bounds {
                    direction: Direction::Low,
                    slack_share: Some(0.1),
                },
            ),
        );
        let six = |biased: usize, bounded: usize| {
            let mut trials = vec![vec![&off]; biased];
            trials.extend(vec![vec![&bound]; bounded]);
            trials.resize(6, Vec::new());
            let judged = judge(FigureKind::Rate, &trials, None);
            (judged.status, judged.bound.is_some(), judged.bias)
        };
        assert_eq!(six(2, 0), (Status::Valid, false, None));
        assert_eq!(six(0, 2), (Status::Valid, false, None));
        assert_eq!(six(1, 3), (Status::Valid, true, None));
        let (status, is_bound, bias) = six(2, 2);
        assert_eq!((status, is_bound), (Status::Suspect, false));
        assert!(matches!(
            bias,
            Some(Effect::Biases {
                up_to_share: Some(0.1),
                ..
            })
        ));
    }

    #[test]
    fn a_move_within_the_interval_is_in_the_interval() {
        let moved = check(
            "steady_state",
            Effect::Biases {
                direction: Direction::Either,
                up_to_share: Some(0.04),
            },
        );
        let trials = [vec![&moved], vec![&moved]];
        let judged = |half| judge(FigureKind::Rate, &trials, half).status;
        assert_eq!(judged(Some(0.05)), Status::Valid);
        assert_eq!(judged(Some(0.03)), Status::Suspect);
        assert_eq!(judged(None), Status::Suspect);
    }
}
