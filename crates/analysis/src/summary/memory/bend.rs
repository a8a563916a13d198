//! Where a ladder isn't straight: a slope over all of it would hide that.

use crate::ladder::{bend_bytes, memory_line};
use report::{
    model::Bend,
    trial::{Step, Trial},
};

/// Between steps closer than this share of the ladder's length, pages weigh more than a bend.
const STRETCH_MIN: f64 = 0.05;

type Bytes = fn(&Step) -> Option<u64>;

/// What is looked at, by name.
const LINES: [(&str, Bytes); 2] = [
    ("user", |step| step.server.pss_bytes),
    ("kernel", |step| step.machine.slab_bytes),
];

/// The stretch between two neighbouring steps whose bytes per connection differ most from the
/// line's over all steps, over all trials; `None` where no ladder has three steps.
pub(super) fn greatest_bend(ladders: &[&Trial]) -> Option<Bend> {
    ladders
        .iter()
        .flat_map(|trial| LINES.iter().flat_map(|line| bends(trial, line)))
        .max_by(|a, b| bend_bytes(a).total_cmp(&bend_bytes(b)))
}

fn bends(trial: &Trial, (name, bytes): &(&str, Bytes)) -> Vec<Bend> {
    let (Some(line), true) = (memory_line(trial, bytes), trial.steps.len() > 2) else {
        return Vec::new();
    };
    let length = trial.steps.iter().map(|step| step.connections_open).max();
    let stretch_min = f64::from(length.unwrap_or(0)) * STRETCH_MIN;
    let pairs = trial.steps.windows(2).filter_map(|pair| {
        let [low, high] = pair else { return None };
        let more = f64::from(high.connections_open) - f64::from(low.connections_open);
        let grown = bytes(high)? as f64 - bytes(low)? as f64;
        (more >= stretch_min.max(1.0)).then(|| Bend {
            line: (*name).to_owned(),
            from_connections: low.connections_open,
            to_connections: high.connections_open,
            bytes_per_connection: grown / more,
            line_bytes_per_connection: line.slope,
        })
    });
    pairs.collect()
}
