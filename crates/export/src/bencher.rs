//! Bencher Metric Format: <https://bencher.dev/docs/reference/bencher-metric-format/>.

use crate::values::believable;
use report::model::ModelReport;
use serde_json::{Map, Value, json};

/// A benchmark for each model and load, a measure for each figure; the bounds are the blocks' range.
pub fn bencher(reports: &[ModelReport]) -> String {
    let mut benchmarks = Map::new();
    for report in reports {
        for figure in believable(report) {
            let name = format!("{} ({})", report.model.name, figure.subject.place());
            let measures = benchmarks.entry(name).or_insert_with(|| json!({}));
            // Measures are known by slugs, which have neither dots nor underscores.
            let measure = figure.subject.figure.replace(['.', '_'], "-");
            measures[measure] = json!({
                "value": figure.value,
                "lower_value": figure.low,
                "upper_value": figure.high,
            });
        }
    }
    format!("{:#}\n", Value::Object(benchmarks))
}
