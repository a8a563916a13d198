//! Judges saved runs anew: how many figures stand, stand as bounds, are biased, and by what.
//!
//! ```text
//! cargo run -p store --example replay -- bench-results/reference/*
//! ```

use analysis::summary::conclude;
use report::{check::Status, model::ModelReport};
use std::{collections::BTreeMap, error::Error, path::PathBuf};
use store::read;

/// How often each.
type Counts = BTreeMap<String, u32>;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut figures, mut rows, mut causes) = (Counts::new(), Counts::new(), Counts::new());
    for directory in std::env::args_os().skip(1).map(PathBuf::from) {
        let (_, reports) = read::run(&directory)?;
        for mut report in reports {
            if report.trials.is_empty() {
                println!(
                    "{} {}: its trials aren't here",
                    report.run, report.model.name
                );
                continue;
            }
            conclude(&mut report)?;
            tally(&report, &mut figures, &mut causes);
            *rows
                .entry(report.verdict.status.word().to_owned())
                .or_default() += 1;
            println!(
                "{:32} {:16} {:12} {}",
                report.run,
                report.model.name,
                report.verdict.status.word(),
                headline_cause(&report)
            );
        }
    }
    for (what, counts) in [("rows", rows), ("figures", figures), ("causes", causes)] {
        println!("\n{what}");
        for (word, times) in counts {
            println!("{times:6} {word}");
        }
    }
    Ok(())
}

fn tally(report: &ModelReport, figures: &mut Counts, causes: &mut Counts) {
    for verdict in report.verdict.figures.values() {
        let word = match (&verdict.bound, verdict.status) {
            (Some(_), Status::Valid) => "valid as a bound",
            (_, status) => status.word(),
        };
        *figures.entry(word.to_owned()).or_default() += 1;
        if verdict.status > Status::NotMeasured {
            let cause = verdict.check.clone().unwrap_or_default();
            *causes.entry(cause).or_default() += 1;
        }
    }
}

/// The figure that makes the row what it is, and why.
fn headline_cause(report: &ModelReport) -> String {
    if report.verdict.status == Status::Valid {
        return String::new();
    }
    let mut figures = report.verdict.figures.iter();
    let worst = figures.find(|(_, of)| of.is_headline && of.status == report.verdict.status);
    worst.map_or_else(String::new, |(id, verdict)| {
        format!("{id}: {}", verdict.because.clone().unwrap_or_default())
    })
}
