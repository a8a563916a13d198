//! What a saved report says: its headline figures, and whether each may be believed.
//!
//! `cargo run -p report --example figures -- bench-results/reference/models/epoll.json`

use report::{check::Status, model::ModelReport};
use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: figures REPORT.json")?;
    let report: ModelReport = serde_json::from_str(&fs::read_to_string(&path)?)?;
    println!("{}, {}", report.model.name, report.model.title);
    if let Some(memory) = &report.summary.memory {
        let bytes = memory.user_bytes_per_connection;
        show("user memory", bytes, "bytes for each connection");
    }
    if let Some(peak) = &report.summary.peak {
        show("peak rate", Some(peak.rate_per_s.median), "requests/s");
        let cpu = peak.server_cpu_us_per_request;
        show("CPU", cpu.map(|cpu| cpu.median), "us for each request");
    }
    for (figure, verdict) in &report.verdict.figures {
        if verdict.status != Status::Valid {
            println!("not to be believed: {figure}: {:?}", verdict.status);
        }
    }
    Ok(())
}

/// A figure that was not measured is null in a report, and never 0.
fn show(name: &str, value: Option<f64>, unit: &str) {
    match value {
        Some(value) => println!("{name}: {value:.1} {unit}"),
        None => println!("{name}: not measured"),
    }
}
