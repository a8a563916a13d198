//! How a coordinator (the runner, later perhaps another machine) drives a load generator.
//!
//! Both directions are JSON lines. The first line to the generator is a [`Plan`], the others
//! are [`Command`]s; the generator writes [`Event`]s. When its input ends, the generator drops
//! its connections and exits.
//!
//! ```text
//! coordinator                             generators
//! plan, connect {connections}       ->
//!                                   <-    connected
//! start {begins_at_ns, rate_per_s}  ->
//!                                   <-    interval, interval, ...
//! measure {opens_at_ns, window_us}  ->
//!                                         (silence until the window has closed)
//!                                   <-    result
//! connect ... or finish             ->
//!                                   <-    finished
//! ```
//!
//! Intervals tell how the load goes, so that the coordinator can see when it has become steady.
//! From the announcement of a window until its result no message crosses, and nobody is woken.
//!
//! Generators of one trial are told the same, but for the plan's `process`: the connections are
//! numbered over all of them and dealt in turn ([`Turns`]), and there is one schedule, whose k-th
//! request goes to the k-th connection. So whoever holds a connection knows without asking when it
//! is its turn, however many processes and threads there are.
//!
//! Moments are of the generator's CLOCK_MONOTONIC, which all processes of a machine share. A
//! coordinator of several machines adds to each command what that machine's clock differs by.
//! Nothing else here assumes that both sides share a machine or a file system.

use crate::{
    client::Workload,
    endpoint::Endpoint,
    http::HttpRequest,
    tally::{Connected, Interval, Tally, Totals},
    wire::Wire,
};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// What a generator has to know before its first connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The server.
    pub target: Endpoint,
    /// How it is spoken to.
    pub wire: Wire,
    /// What requests ask for.
    pub workload: Workload,
    /// Payload of a request (framed), size of a message (raw, websocket), or of a request's body (http1).
    pub payload_bytes: u32,
    /// What is asked in HTTP; of other wires nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpRequest>,
    /// How requests arrive.
    pub load: Load,
    /// Draws which part of a mix each message belongs to.
    #[serde(default)]
    pub mix_seed: u64,
    /// Threads, at least 1.
    pub threads: u32,
    /// CPUs to run on; any, when empty.
    pub cpus: Vec<usize>,
    /// Which of the generator's processes this is, from 0.
    pub process: u32,
    /// How many of them there are, with as many threads each; at least 1.
    pub processes: u32,
    /// The most connections that they will be told to hold, all together.
    pub connections_max: u32,
    /// Where connections come from; `None` leaves the choice to the kernel, or there is none.
    pub sources: Option<Sources>,
    /// A reply that hasn't come so long after the window's end is missing; in open load one
    /// that took longer than this is late.
    pub reply_deadline_us: u64,
    /// How often the load is reported on while it runs; at least 1.
    pub interval_us: u64,
    /// Lets replies lie unread for so long: a fault, for trying whether it is found. None is 0.
    #[serde(default)]
    pub read_late_us: u64,
    /// Ends connections in the ordinary way, with a FIN each, instead of resetting them: their ports
    /// are taken for a minute then (TIME_WAIT).
    #[serde(default)]
    pub closes_in_order: bool,
}

/// Whose turn it is: things that are numbered from 0 are dealt to several takers in turn, and this
/// one gets `first`, `first + step`, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turns {
    /// Less than `step`.
    pub first: u32,
    /// As many as there are takers; at least 1.
    pub step: u32,
}

impl Turns {
    /// The number of the thing that it gets after so many others, from 0 again after 2^32.
    #[inline]
    pub fn number(self, index: u32) -> u32 {
        index.wrapping_mul(self.step).wrapping_add(self.first)
    }

    /// How many of the first `total` it gets.
    pub fn count(self, total: u64) -> u64 {
        let after_first = total.saturating_sub(self.first.into());
        after_first.div_ceil(self.step.max(1).into())
    }
}

impl Plan {
    /// The least that can be planned: one framed echo at a time, without a payload, on one connection
    /// of one thread, and no patience.
    #[must_use]
    pub fn least(target: impl Into<Endpoint>) -> Self {
        Self {
            target: target.into(),
            wire: Wire::Framed,
            workload: Workload::Echo,
            payload_bytes: 0,
            http: None,
            load: Load::Closed { outstanding: 1 },
            mix_seed: 0,
            threads: 1,
            cpus: Vec::new(),
            process: 0,
            processes: 1,
            connections_max: 1,
            sources: None,
            reply_deadline_us: 1,
            interval_us: 1,
            read_late_us: 0,
            closes_in_order: false,
        }
    }

    /// The connections of this process, by their numbers among all.
    pub fn turns(&self) -> Turns {
        Turns {
            first: self.process,
            step: self.processes,
        }
    }

    /// Those of one of its threads.
    pub fn turns_of_thread(&self, thread: u32) -> Turns {
        Turns {
            first: self.process + thread * self.processes,
            step: self.processes * self.threads,
        }
    }
}

/// Source addresses: each has ports for some 28,000 connections towards one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// Of the first connections, by their number among all generators, and so on; at least one.
    pub addresses: Vec<Ipv4Addr>,
    /// So many numbers belong to one address, the next to the one after it, and after the last to the
    /// first again; at least 1.
    pub numbers_each: u32,
}

impl Sources {
    /// The source of the connection with this number; `None` where there is no address at all.
    pub fn of(&self, number: u32) -> Option<Ipv4Addr> {
        let step = (number / self.numbers_each.max(1)) as usize;
        let address = step.checked_rem(self.addresses.len())?;
        self.addresses.get(address).copied()
    }
}

/// How requests arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Load {
    /// `outstanding` requests on every connection, the next one when a reply arrives.
    Closed {
        /// At least 1.
        outstanding: u32,
    },
    /// Connections send a message in turn, evenly spread over time: each one per interval when all
    /// that the plan allows are open, and at the same rate, so each more often, when fewer are.
    Idle {
        /// At least 1.
        interval_us: u64,
    },
    /// Requests arrive on a schedule that doesn't care how the server is doing, spread over the
    /// connections in turn. One whose connection still waits for a reply waits for it, and its
    /// waiting counts.
    Open(Schedule),
    /// Connections arrive on a schedule; each is opened, sends one request and is closed.
    Churn(Schedule),
}

/// When requests are to be sent, but for the rate, which `start` brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// How they lie in time.
    pub arrivals: Arrivals,
    /// Of the random numbers, the same for all.
    pub seed: u64,
    /// Ask for events without pause rather than sleep until the next send, which comes late by
    /// 30 to 100 us. It keeps each thread's CPU busy.
    pub busy_poll: bool,
}

/// How requests lie in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// Independently of each other: the gaps are exponentially distributed.
    Poisson,
    /// At equal distances.
    Uniform,
}

/// What the coordinator tells the generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Open connections until there are this many (a total, not an addition), or close the last of them
    /// until there are no more.
    Connect {
        /// Over all generators; at most the plan's `connections_max`.
        connections: u32,
    },
    /// Begin the load, over the connections that there are; a churn load opens its own.
    Start {
        /// When, by CLOCK_MONOTONIC: a schedule counts from then on, however late this is heard.
        begins_at_ns: u64,
        /// Over all generators, in open and churn load; at least 1e-6.
        rate_per_s: Option<f64>,
        /// Whether a sample of connections asks the kernel when replies arrive, to tell read lag: it
        /// costs, so this isn't the load that is measured otherwise.
        samples: bool,
    },
    /// Open the window at that moment, then stop sending and wait for what is outstanding.
    Measure {
        /// When, by CLOCK_MONOTONIC. So far ahead that every thread, which hears of it only between
        /// two batches of events, knows of it in time; by how much one doesn't is counted.
        opens_at_ns: u64,
        /// Length of the window.
        window_us: u64,
    },
    /// Close everything and exit.
    Finish,
}

/// What the generator tells the coordinator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Another second of connecting or of load has passed.
    Progress {
        /// Connections established so far.
        connections: u32,
        /// Requests completed since `start`.
        requests: u64,
    },
    /// A `connect` is done, as far as it could be.
    Connected(Connected),
    /// What happened in the next `interval_us` of the load; told until a window is announced.
    Interval(Interval),
    /// What the window brought.
    Result(Box<Tally>),
    /// All connections are closed; totals of the whole life.
    Finished(Totals),
    /// The generator can't go on.
    Failed {
        /// What happened, and what helps.
        message: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[test]
    fn threads_get_what_is_dealt_to_their_process() {
        let plan = |process| Plan {
            threads: 2,
            process,
            processes: 3,
            connections_max: 100,
            ..Plan::least(SocketAddr::from(([127, 0, 0, 1], 1)))
        };
        for total in 0..=25 {
            let mut all = 0;
            for plan in (0..3).map(plan) {
                let threads = (0..2).map(|thread| plan.turns_of_thread(thread).count(total));
                let threads: Vec<u64> = threads.collect();
                assert_eq!(threads.iter().sum::<u64>(), plan.turns().count(total));
                for count in threads {
                    assert!((total / 6..=total.div_ceil(6)).contains(&count));
                    all += count;
                }
            }
            assert_eq!(all, total);
        }
    }

    #[test]
    fn sources_advance_by_number_and_begin_again() {
        let sources = Sources {
            addresses: [1, 7, 9].map(|last| Ipv4Addr::new(192, 0, 2, last)).into(),
            numbers_each: 10_000,
        };
        let of = |number| sources.of(number).unwrap().to_string();
        assert_eq!(of(9_999), "192.0.2.1");
        assert_eq!(of(10_000), "192.0.2.7");
        assert_eq!(of(29_999), "192.0.2.9");
        assert_eq!(of(30_000), "192.0.2.1");
    }
}
