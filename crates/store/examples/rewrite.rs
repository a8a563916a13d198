//! Writes saved runs anew, in the present version: `cargo run -p store --example rewrite -- RUN...`

use std::{env, path::Path, process::ExitCode};
use store::{error::StoreError, read, save::RunDirectory};

fn main() -> ExitCode {
    for path in env::args().skip(1) {
        if let Err(error) = rewrite(Path::new(&path)) {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn rewrite(path: &Path) -> Result<(), StoreError> {
    let (run, models) = read::run(path)?;
    let directory = RunDirectory::open(path);
    for model in &models {
        directory.write_model(model)?;
    }
    directory.write_run(&run).map(drop)
}
