//! What both sides counted over a trial, as reports hold it.

use protocol::{
    launch::{self, Done},
    tally::Totals,
};
use report::{
    hosts::HostClock,
    trial::{Counts, ThreadCounts},
};
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

/// What is known of a trial once server and generators are gone.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// Null with its reason where the trial was interrupted.
    pub(super) generator: Option<Counts>,
    pub(super) server: ServerCounts,
    pub(super) backend: Option<Counts>,
    pub(super) teardown_us: Option<u64>,
    pub(super) hosts: Vec<HostClock>,
}

impl Ended {
    /// Nobody has told anything.
    pub(super) fn interrupted() -> Self {
        let fields = ["generator_counts", "server_counts", "teardown_us"];
        let reason = "the trial was interrupted before they were told";
        let mut ended = Self::default();
        ended.server.not_measured = fields
            .map(|field| (field.to_owned(), reason.to_owned()))
            .into();
        ended
    }
}

/// What the server counted.
#[derive(Debug, Default)]
pub(super) struct ServerCounts {
    /// Null with its reason, where it doesn't tell.
    pub(super) all: Option<Counts>,
    pub(super) by_thread: Vec<ThreadCounts>,
    /// Of connections to a backend, if it is a relay.
    pub(super) backend_failures: Option<u64>,
    pub(super) not_measured: BTreeMap<String, String>,
}

pub(super) fn counts_of(heard: Heard) -> ServerCounts {
    match heard {
        Ok(done) => ServerCounts {
            all: Some(server_counts(&done)),
            by_thread: done.by_thread.iter().map(thread_counts).collect(),
            backend_failures: Some(done.backend_failures),
            not_measured: BTreeMap::new(),
        },
        Err(reason) => ServerCounts {
            not_measured: BTreeMap::from([("server_counts".to_owned(), reason.to_owned())]),
            ..ServerCounts::default()
        },
    }
}

fn thread_counts(of: &launch::ThreadCounts) -> ThreadCounts {
    ThreadCounts {
        connections: of.accepted,
        requests: of.requests,
        request_bytes: of.bytes_in,
    }
}

pub(super) fn server_counts(done: &Done) -> Counts {
    Counts {
        connections: done.accepted,
        requests: done.requests,
        responses: done.responses,
        request_bytes: done.bytes_in,
        response_bytes: done.bytes_out,
    }
}
