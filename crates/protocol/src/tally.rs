//! What load generators count, and how the counts of several become one: those of a process's
//! threads, and then those of all processes.
//!
//! Here histograms are text. Whoever can read them decodes them (`map`) into an `H` that can be
//! added.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, ops::AddAssign};

/// An HdrHistogram of nanoseconds: V2 with deflate, in base64.
///
/// Source: <https://github.com/HdrHistogram/HdrHistogram>, `encodeIntoCompressedByteBuffer`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(pub String);

/// Kinds of errors, and how often each happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Errors(pub BTreeMap<String, u64>);

/// What a ramp came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connected<H = Histogram> {
    /// Connections that are established now.
    pub connections: u32,
    /// From the first connect to the last, where that took longest.
    pub elapsed_us: u64,
    /// From `connect` to established.
    pub connect_time: H,
    /// Why connections failed.
    pub errors: Errors,
}

/// What happened between a window's opening and closing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tally<H = Histogram> {
    /// All that is a number.
    pub counts: Counts,
    /// Reply received minus request sent, one value per batch (see `client`).
    pub service_time: H,
    /// Where that time went, of a sample of connections; only of a load that was told to sample.
    pub read_times: Option<ReadTimes<H>>,
    /// With a schedule only.
    pub scheduled: Option<ScheduledTimes<H>>,
    /// What happened in each `interval_us` of the window.
    pub intervals: Vec<Interval<H>>,
    /// What went wrong.
    pub errors: Errors,
}

/// The counters of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Length of the window, the same for all.
    pub window_us: u64,
    /// Connections that were open when the window closed.
    pub connections: u32,
    /// Connections that the server closed or reset since `start`.
    pub connections_lost: u64,
    /// Requests completed in the window.
    pub requests: u64,
    /// Requests that the schedule put into the window; 0 without a schedule.
    pub offered: u64,
    /// Of these, those that had to wait because their connection had no reply yet.
    pub requests_waited: u64,
    /// Of these, those whose response time was over the deadline.
    pub replies_late: u64,
    /// Of these, those that were never sent because no more could wait.
    pub requests_unqueued: u64,
    /// Due or sent, and not answered, when the window opened.
    pub outstanding_at_open: u64,
    /// The same when it closed.
    pub outstanding_at_close: u64,
    /// Requests whose turn had begun while the kernel took no more, or not the whole: what was to be
    /// outstanding on their connections is more than socket buffers hold.
    pub sends_blocked: u64,
    /// Service and response times over the histograms' bound of 300 s, which stand in them as that.
    pub times_clipped: u64,
    /// Requests that had no reply at the deadline.
    pub replies_missing: u64,
    /// Replies that were not the expected bytes.
    pub replies_wrong: u64,
    /// Messages of an idle load that weren't sent because the one before was unanswered.
    pub sends_skipped: u64,
    /// The least requests completed on a connection in the window; `None` without connections.
    pub served_least: Option<u32>,
    /// The most requests completed on a connection in the window.
    pub served_most: u32,
    /// Connections without a completed request in the window.
    pub never_served: u64,
    /// Of these, those that were not asked in it either, and had answered all that came before.
    #[serde(default)]
    pub never_asked: u64,
    /// For how long a thread didn't know of the window after it had opened, at most: its requests of
    /// that time aren't counted.
    pub heard_late_ns: u64,
    /// How often events were asked for in the window, and how often there were none.
    pub polls: u64,
    /// See `polls`.
    pub polls_empty: u64,
    /// With a schedule: the longest time in which a thread looked for nothing to do. `None` where it
    /// sleeps when there is nothing, so that it can't tell.
    pub longest_stall_ns: Option<u64>,
}

/// Times that count from what a schedule intended. Of the requests that it put into the window,
/// whenever their replies came; one without a reply is in them with its age at the deadline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduledTimes<H = Histogram> {
    /// Reply received minus the intended moment.
    pub response_time: H,
    /// What these would be had the generator sent each request on time: less its lag, or, if it
    /// waited for its connection, less what it waited for the lag of those before it.
    pub prompt_response_time: H,
    /// Actually sent minus intended, of the requests that didn't have to wait for their
    /// connection: the generator's own error.
    pub lag: H,
    /// From `connect` to established; churn only.
    pub connect_time: Option<H>,
}

/// Service times of a sample of connections, divided at the moment when the reply had arrived in the
/// generator's socket. Empty where the kernel doesn't tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadTimes<H = Histogram> {
    /// Reply received minus arrived: the generator's part.
    pub read_lag: H,
    /// Arrived minus request sent: what the server and the wire took.
    pub server_time: H,
    /// Of the same requests what the window is about, had the generator sent each on time: the
    /// service time, with a schedule the response time.
    pub time: H,
    /// The same had it read each on time as well.
    pub prompt_time: H,
    /// The clock that the kernel stamps arrivals with was set meanwhile, so the division is wrong.
    pub clock_was_set: bool,
}

/// What happened in a short time, for seeing change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval<H = Histogram> {
    /// Counted from 0 at `start`, and again at the window's opening.
    pub index: u32,
    /// Requests completed.
    pub requests: u64,
    /// Requests due or sent, and not answered, at its end.
    pub outstanding: u64,
    /// Service times, with a schedule response times; coarse (two digits).
    pub latency: H,
}

/// What was sent and received over a whole life, to be held against the server's own count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Connections established.
    pub connections: u64,
    /// Requests sent to the last byte.
    pub requests: u64,
    /// Replies received to the last byte.
    pub responses: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
}

impl Errors {
    /// One more of this kind.
    pub fn count(&mut self, kind: impl Into<String>) {
        *self.0.entry(kind.into()).or_default() += 1;
    }
}

impl AddAssign for Errors {
    fn add_assign(&mut self, other: Self) {
        for (kind, times) in other.0 {
            let sum = self.0.entry(kind).or_default();
            *sum = sum.saturating_add(times);
        }
    }
}

/// What another program says it counted may be anything. A sum that doesn't fit stays at the largest
/// number, which agrees with nobody's count; so with all below.
impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.window_us = self.window_us.max(other.window_us);
        self.connections = self.connections.saturating_add(other.connections);
        self.connections_lost = self.connections_lost.saturating_add(other.connections_lost);
        self.requests = self.requests.saturating_add(other.requests);
        self.offered = self.offered.saturating_add(other.offered);
        self.requests_waited = self.requests_waited.saturating_add(other.requests_waited);
        self.requests_unqueued = self
            .requests_unqueued
            .saturating_add(other.requests_unqueued);
        self.outstanding_at_open = self
            .outstanding_at_open
            .saturating_add(other.outstanding_at_open);
        self.outstanding_at_close = self
            .outstanding_at_close
            .saturating_add(other.outstanding_at_close);
        self.sends_blocked = self.sends_blocked.saturating_add(other.sends_blocked);
        self.times_clipped = self.times_clipped.saturating_add(other.times_clipped);
        self.replies_late = self.replies_late.saturating_add(other.replies_late);
        self.replies_missing = self.replies_missing.saturating_add(other.replies_missing);
        self.replies_wrong = self.replies_wrong.saturating_add(other.replies_wrong);
        self.sends_skipped = self.sends_skipped.saturating_add(other.sends_skipped);
        let least = [self.served_least, other.served_least];
        self.served_least = least.into_iter().flatten().min();
        self.served_most = self.served_most.max(other.served_most);
        self.never_served = self.never_served.saturating_add(other.never_served);
        self.never_asked = self.never_asked.saturating_add(other.never_asked);
        self.heard_late_ns = self.heard_late_ns.max(other.heard_late_ns);
        self.polls = self.polls.saturating_add(other.polls);
        self.polls_empty = self.polls_empty.saturating_add(other.polls_empty);
        self.longest_stall_ns = self.longest_stall_ns.max(other.longest_stall_ns);
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.connections = self.connections.saturating_add(other.connections);
        self.requests = self.requests.saturating_add(other.requests);
        self.responses = self.responses.saturating_add(other.responses);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
    }
}

impl<H: AddAssign> AddAssign for Connected<H> {
    fn add_assign(&mut self, other: Self) {
        self.connections = self.connections.saturating_add(other.connections);
        self.elapsed_us = self.elapsed_us.max(other.elapsed_us);
        self.connect_time += other.connect_time;
        self.errors += other.errors;
    }
}

/// Of the same interval.
impl<H: AddAssign> AddAssign for Interval<H> {
    fn add_assign(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.outstanding = self.outstanding.saturating_add(other.outstanding);
        self.latency += other.latency;
    }
}

/// Of the same window. Of intervals there are as many as both have.
impl<H: AddAssign> AddAssign for Tally<H> {
    fn add_assign(&mut self, other: Self) {
        self.counts += other.counts;
        self.service_time += other.service_time;
        if let (Some(times), Some(more)) = (&mut self.read_times, other.read_times) {
            times.read_lag += more.read_lag;
            times.server_time += more.server_time;
            times.time += more.time;
            times.prompt_time += more.prompt_time;
            times.clock_was_set |= more.clock_was_set;
        }
        if let (Some(times), Some(more)) = (&mut self.scheduled, other.scheduled) {
            times.response_time += more.response_time;
            times.prompt_response_time += more.prompt_response_time;
            times.lag += more.lag;
            if let (Some(times), Some(more)) = (&mut times.connect_time, more.connect_time) {
                *times += more;
            }
        }
        self.intervals.truncate(other.intervals.len());
        for (interval, more) in self.intervals.iter_mut().zip(other.intervals) {
            *interval += more;
        }
        self.errors += other.errors;
    }
}

impl<H> Connected<H> {
    /// The same with another histogram.
    ///
    /// # Errors
    /// It can't be made.
    pub fn map<T, E>(self, map: impl Fn(H) -> Result<T, E>) -> Result<Connected<T>, E> {
        Ok(Connected {
            connections: self.connections,
            elapsed_us: self.elapsed_us,
            connect_time: map(self.connect_time)?,
            errors: self.errors,
        })
    }
}

impl<H> Interval<H> {
    /// The same with another histogram.
    ///
    /// # Errors
    /// It can't be made.
    pub fn map<T, E>(self, map: impl Fn(H) -> Result<T, E>) -> Result<Interval<T>, E> {
        Ok(Interval {
            index: self.index,
            requests: self.requests,
            outstanding: self.outstanding,
            latency: map(self.latency)?,
        })
    }
}

impl<H> Tally<H> {
    /// The same with other histograms.
    ///
    /// # Errors
    /// One can't be made.
    pub fn map<T, E>(self, map: impl Fn(H) -> Result<T, E>) -> Result<Tally<T>, E> {
        let read_times = self.read_times.map(|times| {
            Ok(ReadTimes {
                read_lag: map(times.read_lag)?,
                server_time: map(times.server_time)?,
                time: map(times.time)?,
                prompt_time: map(times.prompt_time)?,
                clock_was_set: times.clock_was_set,
            })
        });
        let scheduled = self.scheduled.map(|times| {
            Ok(ScheduledTimes {
                response_time: map(times.response_time)?,
                prompt_response_time: map(times.prompt_response_time)?,
                lag: map(times.lag)?,
                connect_time: times.connect_time.map(&map).transpose()?,
            })
        });
        let intervals = self.intervals.into_iter();
        Ok(Tally {
            counts: self.counts,
            service_time: map(self.service_time)?,
            read_times: read_times.transpose()?,
            scheduled: scheduled.transpose()?,
            intervals: intervals
                .map(|one| one.map(&map))
                .collect::<Result<_, _>>()?,
            errors: self.errors,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_sums_and_extremes_are_extremes() {
        let interval = |index| Interval {
            index,
            requests: 2,
            outstanding: 4,
            latency: 10,
        };
        let of = |served: Option<u32>, intervals: u32| Tally {
            counts: Counts {
                window_us: 5,
                requests: 3,
                served_least: served,
                served_most: served.unwrap_or(0),
                longest_stall_ns: Some(intervals.into()),
                ..Counts::default()
            },
            service_time: 1,
            read_times: None,
            scheduled: None,
            intervals: (0..intervals).map(interval).collect(),
            errors: Errors(BTreeMap::from([("reset".to_owned(), 1)])),
        };
        let mut sum = of(None, 3);
        sum += of(Some(7), 2);
        sum += of(Some(4), 4);
        let expected = Counts {
            window_us: 5,
            requests: 9,
            // One that had no connections served none of them.
            served_least: Some(4),
            served_most: 7,
            longest_stall_ns: Some(4),
            ..Counts::default()
        };
        assert_eq!(sum.counts, expected);
        assert_eq!((sum.service_time, sum.errors.0["reset"]), (3, 3));
        let last = sum.intervals.last().unwrap();
        assert_eq!((last.index, last.requests, last.latency), (1, 6, 30));
        assert_eq!(last.outstanding, 12);
    }
}
