//! Reports that were written long ago stay readable: from each time that fields were added a report
//! from before (cut short) in `old-reports`. (The reference results are for scripts/check.)

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use report::{
    model::{MODEL_SCHEMA, ModelReport},
    run::{RUN_SCHEMA, RunReport},
};
use std::{fs, path::PathBuf};

#[test]
fn every_old_report_can_be_read() {
    let places = ["tests/old-reports"];
    let mut files: Vec<PathBuf> = Vec::new();
    for place in places.map(|place| format!("{}/{place}", env!("CARGO_MANIFEST_DIR"))) {
        for directory in fs::read_dir(place).unwrap() {
            for entry in fs::read_dir(directory.unwrap().path()).unwrap() {
                files.push(entry.unwrap().path());
            }
        }
    }
    assert!(!files.is_empty());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        // One after the other rather than as any report: the error then names the field.
        let is_named = if file.ends_with("run.json") {
            serde_json::from_str(&text).map(|run: RunReport| run.schema == RUN_SCHEMA)
        } else {
            serde_json::from_str(&text).map(|model: ModelReport| model.schema == MODEL_SCHEMA)
        };
        let is_named = is_named.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(is_named, "{}", file.display());
    }
}
