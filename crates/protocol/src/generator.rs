//! How a coordinator (the runner, later perhaps another machine) drives a load generator.
//!
//! Both directions are JSON lines. The first line to the generator is a [`Plan`], the others
//! are [`Command`]s; the generator writes [`Event`]s. When its input ends, the generator drops
//! its connections and exits.
//!
//! ```text
//! coordinator                         generator
//! plan, connect {connections}   ->
//!                               <-    connected
//! start {rate_per_s}            ->
//!                               <-    interval, interval, ...
//! measure {window_us, lead_us}  ->
//!                               <-    window_opened, window_closed, result
//! connect ... or finish         ->
//!                               <-    finished
//! ```
//!
//! Intervals tell how the load goes, so that the coordinator can see when it has become steady.
//! No message needs to cross inside a window. Nothing here assumes that both sides share a
//! machine, a clock's origin or a file system: times are durations from a command's receipt.

use crate::{
    client::Workload,
    tally::{Connected, Interval, Tally, Totals},
    wire::Wire,
};
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};

/// What a generator has to know before its first connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The server.
    pub target: SocketAddr,
    /// How it is spoken to.
    pub wire: Wire,
    /// What requests ask for.
    pub workload: Workload,
    /// Payload of a request (framed) or size of a message (raw).
    pub payload_bytes: u32,
    /// How requests arrive.
    pub load: Load,
    /// Threads, at least 1.
    pub threads: u32,
    /// CPUs to run on; any, when empty.
    pub cpus: Vec<usize>,
    /// The number of this generator's first connection: unique among all generators.
    pub first_connection: u32,
    /// The most connections this generator will be told to hold.
    pub connections_max: u32,
    /// Where connections come from; `None` leaves the choice to the kernel.
    pub sources: Option<Sources>,
    /// A reply that hasn't come so long after the window's end is missing; in open load one
    /// that took longer than this is late.
    pub reply_deadline_us: u64,
    /// How often the load is reported on while it runs; at least 1.
    pub interval_us: u64,
}

/// Source addresses, one after the other: an address has ports for some 28,000 connections towards
/// one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// Of the first connections, by their number among all generators.
    pub first: Ipv4Addr,
    /// So many come from one address, the next from the address after it; at least 1.
    pub connections_each: u32,
    /// So many addresses there are; then it goes on with the first. At least 1.
    pub addresses: u32,
}

impl Sources {
    /// The source of the connection with this number.
    pub fn of(&self, number: u32) -> Ipv4Addr {
        let step = number / self.connections_each.max(1) % self.addresses.max(1);
        Ipv4Addr::from(u32::from(self.first).wrapping_add(step))
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
    /// Of the random numbers. Threads and generators derive their own from it.
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
    /// Open connections until there are this many (a total, not an addition).
    Connect {
        /// At most the plan's `connections_max`.
        connections: u32,
    },
    /// Begin the load.
    Start {
        /// Of this generator, in open and churn load; at least a request per hour.
        rate_per_s: Option<f64>,
    },
    /// Open the window in a moment for this long, then stop sending and wait for what is outstanding.
    Measure {
        /// Length of the window.
        window_us: u64,
        /// The window opens so long after the command's receipt, so that every thread, which hears
        /// of it only between two batches of events, knows of it in time.
        lead_us: u64,
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
    /// What happened in the next `interval_us` of the load; none are told inside a window.
    Interval(Interval),
    /// From now on replies count.
    WindowOpened,
    /// From now on they don't.
    WindowClosed,
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

    #[test]
    fn sources_advance_by_number_and_begin_again() {
        let sources = Sources {
            first: Ipv4Addr::new(127, 0, 0, 255),
            connections_each: 10_000,
            addresses: 3,
        };
        let of = |number| sources.of(number).to_string();
        assert_eq!(of(9_999), "127.0.0.255");
        assert_eq!(of(10_000), "127.0.1.0");
        assert_eq!(of(29_999), "127.0.1.1");
        assert_eq!(of(30_000), "127.0.0.255");
    }
}
