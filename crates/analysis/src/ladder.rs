//! Lines over the ladder of connections of an idle load.

use crate::stats::{Line, line, median};
use report::{
    model::Bend,
    trial::{Step, Trial},
};

/// The middle one of the trials' slopes.
pub(crate) fn median_slope(
    ladders: &[&Trial],
    bytes: impl Fn(&Step) -> Option<u64>,
) -> Option<f64> {
    let slopes = lines(ladders, bytes).into_iter().map(|line| line.slope);
    median(&slopes.collect::<Vec<_>>())
}

/// One line per trial.
pub(crate) fn lines(ladders: &[&Trial], bytes: impl Fn(&Step) -> Option<u64>) -> Vec<Line> {
    let lines = ladders.iter().map(|trial| memory_line(trial, &bytes));
    lines.flatten().collect()
}

/// Bytes over connections in one trial.
pub(crate) fn memory_line(trial: &Trial, bytes: impl Fn(&Step) -> Option<u64>) -> Option<Line> {
    let steps = trial.steps.iter();
    let points: Option<Vec<_>> = steps
        .map(|step| Some((f64::from(step.connections_open), bytes(step)? as f64)))
        .collect();
    line(&points?)
}

/// How far the stretch is from the line, in bytes per connection.
pub(crate) fn bend_bytes(bend: &Bend) -> f64 {
    (bend.bytes_per_connection - bend.line_bytes_per_connection).abs()
}
