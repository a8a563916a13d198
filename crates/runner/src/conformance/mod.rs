//! `runner check`: whether a server keeps the wire (`protocol::wire`) and the launch contract
//! (`protocol::launch`), in the ways that servers are known to break them.
//!
//! A case starts a server of its own, is its client, stops it and looks at its counts. What is
//! slow or has little memory is measured elsewhere; here a bound is only as tight as it takes
//! to tell a sound server from a broken one on any machine.
//!
//! - [`client`]: bytes out, bytes in, with a limit on every wait;
//! - [`request`]: the bytes of a request;
//! - [`subject`]: the server under test;
//! - [`tally`]: what it ought to have counted;
//! - [`proc`]: what the kernel says about its process;
//! - the others hold the cases, which [`CASES`] lists.

mod client;
mod echo;
mod faults;
mod limits;
mod proc;
mod request;
mod stopping;
mod subject;
mod tally;
mod unread;

use crate::{interrupt, server::Launch};
use protocol::wire::Wire;
use std::time::{Duration, Instant};

/// One property that every server has to have.
#[derive(Debug)]
pub(crate) struct Case {
    /// Short, for the row of a table.
    pub(crate) name: &'static str,
    /// What is asked of the server, in a sentence's worth of words.
    pub(crate) about: &'static str,
    /// The wires it makes sense on.
    pub(crate) wires: &'static [Wire],
    run: fn(&Launch) -> anyhow::Result<()>,
}

/// How a case went.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// [`Case::name`].
    pub(crate) name: &'static str,
    /// [`Case::about`].
    pub(crate) about: &'static str,
    /// From the start of the server to its end.
    pub(crate) elapsed: Duration,
    /// What was expected and what came instead, for the server's author.
    pub(crate) result: Result<(), String>,
}

/// Runs every case of the wire, each on a fresh server, and tells of each as it ends. Comes
/// back early, without the case that was cut short, when the user interrupts.
pub(crate) fn check(
    launch: &Launch,
    wire: Wire,
    mut on_case: impl FnMut(&Outcome),
) -> Vec<Outcome> {
    let mut launch = launch.clone();
    launch.wire = wire;
    let mut outcomes = Vec::new();
    for case in CASES.iter().filter(|case| case.wires.contains(&wire)) {
        if interrupt::asked() {
            break;
        }
        let start = Instant::now();
        let result = (case.run)(&launch).map_err(|error| format!("{error:#}"));
        if result.is_err() && interrupt::asked() {
            break;
        }
        let outcome = Outcome {
            name: case.name,
            about: case.about,
            elapsed: start.elapsed(),
            result,
        };
        on_case(&outcome);
        outcomes.push(outcome);
    }
    outcomes
}

const FRAMED: &[Wire] = &[Wire::Framed];
const BOTH: &[Wire] = &[Wire::Framed, Wire::Raw];

/// All cases, the plain ones first: what breaks an echo breaks most of the others too.
static CASES: &[Case] = &[
    Case {
        name: "sizes",
        about: "echoes messages of every size, up to the largest",
        wires: BOTH,
        run: echo::sizes,
    },
    Case {
        name: "byte-by-byte",
        about: "takes a message one byte at a time",
        wires: BOTH,
        run: echo::byte_by_byte,
    },
    Case {
        name: "one-segment",
        about: "answers every message of many in one segment",
        wires: BOTH,
        run: echo::one_segment,
    },
    Case {
        name: "split-frame",
        about: "takes a frame cut in two at any place",
        wires: FRAMED,
        run: echo::split_frame,
    },
    Case {
        name: "pipelined",
        about: "answers 1,000 requests in their order, and no discard",
        wires: FRAMED,
        run: echo::pipelined,
    },
    Case {
        name: "half-close",
        about: "answers everything to a client that has closed its sending side, then closes",
        wires: BOTH,
        run: echo::half_close,
    },
    Case {
        name: "counters",
        about: "counts exactly what was sent",
        wires: BOTH,
        run: echo::counters,
    },
    Case {
        name: "unread-replies",
        about: "bounds its memory for a client that doesn't read, and serves the others",
        wires: BOTH,
        run: unread::unread_replies,
    },
    Case {
        name: "reset",
        about: "lets a connection that is reset in mid-message touch no other",
        wires: BOTH,
        run: faults::reset,
    },
    Case {
        name: "malformed",
        about: "closes a connection at a malformed frame, answers what came before, counts it",
        wires: FRAMED,
        run: faults::malformed,
    },
    Case {
        name: "churn",
        about: "gives back the descriptors of 5,000 connections that come and go",
        wires: BOTH,
        run: limits::churn,
    },
    Case {
        name: "idle",
        about: "uses no CPU for 100 connections that say nothing",
        wires: BOTH,
        run: limits::idle,
    },
    Case {
        name: "out-of-files",
        about: "serves on without file descriptors for more, and accepts again when it can",
        wires: BOTH,
        run: limits::out_of_files,
    },
    Case {
        name: "stop-out-of-files",
        about: "stops in order while it is out of file descriptors",
        wires: BOTH,
        run: limits::stop_out_of_files,
    },
    Case {
        name: "stop-end-of-input",
        about: "answers all requests in flight when its standard input ends, then stops",
        wires: BOTH,
        run: stopping::end_of_input,
    },
    Case {
        name: "stop-sigterm",
        about: "answers all requests in flight when SIGTERM comes, then stops",
        wires: BOTH,
        run: stopping::sigterm,
    },
    Case {
        name: "stop-unread-replies",
        about: "stops in time although a client doesn't read its replies",
        wires: FRAMED,
        run: stopping::unread_replies,
    },
];

#[cfg(test)]
mod tests {
    use super::CASES;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_made_for_a_command_line() {
        let mut names = HashSet::new();
        for case in CASES {
            assert!(names.insert(case.name), "{} twice", case.name);
            assert!(
                case.name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{}",
                case.name
            );
            assert!(!case.wires.is_empty(), "{} never runs", case.name);
        }
    }
}
