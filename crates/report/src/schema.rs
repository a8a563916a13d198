//! The JSON Schema of all kinds of report, made from the types.

use crate::{
    comparison::ComparisonReport, model::ModelReport, run::RunReport, trials::TrialsReport,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Any file that a run writes, and what a comparison of two models is printed as.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "one at a time, and short-lived")]
pub enum Report {
    /// `<model>.json`
    Model(ModelReport),
    /// `run.json`
    Run(RunReport),
    /// `<model>.trials.json.gz`, unpacked
    Trials(TrialsReport),
    /// One of those that `compare --format json` prints
    Comparison(ComparisonReport),
}

/// The schema as it lies in `bench-results/report.schema.json`.
pub fn schema_text() -> String {
    let schema = schemars::schema_for!(Report);
    let mut text =
        serde_json::to_string_pretty(&schema).expect("a schema is a tree of JSON values");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_in_the_repository_is_that_of_the_types() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../bench-results/report.schema.json"
        );
        let stored = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            stored == schema_text(),
            "bench-results/report.schema.json is not that of the types; to renew it: \
             cargo run -p runner -- schema > bench-results/report.schema.json"
        );
    }
}
