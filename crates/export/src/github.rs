//! What github-action-benchmark takes: its tools `customSmallerIsBetter` and `customBiggerIsBetter`,
//! <https://github.com/benchmark-action/github-action-benchmark>.

use crate::values::{believable, bound, word};
use report::{comparison::Better, model::ModelReport};
use serde_json::{Value, json};

/// All figures of which less is better, or more: the action takes one kind at a time.
pub fn github(reports: &[ModelReport], better: Better) -> String {
    let of = |report: &ModelReport| {
        let name = report.model.name.clone();
        let figures = believable(report).into_iter();
        let wanted = figures.filter(move |figure| figure.subject.better() == better);
        wanted.map(move |figure| {
            let verdict = figure.verdict.as_ref();
            let words = [word(verdict), bound(verdict)].join(" ").replace('_', " ");
            let subject = figure.subject;
            json!({
                "name": format!("{name}: {} ({})", subject.figure, subject.place()),
                "unit": subject.unit(),
                "value": figure.value,
                "range": format!("{} to {}", figure.low, figure.high),
                "extra": words.trim(),
            })
        })
    };
    format!(
        "{:#}\n",
        Value::Array(reports.iter().flat_map(of).collect())
    )
}
