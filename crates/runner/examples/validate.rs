//! Holds report files against the JSON Schema in the repository, for scripts/check.

use std::{env, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let schema = include_str!("../../../bench-results/report.schema.json");
    let schema = serde_json::from_str(schema).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    let (mut files, mut faults) = (0, 0);
    for path in env::args().skip(1) {
        files += 1;
        let text = store::read::text_of(Path::new(&path)).unwrap_or_default();
        match serde_json::from_str(&text) {
            Ok(report) => {
                for fault in validator.iter_errors(&report) {
                    faults += 1;
                    eprintln!("{path}: {}: {fault}", fault.instance_path());
                }
            }
            Err(error) => {
                faults += 1;
                eprintln!("{path}: {error}");
            }
        }
    }
    println!("{files} reports held against the schema, {faults} faults");
    ExitCode::from(u8::from(files == 0 || faults > 0))
}
