//! The verdict on a figure, by the figure's path in the summary.

use crate::check::{Effect, FigureVerdict, Status, Verdict};
use std::iter;

impl Verdict {
    /// That of one figure, or of all the percentiles that it is one of. Reports of before figures had
    /// verdicts of their own have one for all, of which nobody knows how it touches this one. `None`: nothing
    /// is said of it.
    pub fn of_figure(&self, id: &str) -> Option<FigureVerdict> {
        if !self.figures.is_empty() {
            let of_all = || self.figures.get(id.rsplit_once('.')?.0);
            return self.figures.get(id).or_else(of_all).cloned();
        }
        let worst = self.worst();
        Some(FigureVerdict {
            status: self.status,
            check: worst.map(|check| check.id.clone()),
            because: worst.map(|check| check.detail.clone()),
            ..FigureVerdict::default()
        })
    }

    /// The same; a figure of which nothing is said stands as those do that come from the same windows: as
    /// its percentile by another clock, or invalid where anything of those windows is. By how much it is off
    /// isn't known then.
    pub fn of_figure_or_windows(&self, id: &str) -> Option<FigureVerdict> {
        self.of_figure(id).or_else(|| self.of_windows(id))
    }

    fn of_windows(&self, id: &str) -> Option<FigureVerdict> {
        let (place, name) = id.rsplit_once('.')?;
        let tells = |other: &str| match name {
            "max" => other == "p99_9",
            "mean" => other == "p99",
            name => other == name,
        };
        let mut places = iter::successors(Some(place), |place| Some(place.rsplit_once('.')?.0));
        let (place, all) = places.find_map(|place| {
            let is_inside = |(id, _): &(&String, _)| {
                let rest = id.strip_prefix(place);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let all: Vec<_> = self.figures.iter().filter(is_inside).collect();
            (!all.is_empty()).then_some((place, all))
        })?;
        let has_word = |(id, verdict): &&(&String, &FigureVerdict)| {
            let leaf = id.rsplit('.').next().unwrap_or_default();
            id.as_str() == place || tells(leaf) || verdict.status == Status::Invalid
        };
        let worst = all.iter().filter(has_word).map(|(_, verdict)| *verdict);
        worst
            .max_by_key(|verdict| verdict.status)
            .map(how_far_unknown)
    }
}

/// The same of another figure.
fn how_far_unknown(verdict: &FigureVerdict) -> FigureVerdict {
    let unknown = |effect: Effect| match effect {
        Effect::Spoils => effect,
        Effect::Biases { direction, .. } => Effect::Biases {
            direction,
            up_to_share: None,
        },
        Effect::Bounds { direction, .. } => Effect::Bounds {
            direction,
            slack_share: None,
        },
    };
    FigureVerdict {
        bound: verdict.bound.map(unknown),
        bias: verdict.bias.map(unknown),
        ..verdict.clone()
    }
}
