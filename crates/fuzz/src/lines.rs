//! What programs print to each other, a line of JSON each.

use protocol::{
    generator::{Command, Event, Plan},
    launch::{Done, ServerLine},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, ops::AddAssign};

/// A server's line: ready, done, unmet. What several processes of one server counted can be added up.
pub fn server(input: &[u8]) {
    match said_again::<ServerLine>(input) {
        Some(ServerLine::Done(done)) => add::<Done>(&done),
        Some(ServerLine::Ready(_) | ServerLine::Unmet(_)) | None => {}
    }
}

/// A generator's line. What several generators tell can be added up.
pub fn generator(input: &[u8]) {
    match said_again::<Event>(input) {
        Some(Event::Finished(totals)) => add(&totals),
        Some(Event::Result(tally)) => {
            let _ = tally
                .map(|histogram| stats::decode(&histogram.0))
                .map(|tally| add(&tally));
        }
        Some(Event::Connected(connected)) => {
            let read = connected.map(|histogram| stats::decode(&histogram.0));
            let _ = read.map(|connected| add(&connected));
        }
        Some(Event::Interval(interval)) => {
            let read = interval.map(|histogram| stats::decode(&histogram.0));
            let _ = read.map(|interval| add(&interval));
        }
        Some(Event::Progress { .. } | Event::Failed { .. }) | None => {}
    }
}

/// A coordinator's line: the plan, then commands.
pub fn coordinator(input: &[u8]) {
    said_again::<Plan>(input);
    said_again::<Command>(input);
}

/// What a line says, if it is one. Said again it is the same, so that nothing is lost between two
/// programs.
fn said_again<T: Serialize + DeserializeOwned + PartialEq + fmt::Debug>(input: &[u8]) -> Option<T> {
    let line: T = serde_json::from_slice(input).ok()?;
    let text = serde_json::to_string(&line).expect("what was read can be written");
    assert_eq!(serde_json::from_str::<T>(&text).ok().as_ref(), Some(&line));
    Some(line)
}

fn add<T: AddAssign + Clone>(one: &T) {
    let mut sum = one.clone();
    sum += one.clone();
    sum += one.clone();
}
