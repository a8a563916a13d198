//! Reports that were written long ago stay readable: from each time that fields were added a report
//! from before (cut short) in `old-reports`. (The reference results are for scripts/check.)

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use report::{
    model::{MODEL_SCHEMA, MODEL_SCHEMA_1, ModelReport},
    run::{RUN_SCHEMA, RUN_SCHEMA_1, RunReport},
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use store::{read, save::RunDirectory};

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
            serde_json::from_str(&text).map(|run: RunReport| run.schema == RUN_SCHEMA_1)
        } else {
            serde_json::from_str(&text).map(|model: ModelReport| model.schema == MODEL_SCHEMA_1)
        };
        let is_named = is_named.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(is_named, "{}", file.display());
    }
}

#[test]
fn an_old_run_is_read_and_written_anew_without_loss() {
    let old = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/old-reports/first"
    ));
    let saved = read::models(&old.join("epoll.json")).unwrap().remove(0);
    let (mut run, models) = (saved.run, [saved.report]);
    run.models.retain(|model| model.name == "epoll");
    let parent = tempfile::tempdir().unwrap();
    let directory = RunDirectory::create(parent.path(), "anew").unwrap();
    for model in &models {
        directory.write_model(model).unwrap();
    }
    directory.write_run(&run).unwrap();
    let (run_anew, mut models_anew) = read::run(&directory.path).unwrap();
    assert_eq!((&*run_anew.schema, run_anew.plan), (RUN_SCHEMA, run.plan));
    for (old, anew) in models.iter().zip(&mut models_anew) {
        assert_eq!(anew.schema, MODEL_SCHEMA);
        anew.schema.clone_from(&old.schema);
        assert_eq!(anew, old);
    }
    let figures = std::fs::read_to_string(directory.path.join("epoll.json")).unwrap();
    assert!(
        !figures.contains("\"trials\""),
        "they have a file of their own"
    );
}
