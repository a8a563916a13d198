//! The end of a run, for people on standard error and for programs on standard output.

use super::args::RunArgs;
use crate::{exit::Exit, output};
use anyhow::Context as _;
use compare::{Options, compare};
use measure::run::Run;
use render::{
    comparison::{rankings, text},
    fitted,
    profile::profile,
    table::{explanation, table},
};
use report::{check::Status, model::ModelReport};
use std::{fs, io::stderr};

/// Of the terminal on standard error.
fn columns() -> Option<u16> {
    output::columns(stderr())
}

/// Of two models the whole comparison; of more, who is where in the figures that decide.
///
/// One model is compared with nothing, and then nothing is said of that.
fn show_comparison(run: &Run, reports: &[ModelReport]) {
    let of_run = |report| (&run.report, report);
    let is_over = !run.report.rankings.is_empty();
    let compared = match reports {
        [baseline, candidate] if is_over => {
            compare(of_run(baseline), of_run(candidate), &Options::default())
                .ok()
                .map(|comparison| text(&comparison, columns()))
        }
        _ => None,
    };
    let Some(compared) = compared else {
        show_rankings(run, reports.len());
        return;
    };
    output::say(format_args!("\n{}", fitted(&compared, columns())));
}

fn show_rankings(run: &Run, models: usize) {
    let shown = rankings(&run.report.rankings, false, columns());
    if !shown.is_empty() {
        output::say(format_args!("\n{}", fitted(&shown, columns())));
    }
    if models > 1 && !run.report.rankings.is_empty() {
        output::say(format_args!(
            "\nevery figure: runner compare {}",
            run.directory.path.display()
        ));
    }
    for reason in &run.report.not_compared {
        output::say(format_args!("note: {reason}"));
    }
}

/// The page of the run, beside its reports.
fn write_page(run: &Run, reports: &[ModelReport]) {
    let page = page::page(&[(&run.report, reports)]);
    match run.directory.write_text(page::FILE, &page) {
        Ok(path) => output::say(format_args!("\nto look at: {}", path.display())),
        Err(error) => output::say(format_args!("\nno page: {error}")),
    }
}

/// The reports' text, to standard output: as they are on disk or, where they aren't, as they should be.
fn write_reports(run: &Run) -> anyhow::Result<()> {
    for path in run.saved.iter().filter(|_| run.unsaved.is_none()) {
        let text = fs::read_to_string(path)
            .with_context(|| format!("can't read {} again", path.display()))?;
        output::write(format_args!("{text}"));
    }
    if run.unsaved.is_some() {
        output::line(serde_json::to_string_pretty(&run.report)?);
        for contestant in &run.contestants {
            output::line(serde_json::to_string_pretty(&contestant.report)?);
        }
    }
    Ok(())
}

/// What came of a run, and its exit code.
///
/// # Errors
/// A report can't be read again.
pub(super) fn show(run: &Run, args: &RunArgs) -> anyhow::Result<Exit> {
    let reports: Vec<ModelReport> = run.contestants.iter().map(|c| c.report.clone()).collect();
    let any = reports
        .iter()
        .any(|r| !r.trials.is_empty() || r.failure.is_some());
    if run.report.interrupted && !any {
        output::say(
            "\ninterrupted before the first trial was over: the reports hold the plan only",
        );
    } else {
        output::say(format_args!(
            "\n{}\n{}",
            table(&reports, columns()),
            fitted(&explanation(&reports, &run.report, args.explain), columns())
        ));
    }
    show_comparison(run, &reports);
    for report in reports
        .iter()
        .filter(|report| args.profile || report.profile.is_some())
    {
        if let Some(text) = profile(report, &run.directory.path) {
            output::say(format_args!("\n{text}"));
        }
    }
    if let Some(error) = &run.unsaved {
        output::say(format_args!(
            "\nnot saved: {error}. What is shown above is all that there is of it: the files are those \
             of the last block that could be written, or of none"
        ));
    }
    if run.unsaved.is_none() {
        write_page(run, &reports);
    }
    if args.json {
        write_reports(run)?;
    } else {
        for path in &run.saved {
            output::line(path.display());
        }
    }
    let failed = run
        .contestants
        .iter()
        .any(|contestant| contestant.report.failure.is_some());
    let exit = if run.report.interrupted {
        Exit::Interrupted
    } else if run.unsaved.is_some() {
        Exit::WrongUse
    } else if failed || run.report.verdict.status == Status::Invalid {
        Exit::Failed
    } else {
        Exit::Fine
    };
    Ok(exit)
}
