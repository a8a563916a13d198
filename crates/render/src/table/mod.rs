//! The table that a person reads in ten seconds.

mod external;
mod rows;
mod sheet;

use crate::{blocks, doubts::doubts, inert::inert, numbers::whole};
use comfy_table::Table;
use report::{
    check::{Check, Status},
    comparison::BLOCKS_MIN,
    model::ModelReport,
    run::{RunReport, Stop, StopReason},
};
use rows::Form;

/// Observers' leftovers below this, per connection, are pages that come and go.
const OBSERVERS_SHOWN_BYTES: f64 = 50.0;

/// What the marks at figures mean.
const LEGEND: &str = ">= and <= are bounds, ? is biased,\n\
                      x is not what it claims (why: below, and verdict.figures in the report)\n\
                      times are less the generator's own lag, where that is known";

/// What a folded table leaves out.
const FOLDED: &str = "folded for this terminal: service times and p99.9 are in the reports";

/// One row per model: memory, rate, times, CPU, verdict; folded where a terminal has fewer columns
/// than that takes.
pub fn table(reports: &[ModelReport], columns: Option<u16>) -> String {
    let fits = |table: &Table| {
        let widest = table.lines().map(|line| line.chars().count()).max();
        columns.is_none_or(|columns| widest.unwrap_or(0) <= columns.into())
    };
    let whole = Form::Whole.table(reports);
    let (table, more) = match fits(&whole) {
        true => (whole, String::new()),
        false => (Form::Folded.table(reports), format!("\n{FOLDED}")),
    };
    let sheets = sheet::sheets(reports);
    let sheets: Vec<String> = sheets.iter().map(|sheet| sheet.text(columns)).collect();
    let ends = match ends_counted(reports, false) {
        "" => String::new(),
        ends => format!("* {ends}; "),
    };
    format!("{table}\n{ends}{LEGEND}{more}\n{}", sheets.join("\n"))
}

/// Whose kernel memory there is, where there is any: over several hosts the other ends are in the memory of
/// others.
fn ends_counted(reports: &[ModelReport], over_hosts: bool) -> &'static str {
    if reports.iter().all(|report| report.summary.memory.is_none()) {
        return "";
    }
    let mut trials = reports.iter().flat_map(|report| &report.trials);
    match over_hosts || trials.any(|trial| !trial.hosts.is_empty()) {
        true => "of those ends of connections that the servers' host has",
        false => "of both ends of each connection",
    }
}

/// Lines below the table: the verdict of the run, and why each model isn't valid. With `all`
/// every check is shown, passed or not.
pub fn explanation(reports: &[ModelReport], run: &RunReport, all: bool) -> String {
    let mut lines = vec![format!("verdict: {}", run.verdict.status.word())];
    if run.interrupted {
        lines.push("  interrupted: these are the trials that were finished".to_owned());
    }
    lines.extend(too_few_blocks(run, reports));
    lines.extend(run.stops.iter().filter_map(|stop| why_stopped(stop, run)));
    lines.extend(ceilings(reports));
    lines.extend(above_ceiling(reports.iter()));
    lines.extend(reports.iter().filter_map(external::note));
    lines.extend(run.verdict.checks.iter().filter(|c| !c.passed).map(reason));
    for report in reports {
        let verdict = &report.verdict;
        if let Some(failed) = verdict.checks.iter().find(|check| check.id == "model_ran") {
            lines.push(format!(
                "  {} is invalid: {}",
                report.model.name, failed.detail
            ));
            lines.push(format!("    -> {}", failed.advice));
        }
        lines.extend(doubts(report));
        lines.extend(observers(report));
        if let Some(failure) = &report.failure {
            let tail: Vec<&str> = failure.stderr_tail.lines().collect();
            let last = &tail[tail.len().saturating_sub(8)..];
            lines.extend(last.iter().map(|line| format!("    | {line}")));
        }
        if all {
            lines.push(format!("\nchecks of {}", report.model.name));
            lines.extend(verdict.checks.iter().map(one_check));
        }
    }
    lines.join("\n")
}

/// With fewer blocks nothing could be told, however great: for who wanted to compare.
fn too_few_blocks(run: &RunReport, reports: &[ModelReport]) -> Option<String> {
    let models = run.plan.models.len();
    let few = blocks::too_few(run, reports.iter())?;
    Some(format!(
        "too few for a comparison of {models} models, which takes --trials {BLOCKS_MIN}: {few}"
    ))
}

/// Of one model nothing was to be decided.
fn why_stopped(stop: &Stop, run: &RunReport) -> Option<String> {
    let Stop { loads, blocks, .. } = stop;
    let why = match stop.reason {
        StopReason::Decided => "every pair is decided or equal in the primary figures",
        StopReason::OutOfPatience => {
            "not every pair is decided, but the patience was over (--patience)"
        }
        StopReason::LastLook => "not every pair is decided, but that was the last look",
    };
    let loads = loads.join(" and ");
    (run.plan.models.len() > 1).then(|| format!("{loads} ended after {blocks} blocks: {why}"))
}

/// What the ceilings are, each once.
fn ceilings(reports: &[ModelReport]) -> Vec<String> {
    let mut lines = Vec::new();
    for ceiling in reports.iter().filter_map(|report| report.ceiling.as_ref()) {
        let line = format!("ceiling: {}/s, {}", whole(ceiling.rate_per_s), ceiling.what);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// Rates so far above their ceiling that it was none, in percent of it; less is within what two
/// measurements of the same differ by.
const ABOVE_CEILING_PERCENT: f64 = 110.0;

/// Which models had a higher rate than what their rates are held against; nothing where none had.
pub fn above_ceiling<'a>(reports: impl Iterator<Item = &'a ModelReport>) -> Option<String> {
    let above = reports.flat_map(|report| {
        let summary = &report.summary;
        let ladder = summary.closed_ladder.iter();
        let alone = summary
            .peak
            .iter()
            .filter(|_| summary.closed_ladder.is_empty());
        ladder.chain(alone).filter_map(|step| {
            let ceiling = report.ceiling.as_ref()?.over(step.connections);
            let percent = step.rate_per_s.median / ceiling * 100.0;
            (percent.is_finite() && percent > ABOVE_CEILING_PERCENT).then(|| {
                let (name, connections) = (&report.model.name, whole(step.connections.into()));
                format!("{name} ({percent:.0} % at {connections} conn)")
            })
        })
    });
    let above: Vec<String> = above.collect();
    let names = above.join(", ");
    (!above.is_empty()).then(|| {
        format!(
            "above the ceiling, which was none there, so that shares of it say nothing: {names}"
        )
    })
}

fn reason(check: &Check) -> String {
    format!("  {}{}: {}", check.id, place(check), check.detail)
}

fn one_check(check: &Check) -> String {
    let mark = match check.status() {
        Status::Valid | Status::NotMeasured => "ok     ",
        Status::Suspect => "SUSPECT",
        Status::Invalid => "INVALID",
    };
    let mut line = format!("  {mark}{}", reason(check));
    if !check.passed {
        line.push_str(&format!("\n            -> {}", check.advice));
    }
    line
}

fn place(check: &Check) -> String {
    let trial = check.trial.as_ref();
    trial.map(|trial| format!(" ({trial})")).unwrap_or_default()
}

/// What was subtracted from the kernel's memory, where it is worth a word.
fn observers(report: &ModelReport) -> Option<String> {
    let memory = report.summary.memory.as_ref()?;
    let bytes = memory.kernel_observers_bytes_per_connection?;
    (bytes > OBSERVERS_SHOWN_BYTES).then(|| {
        format!(
            "  {}: {} B a connection of kernel memory are not in its figure: something listed open \
             files or threads in /proc, and the kernel remembers each",
            report.model.name,
            whole(bytes)
        )
    })
}

/// A run as a table in Markdown, with the machine above it and the reasons below.
pub fn markdown(run: &RunReport, reports: &[ModelReport]) -> String {
    let environment = &run.environment;
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
    let mut text = format!(
        "{}{}, {} CPUs, Linux {}; {} block(s), {} of {} bytes; measured {}.\n\n",
        run.plan
            .scenario
            .as_ref()
            .map_or_else(String::new, |name| format!("`{name}`: ")),
        known(&environment.cpu),
        environment.cpus.unwrap_or(0),
        known(&environment.kernel),
        run.plan.blocks,
        run.plan.workload,
        run.plan.payload_bytes,
        run.started_at.split('T').next().unwrap_or_default(),
    );
    if run.interrupted {
        text.push_str("Interrupted: these are the trials that were finished.\n\n");
    }
    if let Some(few) = blocks::too_few(run, reports.iter()) {
        text.push_str(&format!(
            "Too few blocks to tell models apart, which takes {BLOCKS_MIN}: {few}.\n\n"
        ));
    }
    let sheets = sheet::sheets(reports);
    // A scenario's ladders mostly say all that the first table would.
    if run.plan.scenario.is_none() || sheets.is_empty() || !sheet::tell_memory(reports) {
        text.push_str(
            "| model | memory, B/conn: user, kernel | peak rate, 1/s \
             | service time, us: p50 / p99 at peak | CPU, us/request: process, its CPUs \
             | response time, us: p50 / p99 / p99.9; rate, CPU/request | verdict |\n\
             |---|---:|---:|---:|---:|---:|---|\n",
        );
        for report in reports {
            text.push_str(&markdown_row(report));
        }
        let ends = ends_counted(reports, run.plan.hosts.len() > 1);
        if !ends.is_empty() {
            text.push_str(&format!("\nKernel memory is {ends}.\n"));
        }
    }
    for sheet in &sheets {
        text.push_str(&format!("\n{}", sheet.markdown()));
    }
    for report in reports {
        for line in doubts(report) {
            text.push_str(&format!("\n{}\n", line.trim_start()));
        }
    }
    inert(&text)
}

fn markdown_row(report: &ModelReport) -> String {
    let cells: Vec<String> = Form::Whole
        .row(report)
        .iter()
        .map(|cell| cell.replace("\nat ", " at ").replace('\n', "<br>"))
        .collect();
    format!("| {} |\n", cells.join(" | "))
}
