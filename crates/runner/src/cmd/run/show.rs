//! The end of a run, for people on standard error and for programs on standard output.

use super::args::RunArgs;
use crate::{exit::Exit, output};
use anyhow::Context as _;
use compare::{Options, compare};
use measure::run::Run;
use render::{
    comparison::{rankings, text},
    table::{explanation, table},
};
use report::{check::Status, model::ModelReport};
use std::fs;

/// Functions of a profile; the report has more.
const TOP_SHOWN: usize = 6;

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
                .map(|comparison| text(&comparison))
        }
        _ => None,
    };
    let Some(compared) = compared else {
        show_rankings(run, reports.len());
        return;
    };
    output::say(format_args!("\n{compared}"));
}

fn show_rankings(run: &Run, models: usize) {
    let shown = rankings(&run.report.rankings, false);
    if !shown.is_empty() {
        output::say(format_args!("\n{shown}"));
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

/// The flame graph and the first of the functions, or why there are none.
fn show_profile(report: &ModelReport, run: &Run, is_wanted: bool) {
    let name = &report.model.name;
    let Some(profile) = &report.profile else {
        if let Some(reason) = report.not_measured.get("profile").filter(|_| is_wanted) {
            output::say(format_args!("\nno profile of {name}: {reason}"));
        }
        return;
    };
    output::say(format_args!(
        "\nprofile of {name}: {} samples{} under {} load, as a graph in {}",
        profile.samples,
        if profile.user_only {
            " of user space alone (the kernel's part is root's to see, or everybody's with 'sysctl -w \
             kernel.perf_event_paranoid=1')"
        } else {
            ""
        },
        profile.load.word(),
        run.directory.path.join(&profile.flame_graph).display()
    ));
    for function in profile.top.iter().take(TOP_SHOWN) {
        output::say(format_args!(
            "  {:5.1} %  {}{}",
            function.self_share * 100.0,
            function.name,
            if function.in_kernel { " (kernel)" } else { "" }
        ));
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
            table(&reports),
            explanation(&reports, &run.report, args.explain)
        ));
    }
    show_comparison(run, &reports);
    for contestant in &run.contestants {
        show_profile(&contestant.report, run, args.profile);
    }
    if let Some(error) = &run.unsaved {
        output::say(format_args!(
            "\nnot saved: {error}. What is shown above is all that there is of it: the files are those \
             of the last block that could be written, or of none"
        ));
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
    Ok(args.gates.pass(&reports, exit))
}
