//! A figure by its path in a model's summary: what is published there, and whether it may be believed.

use report::{
    check::{Effect, FigureVerdict, Status},
    model::ModelReport,
};
use serde_json::Value;
use std::iter;

/// A model's summary, in which figures are found by their paths: `peak.rate_per_s`,
/// `open.response_time_us.p99`.
#[derive(Debug)]
pub struct Published<'a> {
    report: &'a ModelReport,
    summary: Value,
}

impl<'a> Published<'a> {
    /// Of a report.
    pub fn of(report: &'a ModelReport) -> Self {
        // A summary can always be written as JSON, or it couldn't be saved.
        let summary = serde_json::to_value(&report.summary).unwrap_or_default();
        Self { report, summary }
    }

    /// A figure, or the median of one that has a spread.
    pub fn value(&self, path: &str) -> Option<f64> {
        let mut names = path.split('.');
        let at = names.try_fold(&self.summary, |at, name| at.get(name))?;
        at.as_f64().or_else(|| at.get("median")?.as_f64())
    }

    /// The verdict on it; in open load a figure's rate is part of its name there. A figure that has none of
    /// its own stands as those do that come from the same windows.
    pub fn verdict(&self, path: &str) -> Option<FigureVerdict> {
        let of_open = self.report.summary.open.as_ref().and_then(|open| {
            let name = path.strip_prefix("open.")?;
            Some(format!("{}.{name}", open.place()))
        });
        let id = of_open.as_deref().unwrap_or(path);
        let verdict = &self.report.verdict;
        verdict.of_figure(id).or_else(|| self.of_windows(id))
    }

    /// Of its percentile, by another clock; or invalid where anything of those windows is. By how much it is
    /// off isn't known then. `None` where neither says anything of it.
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
            let figures = self.report.verdict.figures.iter();
            let all: Vec<_> = figures.filter(is_inside).collect();
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
