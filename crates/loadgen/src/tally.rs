//! What a thread counts: the histograms of it, and what it tells of it.

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
use protocol::{
    generator::Load,
    tally::{self, Counts, Errors, Histogram, ReadTimes, ScheduledTimes, Totals},
};

/// From a nanosecond to five minutes, to three digits.
const LATENCY_MAX_NS: u64 = 300_000_000_000;

/// A histogram of nanoseconds.
pub(crate) type Latencies = hdrhistogram::Histogram<u64>;

pub(crate) type Connected = tally::Connected<Latencies>;
pub(crate) type Interval = tally::Interval<Latencies>;
pub(crate) type Tally = tally::Tally<Latencies>;

pub(crate) fn latencies() -> Latencies {
    Latencies::new_with_bounds(1, LATENCY_MAX_NS, 3).expect("the bounds are constants that fit")
}

/// # Errors
/// The histogram can't be written, which no input causes.
pub(crate) fn encode(latencies: Latencies) -> anyhow::Result<Histogram> {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(&latencies, &mut bytes)
        .context("a histogram can't be encoded")?;
    Ok(Histogram(STANDARD.encode(bytes)))
}

/// Its histogram is a small one: from a microsecond, to two digits. It grows with what it has to
/// hold: a long window has many intervals, in each of many processes.
pub(crate) fn new_interval(index: u32) -> Interval {
    let mut latency =
        Latencies::new_with_bounds(1000, 1_000_000, 2).expect("the bounds are constants that fit");
    latency.auto(true);
    Interval {
        index,
        requests: 0,
        outstanding: 0,
        latency,
    }
}

#[inline]
pub(crate) fn record(interval: &mut Interval, latency_ns: u64) {
    interval.requests += 1;
    // It grows up to this, so nothing is refused.
    let _ = interval.latency.record(latency_ns.min(LATENCY_MAX_NS));
}

pub(crate) fn new_tally(load: Load) -> Tally {
    let churns = matches!(load, Load::Churn(_));
    let scheduled = churns || matches!(load, Load::Open(_));
    Tally {
        counts: Counts::default(),
        service_time: latencies(),
        read_times: (!matches!(load, Load::Idle { .. })).then(|| ReadTimes {
            read_lag: latencies(),
            server_time: latencies(),
            time: latencies(),
            prompt_time: latencies(),
            clock_was_set: false,
        }),
        scheduled: scheduled.then(|| ScheduledTimes {
            response_time: latencies(),
            prompt_response_time: latencies(),
            lag: latencies(),
            connect_time: churns.then(latencies),
        }),
        intervals: Vec::new(),
        errors: Errors::default(),
    }
}

/// What is over the histogram's bound is in it as the bound; that it isn't all is counted.
#[inline]
pub(crate) fn record_service(tally: &mut Tally, service_ns: u64) {
    tally.service_time.saturating_record(service_ns);
    tally.counts.times_clipped += u64::from(service_ns > LATENCY_MAX_NS);
}

/// How a service time is divided, of a sampled connection.
pub(crate) fn record_read(tally: &mut Tally, (read_lag_ns, server_ns): (u64, u64)) {
    if let Some(times) = &mut tally.read_times {
        times.read_lag.saturating_record(read_lag_ns);
        times.server_time.saturating_record(server_ns);
        if tally.scheduled.is_none() {
            times.time.saturating_record(read_lag_ns + server_ns);
            times.prompt_time.saturating_record(server_ns);
        }
    }
}

/// What passed from a request's intended moment until its reply was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Response {
    pub(crate) time_ns: u64,
    /// By so much it is longer because the generator sent late.
    pub(crate) sent_late_ns: u64,
    /// By so much because it sent or read late; of a sampled connection.
    pub(crate) late_ns: Option<u64>,
}

/// The response time of a request that has its reply.
pub(crate) fn record_response(tally: &mut Tally, response: Response, deadline_ns: u64) {
    let Some(times) = &mut tally.scheduled else {
        return;
    };
    let time_ns = response.time_ns;
    let sent_on_time_ns = time_ns.saturating_sub(response.sent_late_ns);
    times.response_time.saturating_record(time_ns);
    times
        .prompt_response_time
        .saturating_record(sent_on_time_ns);
    if let (Some(times), Some(late_ns)) = (&mut tally.read_times, response.late_ns) {
        times.time.saturating_record(sent_on_time_ns);
        times
            .prompt_time
            .saturating_record(time_ns.saturating_sub(late_ns));
    }
    tally.counts.times_clipped += u64::from(time_ns > LATENCY_MAX_NS);
    tally.counts.replies_late += u64::from(time_ns > deadline_ns);
}

/// The same of requests without a reply: how old they are at the deadline.
pub(crate) fn record_ages(tally: &mut Tally, age_ns: u64, count: u64) {
    if let Some(times) = &mut tally.scheduled {
        times.response_time.saturating_record_n(age_ns, count);
        times
            .prompt_response_time
            .saturating_record_n(age_ns, count);
        tally.counts.times_clipped += count * u64::from(age_ns > LATENCY_MAX_NS);
    }
}

pub(crate) fn record_lag(tally: &mut Tally, lag_ns: u64) {
    if let Some(times) = &mut tally.scheduled {
        times.lag.saturating_record(lag_ns);
    }
}

/// What a thread tells the coordinator.
#[derive(Debug)]
pub(crate) enum Report {
    Connected(Box<Connected>),
    Interval(Box<Interval>),
    Measured(Box<Tally>),
    Finished(Totals),
    Failed(anyhow::Error),
}
