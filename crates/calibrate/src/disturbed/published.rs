//! A report's figures, each with its verdict.

use report::{
    check::{FigureVerdict, Status},
    model::ModelReport,
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

/// The figures of a report of one load. One without a verdict isn't published, and one that isn't
/// measured claims nothing.
pub fn published(report: &ModelReport) -> Figures {
    let all = compare::Published::of(report);
    let at = |path: &String| {
        let (value, verdict) = (all.value(path)?, all.verdict(path)?);
        (verdict.status != Status::NotMeasured).then_some(Seen { value, verdict })
    };
    let seen = |figure: Published| Some((figure, figure.paths().iter().find_map(at)?));
    Published::ALL.into_iter().filter_map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::model::{Memory, Model};
    use serde_json::json;

    #[test]
    fn a_figure_is_known_by_its_value_and_the_verdict_at_the_same_place() {
        let mut report = ModelReport::new("run", Model::default());
        report.summary.memory = Some(Memory {
            user_bytes_per_connection: Some(4_100.0),
            kernel_bytes_per_connection: Some(8_400.0),
            ..Memory::default()
        });
        let open = json!({
            "connections": 9,
            "offered_rate_per_s": 5.0,
            "achieved_rate_per_s": 5.0,
            "achieved_share": 1.0,
            "waited_share": 0.0,
            "replies_late": 0,
            "server_cpu_us_per_request": { "median": 5.0, "low": 4.0, "high": 6.0 },
            "prompt_response_time_us": { "p50": 25.0, "p99": null },
            "response_time_us": { "p50": 36.0, "p99": 90.0 },
        });
        report.summary.open = serde_json::from_value(open).unwrap();
        let verdict = |status| FigureVerdict {
            status,
            ..FigureVerdict::default()
        };
        report.verdict.figures = [
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
        .map(|(path, status)| (path.to_owned(), verdict(status)))
        .into();
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
        assert_eq!(published(&report), Figures::from(expected));
    }
}
