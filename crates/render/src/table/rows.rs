//! The rows of the first table, whole or folded.

use crate::{
    doubts::marked,
    numbers::{cpu, known, response_time, service_time, whole},
};
use comfy_table::{CellAlignment, ColumnConstraint, Table, presets};
use report::model::{Ceiling, ModelReport, Peak, Spread};

/// Wide as it needs, or folded for a terminal of 80 columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Whole,
    /// Without service times and the last percentile; the verdict stands below the name.
    Folded,
}

impl Form {
    fn header(self) -> &'static [&'static str] {
        match self {
            Self::Whole => &[
                "model",
                "memory, B/conn\nuser, kernel*",
                "peak rate\n1/s (spread)",
                "service time, us\np50 / p99 at peak",
                "CPU, us/request\nprocess, its CPUs",
                "response time, us\np50 / p99 / p99.9\nrate, CPU/request",
                "verdict",
            ],
            Self::Folded => &[
                "model\nverdict",
                "B/conn\nuser\nkernel*",
                "peak rate\n1/s (spread)",
                "CPU\nus/request\nits CPUs",
                "response time\nus, p50 / p99\nCPU/request",
            ],
        }
    }

    /// Cells, whose lines are broken.
    pub(super) fn row(self, report: &ModelReport) -> Vec<String> {
        let (name, verdict) = (&report.model.name, report.verdict.status.word());
        match self {
            Self::Whole => vec![
                name.clone(),
                memory(report),
                peak_rate(report),
                service_times(report),
                cpu_per_request(report),
                response_times(report, self),
                verdict.to_owned(),
            ],
            Self::Folded => vec![
                format!("{name}\n{verdict}"),
                memory(report),
                peak_rate(report),
                cpu_per_request(report),
                response_times(report, self),
            ],
        }
    }

    /// Without the columns in which no model has a figure, if there is one that has, here or in the table of
    /// capacities.
    pub(super) fn table(self, reports: &[ModelReport]) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header(self.header());
        let rows: Vec<Vec<String>> = reports.iter().map(|report| self.row(report)).collect();
        table.add_rows(&rows);
        let is_words = |index: usize| index == 0 || self.header()[index] == "verdict";
        let is_empty = |index: usize| rows.iter().all(|row| row[index] == NOTHING);
        let figures = || (0..self.header().len()).filter(|&index| !is_words(index));
        let searched = reports.iter().any(|its| its.summary.capacity.is_some());
        let has_any = searched || figures().any(|index| !is_empty(index));
        for index in figures() {
            let Some(column) = table.column_mut(index) else {
                continue;
            };
            column.set_cell_alignment(CellAlignment::Right);
            if has_any && is_empty(index) {
                column.set_constraint(ColumnConstraint::Hidden);
            }
        }
        table
    }
}

/// Of a model that has no such figure.
const NOTHING: &str = "-";

fn nothing() -> String {
    NOTHING.to_owned()
}

fn memory(report: &ModelReport) -> String {
    let Some(memory) = &report.summary.memory else {
        return nothing();
    };
    let of = |whose: &str, bytes| {
        let id = format!("memory.{whose}_bytes_per_connection");
        marked(report, &id, known(bytes))
    };
    let user = of("user", memory.user_bytes_per_connection);
    format!(
        "{user}\n{}",
        of("kernel", memory.kernel_bytes_per_connection)
    )
}

fn peak_rate(report: &ModelReport) -> String {
    let Some(peak) = &report.summary.peak else {
        return nothing();
    };
    let older = report.verdict.figures.is_empty() && peak.generator_bound;
    let floor = if older { ">= " } else { "" };
    let rate = rate(peak, report.ceiling.as_ref());
    marked(report, "peak.rate_per_s", format!("{floor}{rate}"))
}

fn rate(peak: &Peak, ceiling: Option<&Ceiling>) -> String {
    let Spread { median, low, high } = peak.rate_per_s;
    let spread = if low < high {
        format!(" ±{:.0} %", (high - low) / median.max(1.0) * 50.0)
    } else {
        // One trial says nothing about how much it varies.
        String::new()
    };
    let share = ceiling.map_or_else(String::new, |ceiling| {
        let ceiling = ceiling.over(peak.connections);
        format!("\n{:.0} % of ceiling", median / ceiling * 100.0)
    });
    format!(
        "{}{spread}\nat {} conn{share}",
        whole(median),
        whole(peak.connections.into())
    )
}

fn service_times(report: &ModelReport) -> String {
    let Some(peak) = &report.summary.peak else {
        return nothing();
    };
    let of = |percentile: &str| {
        let (name, us) = service_time(peak, percentile);
        marked(report, &format!("peak.{name}.{percentile}"), known(us))
    };
    format!("{} / {}", of("p50"), of("p99"))
}

fn cpu_per_request(report: &ModelReport) -> String {
    let Some(peak) = &report.summary.peak else {
        return nothing();
    };
    let of = |name: &str, us| marked(report, &format!("peak.{name}_us_per_request"), cpu(us));
    format!(
        "{}\n{}",
        of("server_cpu", peak.server_cpu_us_per_request),
        of("server_cpus", peak.server_cpus_us_per_request)
    )
}

/// Percentiles at each offered rate. Only lines of the same rate compare.
fn response_times(report: &ModelReport, form: Form) -> String {
    let summary = &report.summary;
    let fewest = summary.open.as_ref().map(|open| open.connections);
    let of_open = summary
        .open_ladder
        .iter()
        // A ladder of connections has a table of its own.
        .filter(|open| Some(open.connections) == fewest)
        .map(|open| (open.place(), open));
    let of_churn = summary
        .churn
        .iter()
        .map(|churn| ("churn".to_owned(), churn));
    let lines: Vec<String> = of_open
        .chain(of_churn)
        .map(|(place, load)| {
            let of = |name: &str| {
                let (of, us) = response_time(load, name);
                marked(report, &format!("{place}.{of}.{name}"), known(us))
            };
            // Beside lines of open load it would be taken for one.
            let named = if place == "churn" { ", churn" } else { "" };
            let (p99_9, before_cpu) = match form {
                Form::Whole => (format!(" / {}", of("p99_9")), ", "),
                Form::Folded => (String::new(), "\n"),
            };
            // That of the server's CPUs is the one that is compared, where it is known.
            let of_cpus = load.server_cpus_us_per_request.map(|us| ("cpus", us));
            let of_process = load.server_cpu_us_per_request.map(|us| ("cpu", us));
            let spent = of_cpus.or(of_process).map(|(of, spread)| {
                let id = format!("{place}.server_{of}_us_per_request");
                let us = marked(report, &id, cpu(Some(spread)));
                format!("{before_cpu}CPU {us} us")
            });
            let spent = spent.unwrap_or_default();
            format!(
                "{} / {}{p99_9}\nat {}/s{named}{spent}",
                of("p50"),
                of("p99"),
                whole(load.offered_rate_per_s)
            )
        })
        .collect();
    if lines.is_empty() {
        return nothing();
    }
    lines.join("\n")
}
