//! What not to believe, in a sentence for each cause.

use crate::numbers::whole;
use analysis::verdict::words;
use report::{
    check::Status,
    comparison::{RESPONSE_TIME, SERVICE_TIME},
    model::ModelReport,
};
use std::cmp::Reverse;

/// Causes that are shown for a model; the report has all.
const CAUSES_SHOWN: usize = 3;

/// Why some of a model's figures don't stand, the worst first: which, what was seen, what helps.
/// Nothing when all stand.
pub(crate) fn doubts(report: &ModelReport) -> Vec<String> {
    if report.verdict.figures.is_empty() {
        return of_older(report);
    }
    let mut causes = causes(report);
    causes.sort_by_key(|cause| Reverse((cause.is_headline, cause.status)));
    let hidden = causes.len().saturating_sub(CAUSES_SHOWN);
    let model = &report.model.name;
    let mut lines = Vec::new();
    for cause in causes.iter().take(CAUSES_SHOWN) {
        lines.push(format!(
            "  {model}: {} {}: {}, {}",
            list(&cause.figures),
            cause.status.word(),
            cause.check,
            cause.because
        ));
        lines.extend(cause.advice.map(|advice| format!("    -> {advice}")));
    }
    if hidden > 0 {
        let causes = if hidden == 1 { "cause" } else { "causes" };
        lines.push(format!(
            "  {model}: {hidden} more {causes} in its report: 'report RUN --explain' shows all checks"
        ));
    }
    lines
}

/// Reports of before figures had verdicts of their own: the worst check, which touched them all.
fn of_older(report: &ModelReport) -> Vec<String> {
    let worst = report
        .verdict
        .worst()
        .filter(|check| check.id != "model_ran");
    let line = worst.map(|check| {
        format!(
            "  {}: all figures {}: {}: {}\n    -> {}",
            report.model.name,
            check.fails_as.word(),
            check.id,
            check.detail,
            check.advice
        )
    });
    line.into_iter().collect()
}

/// One check, and the figures that don't stand for it.
struct Cause<'a> {
    check: &'a str,
    status: Status,
    is_headline: bool,
    because: &'a str,
    advice: Option<&'a str>,
    /// Ids.
    figures: Vec<&'a str>,
}

fn causes(report: &ModelReport) -> Vec<Cause<'_>> {
    let mut causes: Vec<Cause<'_>> = Vec::new();
    // The peak is one of the ladder's steps, and is told as such.
    let peak = report.summary.peak.as_ref();
    let peak = peak.map(|peak| format!("closed.{}_connections.", peak.connections));
    let is_told = |id: &str| peak.as_ref().is_some_and(|peak| id.starts_with(peak));
    let figures = report.verdict.figures.iter();
    for (id, of) in figures.filter(|(id, _)| !is_told(id) && !is_superseded(report, id)) {
        let (Some(check), true) = (&of.check, of.status > Status::NotMeasured) else {
            continue;
        };
        let known = causes
            .iter_mut()
            .find(|cause| cause.check == check && cause.status == of.status);
        match known {
            Some(cause) => {
                cause.figures.push(id);
                cause.is_headline |= of.is_headline;
            }
            None => causes.push(Cause {
                check,
                status: of.status,
                is_headline: of.is_headline,
                because: of.because.as_deref().unwrap_or_default(),
                advice: advice(report, check),
                figures: vec![id],
            }),
        }
    }
    causes
}

/// Whether this is a time with the generator's lag, which is known without.
pub fn is_superseded(report: &ModelReport, id: &str) -> bool {
    let figures = &report.verdict.figures;
    [RESPONSE_TIME, SERVICE_TIME].iter().any(|names| {
        let [less_lag, measured] = names.map(|name| format!(".{name}."));
        id.contains(&measured) && figures.contains_key(&id.replace(&measured, &less_lag))
    })
}

fn advice<'a>(report: &'a ModelReport, id: &str) -> Option<&'a str> {
    let mut checks = report.verdict.checks.iter();
    let check = checks.find(|check| check.id == id && !check.passed)?;
    Some(&check.advice)
}

/// Figures by their place: `rate, CPU at the peak; p50, p90 at 140,000/s over 100`.
fn list(ids: &[&str]) -> String {
    let mut places: Vec<(String, Vec<&str>)> = Vec::new();
    for id in ids {
        let (place, name) = (place(id), name(id));
        match places.iter_mut().find(|(known, _)| *known == place) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => places.push((place, vec![name])),
        }
    }
    let texts = places
        .into_iter()
        .map(|(place, names)| format!("{}{place}", names.join(", ")));
    texts.collect::<Vec<_>>().join("; ")
}

/// A figure as people say it: `p90 at 140,000/s over 100`.
pub fn name_and_place(id: &str) -> String {
    format!("{}{}", name(id), place(id))
}

fn name(id: &str) -> &str {
    match id.rsplit('.').next().unwrap_or(id) {
        "user_bytes_per_connection" => "user memory",
        "kernel_bytes_per_connection" => "kernel memory",
        "rate_per_s" => "rate",
        "server_cpu_us_per_request" | "server_cpus_us_per_request" => "CPU",
        "connect_time_us" => "connect times",
        "p99_9" => "p99.9",
        other => other,
    }
}

fn place(id: &str) -> String {
    let number = |text: &str| text.split('_').next().and_then(|n| n.parse::<f64>().ok());
    let parts: Vec<&str> = id.split('.').collect();
    match parts[..] {
        ["memory", ..] => String::new(),
        ["peak", ..] => " at the peak".to_owned(),
        ["closed", connections, ..] => {
            number(connections).map_or_else(String::new, |n| format!(" over {}", whole(n)))
        }
        ["open", connections, rate, ..] => {
            let numbers = number(connections).zip(number(rate));
            numbers.map_or_else(String::new, |(over, rate)| {
                format!(" at {}/s over {}", whole(rate), whole(over))
            })
        }
        [first, ..] => format!(" of {first}"),
        [] => String::new(),
    }
}

/// A figure as text with what its verdict adds: `>=` and `<=` for bounds, `?` when it is suspect,
/// `x` when it is invalid.
pub(crate) fn marked(report: &ModelReport, id: &str, text: String) -> String {
    let Some(of) = report.verdict.figures.get(id) else {
        return text;
    };
    match of.status {
        Status::Invalid => format!("x {text}"),
        Status::Suspect => format!("? {text}"),
        Status::NotMeasured => text,
        Status::Valid => match of.bound {
            Some(bound) if words(&bound).starts_with("at least") => format!(">= {text}"),
            Some(_) => format!("<= {text}"),
            None => text,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_names_that_people_say() {
        let ids = [
            "memory.user_bytes_per_connection",
            "peak.rate_per_s",
            "peak.server_cpu_us_per_request",
            "peak.server_cpus_us_per_request",
            "open.100_connections.140000_per_s.response_time_us.p90",
            "open.100_connections.140000_per_s.response_time_us.p99_9",
            "closed.1000_connections.rate_per_s",
            "churn.connect_time_us",
        ];
        assert_eq!(
            list(&ids),
            "user memory; rate, CPU at the peak; p90, p99.9 at 140,000/s over 100; rate over 1,000; \
             connect times of churn"
        );
    }
}
