//! The table that a person reads in ten seconds.

use crate::{
    check::{Status, Verdict},
    model::{ModelReport, Peak, Spread},
    run::RunReport,
};
use comfy_table::{Cell, CellAlignment, Table, presets};
use std::collections::BTreeSet;

/// One row per model: memory, rate, service time, CPU, verdict.
pub fn table(reports: &[ModelReport]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "model",
        "user memory\nB/conn",
        "kernel memory\nB/conn, both ends",
        "peak rate\n1/s (spread)",
        "service time, us\np50 / p99 / max",
        "server CPU\nus/request",
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
    table.to_string()
}

fn row(report: &ModelReport) -> Vec<Cell> {
    let memory = report.summary.memory.as_ref();
    let peak = report.summary.peak.as_ref();
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), whole);
    vec![
        Cell::new(&report.model.name),
        Cell::new(number(memory.and_then(|m| m.user_bytes_per_connection))),
        Cell::new(number(memory.and_then(|m| m.kernel_bytes_per_connection))),
        Cell::new(peak.map_or_else(|| "-".to_owned(), rate)),
        Cell::new(peak.map_or_else(|| "-".to_owned(), service_time)),
        Cell::new(peak.map_or_else(
            || "-".to_owned(),
            |p| format!("{:.2}", p.server_cpu_us_per_request.median),
        )),
        Cell::new(report.verdict.status.word()),
    ]
}

fn rate(peak: &Peak) -> String {
    let floor = if peak.generator_bound { ">= " } else { "" };
    let Spread { median, low, high } = peak.rate_per_s;
    let spread = if low < high {
        format!(" ±{:.0} %", (high - low) / median.max(1.0) * 50.0)
    } else {
        // One trial says nothing about how much it varies.
        String::new()
    };
    format!(
        "{floor}{}{spread}\nat {} conn",
        whole(median),
        whole(peak.connections.into())
    )
}

fn service_time(peak: &Peak) -> String {
    let time = &peak.service_time_us;
    format!(
        "{} / {} / {}",
        whole(time.p50),
        whole(time.p99),
        whole(time.max)
    )
}

/// Lines below the table: the verdict of the run, and why each model isn't valid.
pub fn explanation(reports: &[ModelReport], run: &RunReport) -> String {
    let mut lines = vec![format!("verdict: {}", run.verdict.status.word())];
    if run.interrupted {
        lines.push("  interrupted: these are the trials that were finished".to_owned());
    }
    for report in reports {
        let Some(check) = report
            .verdict
            .worst()
            .filter(|check| check.status() > Status::Valid)
        else {
            continue;
        };
        let place = check
            .trial
            .as_ref()
            .map(|trial| format!(" ({trial})"))
            .unwrap_or_default();
        lines.push(format!(
            "  {} is {}: {}{place}: {}{}\n    -> {}",
            report.model.name,
            report.verdict.status.word(),
            check.id,
            check.detail,
            others(&report.verdict, &check.id),
            check.advice
        ));
        if let Some(failure) = &report.failure {
            for line in failure
                .stderr_tail
                .lines()
                .rev()
                .take(8)
                .collect::<Vec<_>>()
                .iter()
                .rev()
            {
                lines.push(format!("    | {line}"));
            }
        }
    }
    lines.join("\n")
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
        "{}, {} CPUs, Linux {}; {} blocks, {} of {} bytes; measured {}.\n\n",
        known(&environment.cpu),
        environment.cpus.unwrap_or(0),
        known(&environment.kernel),
        run.plan.blocks,
        run.plan.workload,
        run.plan.payload_bytes,
        run.started_at.split('T').next().unwrap_or_default(),
    );
    text.push_str(
        "| model | user memory, B/conn | kernel memory, B/conn (both ends) | peak rate, 1/s \
         | service time, us: p50 / p99 / max | server CPU, us/request | verdict |\n\
         |---|---:|---:|---:|---:|---:|---|\n",
    );
    for report in reports {
        text.push_str(&markdown_row(report));
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
        .map(|cell| cell.content().replace('\n', " "))
        .collect();
    format!("| {} |\n", cells.join(" | "))
}

/// 1234567.8 as `1,234,568`.
fn whole(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 {
        format!("-{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(whole(0.2), "0");
        assert_eq!(whole(999.4), "999");
        assert_eq!(whole(1000.0), "1,000");
        assert_eq!(whole(-1_234_567.8), "-1,234,568");
    }
}
