//! A report's figures, each with its verdict.

use report::{
    check::{FigureVerdict, Status},
    model::{ModelReport, Spread, Times},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// A figure that calibration looks at, whatever the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Published {
    /// Requests per second of closed load.
    Rate,
    /// CPU time of the server's process per request.
    ProcessCpu,
    /// CPU time of all that ran on the server's CPUs per request.
    CpusCpu,
    /// Of service times in closed load, of response times in open load.
    P50,
    /// Likewise.
    P90,
    /// Likewise.
    P99,
    /// Likewise.
    P99_9,
    /// Bytes of the server per connection.
    UserMemory,
    /// Bytes of the kernel per connection.
    KernelMemory,
}

/// What was published.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// In the figure's unit.
    pub value: f64,
    /// Whether it may be believed.
    pub verdict: FigureVerdict,
}

/// The figures of a report that were measured.
pub type Figures = BTreeMap<Published, Seen>;

impl Published {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Rate,
        Self::ProcessCpu,
        Self::CpusCpu,
        Self::P50,
        Self::P90,
        Self::P99,
        Self::P99_9,
        Self::UserMemory,
        Self::KernelMemory,
    ];

    /// As people call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::ProcessCpu => "CPU of the process",
            Self::CpusCpu => "CPU of the server's CPUs",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P99_9 => "p99.9",
            Self::UserMemory => "user memory",
            Self::KernelMemory => "kernel memory",
        }
    }

    /// How its path in a summary ends.
    fn path(self) -> &'static str {
        match self {
            Self::Rate => ".rate_per_s",
            Self::ProcessCpu => ".server_cpu_us_per_request",
            Self::CpusCpu => ".server_cpus_us_per_request",
            Self::P50 => "_time_us.p50",
            Self::P90 => "_time_us.p90",
            Self::P99 => "_time_us.p99",
            Self::P99_9 => "_time_us.p99_9",
            Self::UserMemory => ".user_bytes_per_connection",
            Self::KernelMemory => ".kernel_bytes_per_connection",
        }
    }

    fn value(self, report: &ModelReport) -> Option<f64> {
        let summary = &report.summary;
        let (peak, open, memory) = (&summary.peak, &summary.open, &summary.memory);
        let middle = |spread: Option<Spread>| Some(spread?.median);
        let closed_or_open = |closed: Option<Spread>, open: Option<Spread>| middle(closed.or(open));
        let times: Option<&Times> = match (peak, open) {
            (Some(peak), _) => Some(&peak.service_time_us),
            (None, open) => open.as_ref().map(|open| &open.response_time_us),
        };
        let peak = peak.as_ref();
        let open = open.as_ref();
        match self {
            Self::Rate => middle(peak.map(|peak| peak.rate_per_s)),
            Self::ProcessCpu => closed_or_open(
                peak.and_then(|peak| peak.server_cpu_us_per_request),
                open.and_then(|open| open.server_cpu_us_per_request),
            ),
            Self::CpusCpu => closed_or_open(
                peak.and_then(|peak| peak.server_cpus_us_per_request),
                open.and_then(|open| open.server_cpus_us_per_request),
            ),
            Self::P50 => times?.p50,
            Self::P90 => times?.p90,
            Self::P99 => times?.p99,
            Self::P99_9 => times?.p99_9,
            Self::UserMemory => memory.as_ref()?.user_bytes_per_connection,
            Self::KernelMemory => memory.as_ref()?.kernel_bytes_per_connection,
        }
    }
}

/// The figures of a report of one load. One without a verdict isn't published, and one that isn't
/// measured claims nothing.
pub fn published(report: &ModelReport) -> Figures {
    let verdict_of = |figure: Published| {
        let mut verdicts = report.verdict.figures.iter();
        let of = verdicts.find(|(path, _)| path.ends_with(figure.path()));
        of.map(|(_, verdict)| verdict.clone())
    };
    let seen = |figure: Published| {
        let (value, verdict) = (figure.value(report)?, verdict_of(figure)?);
        let is_measured = verdict.status != Status::NotMeasured;
        is_measured.then_some((figure, Seen { value, verdict }))
    };
    Published::ALL.into_iter().filter_map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::model::{Memory, Model, Summary};

    #[test]
    fn a_figure_is_known_by_its_value_and_its_verdict() {
        let mut report = ModelReport::new("run", Model::default());
        report.summary = Summary {
            memory: Some(Memory {
                user_bytes_per_connection: Some(4_100.0),
                kernel_bytes_per_connection: Some(8_400.0),
                ..Memory::default()
            }),
            ..Summary::default()
        };
        let verdict = |status| FigureVerdict {
            status,
            ..FigureVerdict::default()
        };
        report.verdict.figures = [
            ("memory.user_bytes_per_connection", Status::Suspect),
            ("memory.kernel_bytes_per_connection", Status::NotMeasured),
            ("peak.rate_per_s", Status::Valid),
        ]
        .map(|(path, status)| (path.to_owned(), verdict(status)))
        .into();
        let seen = Seen {
            value: 4_100.0,
            verdict: verdict(Status::Suspect),
        };
        assert_eq!(
            published(&report),
            Figures::from([(Published::UserMemory, seen)])
        );
    }
}
