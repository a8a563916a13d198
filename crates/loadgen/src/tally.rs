//! What a thread counted, and how several threads' counts become one.

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
use protocol::generator::{Histogram, Interval, Totals};
use std::collections::BTreeMap;

/// From a nanosecond to five minutes, to three digits.
const LATENCY_MAX_NS: u64 = 300_000_000_000;

/// A histogram of nanoseconds.
pub(crate) type Latencies = hdrhistogram::Histogram<u64>;

pub(crate) fn latencies() -> Latencies {
    Latencies::new_with_bounds(1, LATENCY_MAX_NS, 3).expect("the bounds are constants that fit")
}

/// A small one for each interval: from a microsecond, to two digits. It grows with what it has to
/// hold: a long window has many, in each of many processes.
fn coarse_latencies() -> Latencies {
    let mut small =
        Latencies::new_with_bounds(1000, 1_000_000, 2).expect("the bounds are constants that fit");
    small.auto(true);
    small
}

/// # Errors
/// The histogram can't be written, which no input causes.
pub(crate) fn encode(latencies: &Latencies) -> anyhow::Result<Histogram> {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(latencies, &mut bytes)
        .context("a histogram can't be encoded")?;
    Ok(Histogram(STANDARD.encode(bytes)))
}

/// Kinds of errors, and how often each happened.
pub(crate) type Errors = BTreeMap<String, u64>;

pub(crate) fn count_error(errors: &mut Errors, kind: impl Into<String>) {
    *errors.entry(kind.into()).or_default() += 1;
}

pub(crate) fn add_errors(errors: &mut Errors, other: Errors) {
    for (kind, times) in other {
        *errors.entry(kind).or_default() += times;
    }
}

/// What one or more threads saw in a window.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) connections: u32,
    pub(crate) connections_lost: u32,
    pub(crate) requests: u64,
    pub(crate) replies_missing: u64,
    pub(crate) replies_wrong: u64,
    pub(crate) sends_skipped: u64,
    pub(crate) served_least: u32,
    pub(crate) served_most: u32,
    pub(crate) never_served: u32,
    pub(crate) service_time: Latencies,
    pub(crate) scheduled: ScheduledTally,
    pub(crate) polls: u64,
    pub(crate) polls_empty: u64,
    pub(crate) intervals: Vec<IntervalTally>,
    pub(crate) errors: Errors,
}

/// What counts from the moments that a schedule intended; stays empty without one.
#[derive(Debug)]
pub(crate) struct ScheduledTally {
    pub(crate) offered: u64,
    pub(crate) waited: u64,
    pub(crate) late: u64,
    pub(crate) response_time: Latencies,
    pub(crate) lag: Latencies,
    pub(crate) connect_time: Latencies,
    pub(crate) longest_stall_ns: u64,
}

impl ScheduledTally {
    fn new() -> Self {
        Self {
            offered: 0,
            waited: 0,
            late: 0,
            response_time: latencies(),
            lag: latencies(),
            connect_time: latencies(),
            longest_stall_ns: 0,
        }
    }

    pub(crate) fn record_response(&mut self, response_ns: u64, deadline_ns: u64) {
        self.response_time.saturating_record(response_ns);
        self.late += u64::from(response_ns > deadline_ns);
    }

    fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.offered += other.offered;
        self.waited += other.waited;
        self.late += other.late;
        self.response_time.add(&other.response_time)?;
        self.lag.add(&other.lag)?;
        self.connect_time.add(&other.connect_time)?;
        self.longest_stall_ns = self.longest_stall_ns.max(other.longest_stall_ns);
        Ok(())
    }
}

/// What one or more threads saw in a short interval.
#[derive(Debug)]
pub(crate) struct IntervalTally {
    pub(crate) index: u32,
    pub(crate) requests: u64,
    pub(crate) latency: Latencies,
}

impl IntervalTally {
    pub(crate) fn new(index: u32) -> Self {
        Self {
            index,
            requests: 0,
            latency: coarse_latencies(),
        }
    }

    #[inline]
    pub(crate) fn record(&mut self, latency_ns: u64) {
        // It grows up to this, so nothing is refused.
        let _ = self.latency.record(latency_ns.min(LATENCY_MAX_NS));
    }

    /// # Errors
    /// The histograms don't fit each other, which same bounds exclude.
    pub(crate) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.requests += other.requests;
        Ok(self.latency.add(&other.latency)?)
    }

    /// # Errors
    /// See [`encode`].
    pub(crate) fn encode(&self) -> anyhow::Result<Interval> {
        Ok(Interval {
            index: self.index,
            requests: self.requests,
            latency: encode(&self.latency)?,
        })
    }
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            connections: 0,
            connections_lost: 0,
            requests: 0,
            replies_missing: 0,
            replies_wrong: 0,
            sends_skipped: 0,
            served_least: u32::MAX,
            served_most: 0,
            never_served: 0,
            service_time: latencies(),
            scheduled: ScheduledTally::new(),
            polls: 0,
            polls_empty: 0,
            intervals: Vec::new(),
            errors: Errors::new(),
        }
    }

    /// # Errors
    /// The histograms don't fit each other, which same bounds exclude.
    pub(crate) fn add(&mut self, other: Tally) -> anyhow::Result<()> {
        self.connections += other.connections;
        self.connections_lost += other.connections_lost;
        self.requests += other.requests;
        self.replies_missing += other.replies_missing;
        self.replies_wrong += other.replies_wrong;
        self.sends_skipped += other.sends_skipped;
        self.served_least = self.served_least.min(other.served_least);
        self.served_most = self.served_most.max(other.served_most);
        self.never_served += other.never_served;
        self.service_time.add(&other.service_time)?;
        self.scheduled.add(&other.scheduled)?;
        self.polls += other.polls;
        self.polls_empty += other.polls_empty;
        if self.intervals.is_empty() {
            self.intervals = other.intervals;
        } else {
            for (mine, its) in self.intervals.iter_mut().zip(&other.intervals) {
                mine.add(its)?;
            }
        }
        add_errors(&mut self.errors, other.errors);
        Ok(())
    }
}

/// What a thread tells the coordinator.
#[derive(Debug)]
pub(crate) enum Report {
    Connected {
        connections: u32,
        connect_time: Box<Latencies>,
        errors: Errors,
    },
    Interval(Box<IntervalTally>),
    Measured(Box<Tally>),
    Finished(Totals),
    Failed(anyhow::Error),
}
