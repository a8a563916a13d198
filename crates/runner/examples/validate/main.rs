//! Holds report files against the JSON Schema in the repository, for scripts/check.

mod schema;

use schema::Schema;
use std::{env, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let schema = Schema::of(include_str!("../../../../bench-results/report.schema.json"));
    let (mut files, mut faults) = (0, 0);
    for path in env::args().skip(1) {
        files += 1;
        let text = store::read::text_of(Path::new(&path)).unwrap_or_default();
        match serde_json::from_str(&text) {
            Ok(report) => {
                for fault in schema.faults(&report) {
                    faults += 1;
                    eprintln!("{path}: {fault}");
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
