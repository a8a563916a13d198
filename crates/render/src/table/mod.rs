//! The table that a person reads in ten seconds.

mod external;
mod sheet;

use crate::numbers::{cpu, whole};
use comfy_table::{Cell, CellAlignment, Table, presets};
use report::{
    check::{Check, Status, Verdict},
    comparison::BLOCKS_MIN,
    model::{Ceiling, ModelReport, Peak, Spread},
    run::RunReport,
};
use std::collections::BTreeSet;

/// One row per model: memory, rate, times, CPU, verdict.
pub fn table(reports: &[ModelReport]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "model",
        "memory, B/conn\nuser, kernel*",
        "peak rate\n1/s (spread)",
        "service time, us\np50 / p99 at peak",
        "server CPU\nus/request",
        "response time, us\np50 / p99 / p99.9",
        "verdict",
    ]);
    for report in reports {
        table.add_row(row(report));
    }
    for index in 1..=5 {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let more: Vec<String> = sheet::sheets(reports)
        .iter()
        .map(|sheet| sheet.text())
        .collect();
    format!(
        "{table}\n* of both ends of each connection\n{}",
        more.join("\n")
    )
}

fn row(report: &ModelReport) -> Vec<Cell> {
    let memory = report.summary.memory.as_ref();
    let peak = report.summary.peak.as_ref();
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), whole);
    let nothing = || "-".to_owned();
    vec![
        Cell::new(&report.model.name),
        Cell::new(memory.map_or_else(nothing, |m| {
            let user = number(m.user_bytes_per_connection);
            format!("{user}\n{}", number(m.kernel_bytes_per_connection))
        })),
        Cell::new(peak.map_or_else(nothing, |peak| rate(peak, report.ceiling.as_ref()))),
        Cell::new(peak.map_or_else(nothing, |peak| {
            let time = &peak.service_time_us;
            format!("{} / {}", whole(time.p50), whole(time.p99))
        })),
        Cell::new(cpu(peak.and_then(|p| p.server_cpu_us_per_request))),
        Cell::new(response_times(report)),
        Cell::new(report.verdict.status.word()),
    ]
}

/// Percentiles at each offered rate. Only lines of the same rate compare.
fn response_times(report: &ModelReport) -> String {
    let summary = &report.summary;
    let fewest = summary.open.as_ref().map(|open| open.connections);
    let lines: Vec<String> = summary
        .open_ladder
        .iter()
        // A ladder of connections has a table of its own.
        .filter(|open| Some(open.connections) == fewest)
        .chain(&summary.churn)
        .map(|open| {
            let time = &open.response_time_us;
            format!(
                "{} / {} / {}\nat {}/s",
                whole(time.p50),
                whole(time.p99),
                whole(time.p99_9),
                whole(open.offered_rate_per_s)
            )
        })
        .collect();
    if lines.is_empty() {
        return "-".to_owned();
    }
    lines.join("\n")
}

fn rate(peak: &Peak, ceiling: Option<&Ceiling>) -> String {
    let floor = if peak.generator_bound { ">= " } else { "" };
    let Spread { median, low, high } = peak.rate_per_s;
    let spread = if low < high {
        format!(" ±{:.0} %", (high - low) / median.max(1.0) * 50.0)
    } else {
        // One trial says nothing about how much it varies.
        String::new()
    };
    let share = ceiling.map_or_else(String::new, |ceiling| {
        format!("\n{:.0} % of ceiling", median / ceiling.rate_per_s * 100.0)
    });
    format!(
        "{floor}{}{spread}\nat {} conn{share}",
        whole(median),
        whole(peak.connections.into())
    )
}

/// Lines below the table: the verdict of the run, and why each model isn't valid. With `all`
/// every check is shown, passed or not.
pub fn explanation(reports: &[ModelReport], run: &RunReport, all: bool) -> String {
    let mut lines = vec![format!("verdict: {}", run.verdict.status.word())];
    if run.interrupted {
        lines.push("  interrupted: these are the trials that were finished".to_owned());
    }
    lines.extend(too_few_blocks(run));
    lines.extend(ceilings(reports));
    lines.extend(reports.iter().filter_map(external::note));
    lines.extend(reports.iter().filter_map(capacity));
    lines.extend(run.verdict.checks.iter().filter(|c| !c.passed).map(reason));
    for report in reports {
        let verdict = &report.verdict;
        if let Some(check) = verdict.worst().filter(|check| !check.passed) {
            lines.push(format!(
                "  {} is {}: {}{}",
                report.model.name,
                verdict.status.word(),
                reason(check).trim_start(),
                others(verdict, &check.id)
            ));
            lines.push(format!("    -> {}", check.advice));
        }
        if let Some(failure) = &report.failure {
            let tail: Vec<&str> = failure.stderr_tail.lines().collect();
            let last = &tail[tail.len().saturating_sub(8)..];
            lines.extend(last.iter().map(|line| format!("    | {line}")));
        }
        if all {
            lines.push(format!("\nchecks of {}", report.model.name));
            lines.extend(verdict.checks.iter().map(marked));
        }
    }
    lines.join("\n")
}

/// With fewer blocks nothing could be told, however great: for who wanted to compare.
fn too_few_blocks(run: &RunReport) -> Option<String> {
    let (models, blocks) = (run.plan.models.len(), run.plan.blocks);
    (models > 1 && blocks < BLOCKS_MIN).then(|| {
        format!(
            "{blocks} blocks are too few for a comparison of {models} models, which takes \
             --trials {BLOCKS_MIN}"
        )
    })
}

/// The highest rate that meets the target, or that none does.
fn capacity(report: &ModelReport) -> Option<String> {
    let capacity = report.summary.capacity.as_ref()?;
    let (name, slo) = (&report.model.name, capacity.slo);
    let floor = if capacity.generator_bound { ">= " } else { "" };
    Some(match capacity.rate_per_s {
        Some(Spread { median, low, high }) => format!(
            "capacity of {name} with {slo}: {floor}{}/s ({} to {})",
            whole(median),
            whole(low),
            whole(high)
        ),
        None => {
            format!("capacity of {name} with {slo}: not every trial found a rate that meets it")
        }
    })
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

fn reason(check: &Check) -> String {
    format!("  {}{}: {}", check.id, place(check), check.detail)
}

fn marked(check: &Check) -> String {
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

/// Which other checks failed: the one that is shown may not be the one that matters.
fn others(verdict: &Verdict, shown: &str) -> String {
    let failed = verdict.checks.iter().filter(|check| !check.passed);
    let ids: BTreeSet<&str> = failed
        .map(|check| check.id.as_str())
        .filter(|id| *id != shown)
        .collect();
    if ids.is_empty() {
        return String::new();
    }
    let ids: Vec<&str> = ids.into_iter().collect();
    format!(" (and {})", ids.join(", "))
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
    let sheets = sheet::sheets(reports);
    // A scenario's ladders say all that the first table would.
    if run.plan.scenario.is_none() || sheets.is_empty() {
        text.push_str(
            "| model | memory, B/conn: user, kernel (both ends) | peak rate, 1/s \
             | service time, us: p50 / p99 at peak | server CPU, us/request \
             | response time, us: p50 / p99 / p99.9 | verdict |\n\
             |---|---:|---:|---:|---:|---:|---|\n",
        );
        for report in reports {
            text.push_str(&markdown_row(report));
        }
    }
    for sheet in &sheets {
        text.push_str(&format!("\n{}", sheet.markdown()));
    }
    for report in reports {
        if let Some(check) = report
            .verdict
            .worst()
            .filter(|c| c.status() > Status::Valid)
        {
            text.push_str(&format!(
                "\n{} is {}: `{}`, {}.\n",
                report.model.name,
                report.verdict.status.word(),
                check.id,
                check.detail
            ));
        }
    }
    text
}

fn markdown_row(report: &ModelReport) -> String {
    let cells: Vec<String> = row(report)
        .iter()
        .map(|cell| {
            cell.content()
                .replace("\nat ", " at ")
                .replace('\n', "<br>")
        })
        .collect();
    format!("| {} |\n", cells.join(" | "))
}
