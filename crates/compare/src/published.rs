//! A figure by its path in a model's summary: what is published there, and whether it may be believed.

use report::{check::FigureVerdict, model::ModelReport};
use serde_json::Value;

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
        self.report.verdict.of_figure_or_windows(id)
    }
}
