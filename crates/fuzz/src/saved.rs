//! What was saved: reports, and the histograms in them.

mod spoiled;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use compare::{Options, compare_pairs, gate::Gate};
use export::{bencher, csv, github, histograms, openmetrics};
use flate2::{Compression, write::ZlibEncoder};
use report::{comparison::Better, model::ModelReport, run::RunReport};
use std::io::Write as _;

/// The first bytes of a histogram, deflated and inflated.
const DEFLATED: [u8; 4] = [0x1c, 0x84, 0x93, 0x14];
const INFLATED: [u8; 4] = [0x1c, 0x84, 0x93, 0x13];

/// A histogram of a report, as if it had been deflated and put into base64.
pub fn histogram(input: &[u8]) {
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::none());
    let written = deflated.write_all(&[&INFLATED, input].concat());
    let deflated = written.and_then(|()| deflated.finish());
    let deflated = deflated.expect("memory takes all that is written to it");
    let length = (deflated.len() as u32).to_be_bytes();
    read_histogram(&STANDARD.encode([&DEFLATED, &length[..], &deflated].concat()));
    read_histogram(&STANDARD.encode(input));
}

fn read_histogram(text: &str) {
    let Ok(one) = stats::decode(text) else {
        return;
    };
    stats::percentiles(&one);
    stats::at_quantile(&one, 0.5);
    if let Ok(Some(sum)) = stats::add_histograms([text, text]) {
        stats::percentiles(&sum);
    }
}

/// A report of version 2, with whatever was changed in it, shown in every way.
pub fn report(input: &[u8]) {
    show_all(spoiled::of_version_2(input));
}

/// The same of version 1.
pub fn old_report(input: &[u8]) {
    show_all(spoiled::of_version_1(input));
}

fn show_all(read: Option<(RunReport, Vec<ModelReport>)>) {
    let Some((run, reports)) = read else {
        return;
    };
    render::table::table(&reports, Some(80));
    render::table::explanation(&reports, &run, true);
    render::table::markdown(&run, &reports);
    let page = page::page(&[(&run, &reports)]);
    assert!(
        !page.contains(spoiled::TAG),
        "HTML of a report is HTML of its page"
    );
    page::pictures(&run, &reports);
    compare_all(&run, &reports);
    let _ = csv::csv(&reports);
    let _ = histograms::distributions(&reports);
    let _ = histograms::log(&reports);
    openmetrics::openmetrics(&reports);
    bencher::bencher(&reports);
    github::github(&reports, Better::Lower);
}

fn compare_all(run: &RunReport, reports: &[ModelReport]) {
    let options = Options {
        margin: 0.02,
        threshold: Some(0.05),
        allow_different: true,
        allow_across: true,
    };
    let both: Vec<&ModelReport> = reports.iter().collect();
    let (comparisons, _) = compare_pairs(run, &both, &options);
    for comparison in &comparisons {
        render::comparison::text(comparison, Some(80));
        render::comparison::markdown(comparison);
    }
    let rankings = compare::rank(run, &both, 0.02).0;
    render::comparison::rankings(&rankings, true, Some(80));
    render::comparison::markdown_of_run(&rankings, &comparisons);
    if let Ok(gate) = "user_bytes_per_connection<=1".parse::<Gate>() {
        for report in reports {
            gate.judge(report);
        }
    }
}
