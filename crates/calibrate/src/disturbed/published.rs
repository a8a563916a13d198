//! A report's figures, each with its verdict.

use report::{
    check::{FigureVerdict, Status},
    model::ModelReport,
};
use serde::Serialize;
use serde_json::Value;
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
    /// Of server times in closed load, of response times less the generator's lag in open load.
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

/// Where a percentile of closed or open load stands, less the generator's own lag first.
const TIMES: [&str; 4] = [
    "peak.server_time_us",
    "peak.service_time_us",
    "open.prompt_response_time_us",
    "open.response_time_us",
];

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

    /// Its paths in a summary: of those that were measured the first is the published one.
    fn paths(self) -> Vec<String> {
        let of_load = |name| {
            ["peak", "open"]
                .map(|load| format!("{load}.{name}"))
                .to_vec()
        };
        let time = |percentile| TIMES.map(|times| format!("{times}.{percentile}")).to_vec();
        match self {
            Self::Rate => vec!["peak.rate_per_s".to_owned()],
            Self::ProcessCpu => of_load("server_cpu_us_per_request"),
            Self::CpusCpu => of_load("server_cpus_us_per_request"),
            Self::P50 => time("p50"),
            Self::P90 => time("p90"),
            Self::P99 => time("p99"),
            Self::P99_9 => time("p99_9"),
            Self::UserMemory => vec!["memory.user_bytes_per_connection".to_owned()],
            Self::KernelMemory => vec!["memory.kernel_bytes_per_connection".to_owned()],
        }
    }
}

/// A figure, or the median of one that has a spread.
fn value(summary: &Value, path: &str) -> Option<f64> {
    let at = path.split('.').try_fold(summary, |at, name| at.get(name))?;
    at.as_f64().or_else(|| at.get("median")?.as_f64())
}

/// The figures of a report of one load. One without a verdict isn't published, and one that isn't
/// measured claims nothing.
pub fn published(report: &ModelReport) -> Figures {
    // A summary can always be written as JSON, or it couldn't be saved.
    let summary = serde_json::to_value(&report.summary).unwrap_or_default();
    figures(&summary, &report.verdict.figures)
}

/// The verdict on what stands at a path in the summary. Of open load there is one rate, by which its
/// figures are known there: `open.100_connections.10000_per_s.response_time_us.p50`.
fn verdict<'a>(
    verdicts: &'a BTreeMap<String, FigureVerdict>,
    path: &str,
) -> Option<&'a FigureVerdict> {
    let (load, name) = path.split_once('.')?;
    let is_it = |id: &str| {
        let place = id.strip_suffix(name).and_then(|id| id.strip_suffix('.'));
        place.is_some_and(|place| place.split('.').next() == Some(load))
    };
    let mut verdicts = verdicts.iter();
    Some(verdicts.find(|(id, _)| is_it(id))?.1)
}

fn figures(summary: &Value, verdicts: &BTreeMap<String, FigureVerdict>) -> Figures {
    let at = |path: &String| {
        let (value, verdict) = (value(summary, path)?, verdict(verdicts, path)?.clone());
        (verdict.status != Status::NotMeasured).then_some(Seen { value, verdict })
    };
    let seen = |figure: Published| Some((figure, figure.paths().iter().find_map(at)?));
    Published::ALL.into_iter().filter_map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_figure_is_known_by_its_value_and_the_verdict_at_the_same_place() {
        let summary = json!({
            "memory": {
                "user_bytes_per_connection": 4_100.0,
                "kernel_bytes_per_connection": 8_400.0,
            },
            "open": {
                "server_cpu_us_per_request": { "median": 5.0, "low": 4.0, "high": 6.0 },
                "prompt_response_time_us": { "p50": 25.0, "p99": null },
                "response_time_us": { "p50": 36.0, "p99": 90.0 },
            },
        });
        let verdict = |status| FigureVerdict {
            status,
            ..FigureVerdict::default()
        };
        let verdicts = [
            ("memory.user_bytes_per_connection", Status::Suspect),
            ("memory.kernel_bytes_per_connection", Status::NotMeasured),
            (
                "open.9_connections.5_per_s.server_cpu_us_per_request",
                Status::Valid,
            ),
            (
                "open.9_connections.5_per_s.prompt_response_time_us.p50",
                Status::Valid,
            ),
            (
                "open.9_connections.5_per_s.response_time_us.p50",
                Status::Suspect,
            ),
            (
                "open.9_connections.5_per_s.response_time_us.p99",
                Status::Suspect,
            ),
            ("peak.rate_per_s", Status::Valid),
        ]
        .map(|(path, status)| (path.to_owned(), verdict(status)));
        let seen = |value, status| Seen {
            value,
            verdict: verdict(status),
        };
        let expected = [
            (Published::UserMemory, seen(4_100.0, Status::Suspect)),
            (Published::ProcessCpu, seen(5.0, Status::Valid)),
            (Published::P50, seen(25.0, Status::Valid)),
            (Published::P99, seen(90.0, Status::Suspect)),
        ];
        assert_eq!(figures(&summary, &verdicts.into()), Figures::from(expected));
    }
}
