//! What became of connections that were held for long.

use crate::numbers::{known, whole};
use report::model::{Drift, Held, ModelReport, Range};

/// What the columns of [`rows`] are.
pub const HEADER: [&str; 9] = [
    "model",
    "held for, s",
    "rounds",
    "replaced",
    "lost",
    "server user",
    "generator user",
    "kernel",
    "server's descriptors",
];

/// What the table is about.
pub const TITLE: &str =
    "Held for long: how memory moved, in bytes for each connection and hour, with 95 % intervals";

/// A row for each server whose connections were held.
pub fn rows<'a>(reports: impl IntoIterator<Item = &'a ModelReport>) -> Vec<[String; 9]> {
    let held = |report: &'a ModelReport| Some((&report.model.name, report.summary.held.as_ref()?));
    let all = reports.into_iter().filter_map(held);
    all.map(|(name, held)| row(name, held)).collect()
}

fn row(name: &str, held: &Held) -> [String; 9] {
    [
        name.to_owned(),
        whole(held.length_s),
        held.rounds.to_string(),
        whole(held.replaced as f64),
        whole(held.lost as f64),
        drift(held.server_user_bytes_per_connection_hour),
        drift(held.generator_user_bytes_per_connection_hour),
        drift(held.kernel_bytes_per_connection_hour),
        range(held.server_descriptors),
    ]
}

fn drift(of: Option<Drift>) -> String {
    of.map_or_else(
        || known(None),
        |Drift {
             per_hour,
             low,
             high,
         }| format!("{per_hour:+.1} [{low:+.1} {high:+.1}]"),
    )
}

fn range(of: Option<Range>) -> String {
    match of {
        Some(Range { low, high }) if low < high => format!("{} to {}", whole(low), whole(high)),
        of => known(of.map(|range| range.low)),
    }
}
