//! What both sides counted over a trial, as reports hold it.

use protocol::{launch::Done, tally::Totals};
use report::trial::Counts;
use server::launch::Heard;
use std::collections::BTreeMap;

pub(super) fn generator_counts(totals: &Totals) -> Counts {
    Counts {
        connections: totals.connections,
        requests: Some(totals.requests),
        responses: Some(totals.responses),
        request_bytes: totals.bytes_out,
        response_bytes: totals.bytes_in,
    }
}

/// What the server counted, or null with its reason.
pub(super) fn counts_of(heard: Heard) -> (Option<Counts>, BTreeMap<String, String>) {
    match heard {
        Ok(done) => (Some(server_counts(&done)), BTreeMap::new()),
        Err(reason) => {
            let field = "server_counts".to_owned();
            (None, BTreeMap::from([(field, reason.to_owned())]))
        }
    }
}

fn server_counts(done: &Done) -> Counts {
    Counts {
        connections: done.accepted,
        requests: done.requests,
        responses: done.responses,
        request_bytes: done.bytes_in,
        response_bytes: done.bytes_out,
    }
}
