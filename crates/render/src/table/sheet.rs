//! Further tables, for runs that measured more than the first one shows: ladders of connections,
//! and who holds which memory.

use crate::{
    doubts::{is_superseded, marked},
    fold::fold,
    held, hosts,
    numbers::{cpu, known, percents, response_time, service_time, whole},
};
use analysis::threads::{OnThreads, on_threads};
use comfy_table::{CellAlignment, Table, TableStyle, presets};
use report::{
    check::Status,
    model::{Capacity, Memory, ModelReport, Peak, Scheduled, Spread},
    trial::Load,
};

/// A table as data, for a terminal or for Markdown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sheet {
    title: String,
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    /// Folded where a terminal has fewer columns than it takes.
    pub(super) fn text(&self, columns: Option<u16>) -> String {
        let mut table = self.styled(presets::UTF8_HORIZONTAL_ONLY);
        fold(&mut table, columns);
        format!("{}\n{table}", self.title)
    }

    pub(super) fn markdown(&self) -> String {
        format!(
            "{}\n\n{}\n",
            self.title,
            self.styled(presets::ASCII_MARKDOWN)
        )
    }

    fn styled(&self, preset: TableStyle) -> Table {
        let mut table = Table::new();
        table.load_style(preset);
        table.set_header(&self.header);
        table.add_rows(&self.rows);
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

/// Those that have something to show.
pub(super) fn sheets(reports: &[ModelReport]) -> Vec<Sheet> {
    [
        memory(reports),
        held(reports),
        closed(reports),
        open(reports),
        capacity(reports),
        threads(reports),
        generating(reports),
    ]
    .into_iter()
    .filter(|sheet| !sheet.rows.is_empty())
    .collect()
}

fn generating(reports: &[ModelReport]) -> Sheet {
    let rows = hosts::rows(reports);
    Sheet {
        title: "Hosts that generate: the most of any window".to_owned(),
        header: hosts::HEADER.to_vec(),
        rows: rows.into_iter().map(Vec::from).collect(),
    }
}

fn held(reports: &[ModelReport]) -> Sheet {
    let rows = held::rows(reports);
    Sheet {
        title: held::TITLE.to_owned(),
        header: held::HEADER.to_vec(),
        rows: rows.into_iter().map(Vec::from).collect(),
    }
}

/// The highest rate that meets a target, for each model that was searched.
fn capacity(reports: &[ModelReport]) -> Sheet {
    let searched = || {
        let searched = |report| -> Option<(&ModelReport, &Capacity)> {
            let report: &ModelReport = report;
            Some((report, report.summary.capacity.as_ref()?))
        };
        reports.iter().filter_map(searched)
    };
    let slo = searched().next().map(|(_, capacity)| capacity.slo);
    let row = |(report, capacity): (&ModelReport, &Capacity)| {
        let of = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), whole);
        let rate = capacity.rate_per_s;
        let found = rate.map_or_else(
            || "not in every trial".to_owned(),
            |rate| whole(rate.median),
        );
        let found = marked(report, "capacity.rate_per_s", found);
        let floor = if report.has_untold_floor() { ">= " } else { "" };
        vec![
            report.model.name.clone(),
            format!("{floor}{found}"),
            rate.map_or_else(
                || "-".to_owned(),
                |rate| format!("{} to {}", whole(rate.low), whole(rate.high)),
            ),
            of(capacity.failed_rate_per_s),
        ]
    };
    Sheet {
        title: format!(
            "Capacity: the highest rate with {}, 1/s",
            slo.map_or_else(String::new, |slo| slo.to_string())
        ),
        header: vec!["model", "met", "trials", "not met at"],
        rows: searched().map(row).collect(),
    }
}

/// With a ladder that made the machine feel it.
const MEMORY_FROM_CONNECTIONS: u32 = 20_000;

/// Whether a sheet shows all memory that these reports have.
pub(super) fn tell_memory(reports: &[ModelReport]) -> bool {
    let with_memory = reports
        .iter()
        .filter(|report| report.summary.memory.is_some());
    with_memory.count() == memory(reports).rows.len()
}

fn memory(reports: &[ModelReport]) -> Sheet {
    let rows = reports.iter().filter_map(|report| {
        let memory = report.summary.memory.as_ref()?;
        (memory.connections_max >= MEMORY_FROM_CONNECTIONS)
            .then(|| memory_row(report, memory))
            .flatten()
    });
    Sheet {
        title: "Memory: bytes a connection by owner, and what the whole machine lost".to_owned(),
        header: vec![
            "model",
            "connections",
            "server user",
            "server kernel",
            "generator user",
            "generator kernel",
            "machine lost, GB",
            "not accounted",
            "'used', GB",
            "ramp, s",
            "closing, s",
            "verdict",
        ],
        rows: rows.collect(),
    }
}

fn memory_row(report: &ModelReport, memory: &Memory) -> Option<Vec<String>> {
    let (owner, machine) = (memory.by_owner.as_ref()?, memory.machine.as_ref()?);
    let bytes = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), whole);
    let seconds =
        |us: Option<u64>| us.map_or_else(|| "-".to_owned(), |us| format!("{:.0}", us as f64 / 1e6));
    // Trials may not have come along.
    let mut trials = report.trials.iter();
    let ladder = trials.find(|trial| matches!(trial.load, Load::Idle { .. }));
    let ramp_us = ladder.map(|ladder| {
        ladder
            .steps
            .iter()
            .map(|step| step.connect_elapsed_us)
            .sum()
    });
    Some(vec![
        report.model.name.clone(),
        whole(memory.connections_max.into()),
        bytes(owner.server_user_bytes_per_connection),
        bytes(owner.server_kernel_bytes_per_connection),
        bytes(owner.generator_user_bytes_per_connection),
        bytes(owner.generator_kernel_bytes_per_connection),
        format!("{:.2}", machine.lost_bytes / 1e9),
        format!("{:+.1} %", machine.unaccounted_share * 100.0),
        format!("{:.2}", machine.used_bytes / 1e9),
        seconds(ramp_us),
        seconds(ladder.and_then(|ladder| ladder.teardown_us)),
        report.verdict.status.word().to_owned(),
    ])
}

/// Closed load over several counts of connections, or over so many that each is served few times.
fn closed(reports: &[ModelReport]) -> Sheet {
    let is_shown = |report: &&ModelReport| {
        let ladder = &report.summary.closed_ladder;
        ladder.len() > 1
            || ladder
                .iter()
                .any(|step| step.connections >= MEMORY_FROM_CONNECTIONS)
    };
    let rows = reports.iter().filter(is_shown).flat_map(|report| {
        let steps = report.summary.closed_ladder.iter();
        steps.map(|step| closed_row(report, step))
    });
    Sheet {
        title: "Closed load over each count of connections".to_owned(),
        header: vec![
            "model",
            "connections",
            "rate, 1/s",
            "of ceiling",
            "service time, us: p50",
            "p99",
            "p99.9",
            "CPU, us/request: process",
            "its CPUs",
            "served on each",
            "verdict",
        ],
        rows: rows.collect(),
    }
}

fn closed_row(report: &ModelReport, step: &Peak) -> Vec<String> {
    let place = step.place();
    let served = match (step.served_least, step.served_most) {
        (Some(least), Some(most)) => format!("{} to {}", whole(least.into()), whole(most.into())),
        _ => "-".to_owned(),
    };
    let ceiling = report.ceiling.as_ref();
    let share =
        ceiling.map(|ceiling| step.rate_per_s.median / ceiling.over(step.connections) * 100.0);
    let rate = whole(step.rate_per_s.median);
    let mut row = vec![
        report.model.name.clone(),
        whole(step.connections.into()),
        marked(report, &format!("{place}.rate_per_s"), rate),
        share.map_or_else(|| "-".to_owned(), |share| format!("{share:.0} %")),
    ];
    let used = [
        step.server_cpu_us_per_request,
        step.server_cpus_us_per_request,
    ];
    row.extend(times_and_cpu(
        report,
        &place,
        |percentile| service_time(step, percentile),
        used,
    ));
    row.extend([served, word_at(report, &place)]);
    row
}

/// Open load over several counts of connections.
fn open(reports: &[ModelReport]) -> Sheet {
    let is_shown = |report: &&ModelReport| {
        let ladder = &report.summary.open_ladder;
        ladder.first().map(|step| step.connections) != ladder.last().map(|step| step.connections)
    };
    let rows = reports.iter().filter(is_shown).flat_map(|report| {
        let steps = report.summary.open_ladder.iter();
        steps.map(|step| open_row(report, step))
    });
    Sheet {
        title: "Open load over each count of connections".to_owned(),
        header: vec![
            "model",
            "connections",
            "offered, 1/s",
            "response time, us: p50",
            "p99",
            "p99.9",
            "CPU, us/request: process",
            "its CPUs",
            "verdict",
        ],
        rows: rows.collect(),
    }
}

fn open_row(report: &ModelReport, step: &Scheduled) -> Vec<String> {
    let place = step.place();
    let mut row = vec![
        report.model.name.clone(),
        whole(step.connections.into()),
        whole(step.offered_rate_per_s),
    ];
    let used = [
        step.server_cpu_us_per_request,
        step.server_cpus_us_per_request,
    ];
    row.extend(times_and_cpu(
        report,
        &place,
        |percentile| response_time(step, percentile),
        used,
    ));
    row.push(word_at(report, &place));
    row
}

/// Models over a ladder of threads.
fn threads(reports: &[ModelReport]) -> Sheet {
    let rows = on_threads(reports)
        .into_iter()
        .map(|step| threads_row(&step));
    Sheet {
        title: "Over numbers of the server's threads, in closed load. Efficiency: the rate of each thread, \
                of that with the fewest threads"
            .to_owned(),
        header: vec![
            "model",
            "threads",
            "connections",
            "rate, 1/s",
            "efficiency",
            "service time, us: p50",
            "p99",
            "p99.9",
            "CPU, us/request: process",
            "its CPUs",
            "connections on each thread",
            "requests on each",
            "verdict",
        ],
        rows: rows.collect(),
    }
}

fn threads_row(step: &OnThreads<'_>) -> Vec<String> {
    let OnThreads { report, peak, .. } = step;
    let place = peak.place();
    let efficiency = step.efficiency;
    let mut row = vec![
        step.model.to_owned(),
        whole(step.threads.into()),
        whole(peak.connections.into()),
        marked(
            report,
            &format!("{place}.rate_per_s"),
            whole(peak.rate_per_s.median),
        ),
        efficiency.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0)),
    ];
    let used = [
        peak.server_cpu_us_per_request,
        peak.server_cpus_us_per_request,
    ];
    row.extend(times_and_cpu(
        report,
        &place,
        |percentile| service_time(peak, percentile),
        used,
    ));
    let shares = &report.summary.thread_shares;
    row.extend([
        percents(shares.iter().map(|share| share.connections)),
        percents(shares.iter().map(|share| share.requests)),
        word_at(report, &place),
    ]);
    row
}

/// Three percentiles, then CPU of the process and of its CPUs, each with its mark.
fn times_and_cpu(
    report: &ModelReport,
    place: &str,
    time: impl Fn(&str) -> (&'static str, Option<f64>),
    [of_process, of_cpus]: [Option<Spread>; 2],
) -> [String; 5] {
    let of = |id: &str, text| marked(report, &format!("{place}.{id}"), text);
    let of_time = |percentile: &str| {
        let (name, us) = time(percentile);
        of(&format!("{name}.{percentile}"), known(us))
    };
    [
        of_time("p50"),
        of_time("p99"),
        of_time("p99_9"),
        of("server_cpu_us_per_request", cpu(of_process)),
        of("server_cpus_us_per_request", cpu(of_cpus)),
    ]
}

/// The verdict of a row of a ladder: that of its worst figure but the tails.
fn word_at(report: &ModelReport, place: &str) -> String {
    let figures = report.verdict.figures.iter();
    let here = figures
        .filter(|(id, _)| id.starts_with(&format!("{place}.")) && !is_superseded(report, id));
    let all_but_tails = here.filter(|(id, _)| !id.ends_with("p99") && !id.ends_with("p99_9"));
    let measured = all_but_tails.map(|(_, of)| of.status);
    let worst = measured
        .filter(|status| *status != Status::NotMeasured)
        .max();
    worst.unwrap_or(report.verdict.status).word().to_owned()
}
