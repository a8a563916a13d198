//! What not to believe, in a sentence for each cause.

use crate::numbers::whole;
use analysis::verdict::words;
use report::{
    check::{FigureVerdict, Status},
    model::ModelReport,
};

/// Causes that are shown for a model; the report has all.
const CAUSES_SHOWN: usize = 3;

/// Why some of a model's figures don't stand, the worst first: what was seen, which figures that
/// touches, what helps. Nothing when all stand.
pub(crate) fn doubts(report: &ModelReport) -> Vec<String> {
    if report.verdict.figures.is_empty() {
        return of_older(report);
    }
    let mut causes = causes(report);
    causes.sort_by_key(|cause| {
        (
            std::cmp::Reverse(cause.is_headline),
            std::cmp::Reverse(cause.status),
        )
    });
    let hidden = causes.len().saturating_sub(CAUSES_SHOWN);
    let mut lines = Vec::new();
    for cause in causes.iter().take(CAUSES_SHOWN) {
        let word = match cause.status {
            Status::Invalid => "invalid",
            _ => "suspect",
        };
        lines.push(format!(
            "  {}: {} {word}: {}: {}",
            report.model.name,
            cause.figures.join(", "),
            cause.check,
            cause.because
        ));
        lines.extend(cause.advice.map(|advice| format!("    -> {advice}")));
    }
    if hidden > 0 {
        lines.push(format!(
            "  {}: and {hidden} more causes, in its report",
            report.model.name
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
    figures: Vec<String>,
}

fn causes(report: &ModelReport) -> Vec<Cause<'_>> {
    let mut causes: Vec<Cause<'_>> = Vec::new();
    for (id, of) in &report.verdict.figures {
        let (Some(check), true) = (&of.check, of.status > Status::NotMeasured) else {
            continue;
        };
        let name = name(id, of);
        let known = causes
            .iter_mut()
            .find(|cause| cause.check == check && cause.status == of.status);
        match known {
            Some(cause) => {
                cause.figures.push(name);
                cause.is_headline |= of.is_headline;
            }
            None => causes.push(Cause {
                check,
                status: of.status,
                is_headline: of.is_headline,
                because: of.because.as_deref().unwrap_or_default(),
                advice: advice(report, check),
                figures: vec![name],
            }),
        }
    }
    causes
}

fn advice<'a>(report: &'a ModelReport, id: &str) -> Option<&'a str> {
    let mut checks = report.verdict.checks.iter();
    let check = checks.find(|check| check.id == id && !check.passed)?;
    Some(&check.advice)
}

/// A figure's path in words: `p99 at 140,000/s (too high)`.
fn name(id: &str, of: &FigureVerdict) -> String {
    let parts: Vec<&str> = id.split('.').collect();
    let what = match parts.last().copied().unwrap_or_default() {
        "user_bytes_per_connection" => "user memory",
        "kernel_bytes_per_connection" => "kernel memory",
        "rate_per_s" => "rate",
        "server_cpu_us_per_request" => "CPU of the process",
        "server_cpus_us_per_request" => "CPU of its CPUs",
        "connect_time_us" => "connect times",
        "p99_9" => "p99.9",
        other => other,
    };
    let place = match parts[..] {
        ["peak", ..] => " at the peak".to_owned(),
        ["closed" | "open", connections, rate, ..] => {
            let number = |text: &str| text.split('_').next().and_then(|n| n.parse::<f64>().ok());
            let over =
                number(connections).map_or_else(String::new, |n| format!(" over {}", whole(n)));
            match number(rate).filter(|_| parts[0] == "open") {
                Some(rate) => format!(" at {}/s{over}", whole(rate)),
                None => over,
            }
        }
        [first, ..] if first != "memory" => format!(" of {first}"),
        _ => String::new(),
    };
    let how = of
        .bias
        .as_ref()
        .map_or_else(String::new, |bias| format!(" ({})", words(bias)));
    format!("{what}{place}{how}")
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
    use report::check::{Direction, Effect};

    #[test]
    fn figures_have_names_that_people_say() {
        let of = FigureVerdict::default();
        let named = |id| name(id, &of);
        assert_eq!(named("peak.rate_per_s"), "rate at the peak");
        assert_eq!(named("memory.user_bytes_per_connection"), "user memory");
        assert_eq!(
            named("open.100_connections.140000_per_s.response_time_us.p99_9"),
            "p99.9 at 140,000/s over 100"
        );
        assert_eq!(
            named("closed.1000_connections.server_cpus_us_per_request"),
            "CPU of its CPUs over 1,000"
        );
        assert_eq!(named("churn.connect_time_us"), "connect times of churn");
        let biased = FigureVerdict {
            bias: Some(Effect::Biases {
                direction: Direction::High,
                up_to_share: Some(0.2),
            }),
            ..FigureVerdict::default()
        };
        assert_eq!(
            name("peak.rate_per_s", &biased),
            "rate at the peak (too high by up to 20.0 %)"
        );
    }
}
