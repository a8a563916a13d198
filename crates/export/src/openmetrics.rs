//! OpenMetrics, for a push gateway or a collector of text files:
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>.

use crate::values::{Figure, bound, figures, word};
use report::model::ModelReport;
use std::{collections::BTreeMap, fmt::Write as _};

/// All figures, a gauge for each kind. Percentiles are labelled `quantile`, verdicts `verdict`, and
/// what is a bound `bound`.
pub fn openmetrics(reports: &[ModelReport]) -> String {
    // A metric's lines stand together.
    let mut metrics: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for report in reports {
        for figure in figures(report) {
            let (name, quantile) = name(&figure);
            let labels = labels(report, &figure, quantile);
            let line = format!("{name}{{{labels}}} {}", figure.value);
            metrics.entry(name).or_default().push(line);
        }
    }
    let mut text = String::new();
    for (name, lines) in metrics {
        // Writing to a string doesn't fail.
        let _ = writeln!(text, "# TYPE {name} gauge\n{}", lines.join("\n"));
    }
    text + "# EOF\n"
}

/// `millionfold_response_time_us` with a quantile, `millionfold_rate_per_s` without.
fn name(figure: &Figure) -> (String, Option<String>) {
    let (name, percentile) = match figure.subject.figure.split_once(".p") {
        Some((name, percentile)) => (name, Some(percentile)),
        None => (figure.subject.figure.as_str(), None),
    };
    // `99_9` is 0.999, `50` is 0.5.
    let digits = percentile.map(|percentile| percentile.replace('_', ""));
    let quantile = digits.map(|digits| format!("0.{}", digits.trim_end_matches('0')));
    (format!("millionfold_{name}"), quantile)
}

fn labels(report: &ModelReport, figure: &Figure, quantile: Option<String>) -> String {
    let subject = &figure.subject;
    let said = |word: &str| (!word.is_empty()).then(|| word.to_owned());
    let labels = [
        ("run", Some(report.run.clone())),
        ("model", Some(report.model.name.clone())),
        ("load", Some(subject.load.to_owned())),
        ("connections", Some(subject.connections.to_string())),
        (
            "offered_rate_per_s",
            subject.rate_per_s.map(|rate| rate.to_string()),
        ),
        ("quantile", quantile),
        ("verdict", said(word(figure.verdict.as_ref()))),
        ("bound", said(bound(figure.verdict.as_ref()))),
    ];
    let labels = labels.into_iter().filter_map(|(name, value)| {
        let value = value?;
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        Some(format!("{name}=\"{}\"", escaped.replace('\n', "\\n")))
    });
    labels.collect::<Vec<String>>().join(",")
}
