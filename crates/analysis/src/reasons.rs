//! Why a figure is null. Each null of the summary gets its reason here, whatever it is: as the windows
//! have it, or what else it can be.

use memory::figures::caches_missing;
use report::{
    model::ModelReport,
    trial::{Load, Step, Trial},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A field of the summary that may be null, where a window says why if one does, and what else can be
/// the reason.
type Lack = (&'static str, Option<Told>, &'static str);
type Told = fn(&Step) -> Option<&String>;

const FEW_COUNTS: &str = "fewer than two counts of connections, or it can't be read";
const FEW_REQUESTS: &str = "too few requests in a window for it";
const FEW_ROUNDS: &str = "it can't be read, or the rounds are too few";
const NO_PROCESSES: &str = "its processes aren't known";
const OLDER: &str = "the report is from before it was taken";

const LACKS: &[Lack] = &[
    (
        "rate_per_s_interval",
        None,
        "fewer than six trials are too few for an interval, and for a comparison",
    ),
    ("served_least", None, OLDER),
    ("served_most", None, OLDER),
    ("server_cpu_us_per_request", Some(server_cpu), NO_PROCESSES),
    (
        "server_cpu_user_us_per_request",
        Some(server_cpu),
        NO_PROCESSES,
    ),
    (
        "server_cpu_system_us_per_request",
        Some(server_cpu),
        NO_PROCESSES,
    ),
    ("server_cpus_used", Some(server_cpu), NO_PROCESSES),
    (
        "server_cpus_us_per_request",
        Some(|step| step.machine.not_measured.get("server_cpus_s")),
        "the server has no CPUs of its own",
    ),
    (
        "server_syscalls_per_request",
        Some(|step| step.server.not_measured.get("syscalls")),
        "no request was answered while system calls were counted",
    ),
    (
        "server_switches_per_request",
        Some(|step| step.server.not_measured.get("voluntary_switches")),
        NO_PROCESSES,
    ),
    (
        "generator_cpus_used",
        Some(|step| step.generator.not_measured.get("cpu_user_s")),
        NO_PROCESSES,
    ),
    ("server_time_us", Some(read_lag), FEW_REQUESTS),
    ("prompt_response_time_us", Some(read_lag), FEW_REQUESTS),
    ("read_lag_us", Some(read_lag), FEW_REQUESTS),
    (
        "service_time_us",
        None,
        "none of the requests that were due was answered",
    ),
    (
        "lag_us",
        None,
        "no request was sent without waiting for its connection",
    ),
    (
        "connect_time_us",
        None,
        "its connections are open before the window; churn has it",
    ),
    (
        "rate_per_s",
        None,
        "in a trial no rate that was tried met the target",
    ),
    (
        "failed_rate_per_s",
        None,
        "each rate that was tried met the target",
    ),
    (
        "mean",
        None,
        "the generator's lag is known for percentiles, not for the mean",
    ),
    (
        "max",
        None,
        "the generator's lag is known for percentiles, not for the longest",
    ),
    ("p50", None, FEW_REQUESTS),
    ("p90", None, FEW_REQUESTS),
    ("p99", None, FEW_REQUESTS),
    ("p99_9", None, FEW_REQUESTS),
    (
        "user_bytes_per_connection",
        None,
        "fewer than two counts of connections, or no access to the server's smaps_rollup",
    ),
    (
        "kernel_bytes_per_connection",
        None,
        "fewer than two counts of connections, or no Slab in /proc/meminfo",
    ),
    (
        "by_owner",
        None,
        "the kernel shows no cache of these sockets (Unix, or not as root), or a connection has four ends (relay)",
    ),
    (
        "kernel_observers_bytes_per_connection",
        Some(|step| step.machine.not_measured.get("slab_by_cache_bytes")),
        FEW_COUNTS,
    ),
    ("server_user_bytes_per_connection_hour", None, FEW_ROUNDS),
    ("generator_user_bytes_per_connection_hour", None, FEW_ROUNDS),
    ("kernel_bytes_per_connection_hour", None, FEW_ROUNDS),
    ("server_descriptors", None, "/proc doesn't tell them"),
    ("generator_descriptors", None, "/proc doesn't tell them"),
];

fn server_cpu(step: &Step) -> Option<&String> {
    step.server.not_measured.get("cpu_user_s")
}

fn read_lag(step: &Step) -> Option<&String> {
    step.window.not_measured.get("read_lag_us")
}

/// Reasons for all that is null in a report's summary, by path; of a ladder's steps together.
pub(crate) fn reasons(report: &ModelReport) -> BTreeMap<String, String> {
    let mut reasons = BTreeMap::new();
    let told = |part: &str, otherwise: &str| {
        let told = report.not_measured.get(part).cloned();
        (
            part.to_owned(),
            told.unwrap_or_else(|| otherwise.to_owned()),
        )
    };
    if report.ceiling.is_none() {
        reasons.extend([told("ceiling", "the run ended before it was measured")]);
    }
    if report.profile.is_none() {
        reasons.extend([told("profile", "not asked for: --profile takes one")]);
    }
    let caches = report.summary.memory.as_ref();
    if caches.is_some_and(|memory| memory.kernel_by_cache_bytes_per_connection.is_empty()) {
        reasons.insert(
            "summary.memory.kernel_by_cache_bytes_per_connection".to_owned(),
            caches_missing(&report.trials),
        );
    }
    // What serde can't write has no nulls to explain.
    let summary = serde_json::to_value(&report.summary).unwrap_or_default();
    nulls(&summary, "", &mut |id| {
        reasons
            .entry(format!("summary.{id}"))
            .or_insert_with(|| reason(report, id));
    });
    reasons
}

/// Why there is no such figure: `open.100_connections.200_per_s.read_lag_us.p99`, or a path of the summary.
pub(crate) fn reason(report: &ModelReport, id: &str) -> String {
    let (part, fields) = id.split_once('.').unwrap_or((id, ""));
    if fields.is_empty() {
        return no_load(report, part);
    }
    // The innermost field that has a reason of its own: a percentile's is its count.
    let of_field = |field: &str| LACKS.iter().find(|(name, ..)| *name == field);
    let Some((_, told, otherwise)) = fields.rsplit('.').find_map(of_field) else {
        return FEW_COUNTS.to_owned();
    };
    let steps = report.trials.iter().filter(|trial| is_of(trial, part));
    let mut steps = steps.flat_map(|trial| &trial.steps);
    let told = told.and_then(|of| steps.find_map(|step| of(step).cloned()));
    told.unwrap_or_else(|| (*otherwise).to_owned())
}

/// Whether figures of this part of the summary are made of the trial.
fn is_of(trial: &Trial, part: &str) -> bool {
    match trial.load {
        Load::Closed { .. } => ["closed", "closed_ladder", "peak"].contains(&part),
        Load::Open { .. } => ["open", "open_ladder"].contains(&part),
        Load::Idle { .. } => ["memory", "held"].contains(&part),
        Load::Churn { .. } => part == "churn",
        Load::Capacity { .. } => part == "capacity",
    }
}

fn no_load(report: &ModelReport, part: &str) -> String {
    let load = match part {
        "memory" => "idle",
        "peak" => "closed",
        load => load,
    };
    match &report.failure {
        Some(failure) => format!("not asked for, or not before this: {}", failure.reason),
        None if report.interrupted => "the run was interrupted before".to_owned(),
        None if load == "open" => {
            "the run had no open load, or no model's rate from which its own follows".to_owned()
        }
        None => format!("the run had no {load} load"),
    }
}

/// Tells the path of each null, without places in lists.
fn nulls(value: &Value, path: &str, tell: &mut impl FnMut(&str)) {
    match value {
        Value::Null => tell(path),
        Value::Array(all) => all.iter().for_each(|one| nulls(one, path, tell)),
        Value::Object(fields) => {
            for (name, field) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                nulls(field, &format!("{path}{dot}{name}"), tell);
            }
        }
        _ => {}
    }
}
