//! The cases, and how they are run.

use crate::{
    echo, faults, flood, held, limits,
    needs::{CantBeJudged, Needs, Offloaded},
    promise::{ALL_KINDS, Promise},
    relay, stopping, unread, work,
};
use process::interrupt;
use protocol::wire::{Kind, Wire};
use std::time::{Duration, Instant};

/// One property that every server has to have.
#[derive(Debug)]
pub struct Case {
    /// Short, for the row of a table.
    pub name: &'static str,
    /// What is asked of the server, in a sentence's worth of words.
    pub about: &'static str,
    /// The wires it makes sense on.
    pub wires: &'static [Wire],
    needs: Needs,
    run: fn(&Promise) -> anyhow::Result<()>,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// As it should be.
    Passed,
    /// What was expected and what came instead, for the server's author.
    Failed(String),
    /// It can't be asked of this server, and why.
    Skipped(String),
}

/// How a case went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// [`Case::name`].
    pub name: &'static str,
    /// [`Case::about`].
    pub about: &'static str,
    /// From the start of the server to its end.
    pub elapsed: Duration,
    /// What came of it.
    pub verdict: Verdict,
}

/// All cases, in the order in which they are run.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    all().map(|(_, case)| case)
}

fn all() -> impl Iterator<Item = (Option<&'static Offloaded>, &'static Case)> {
    let everywhere = CASES.iter().map(|case| (None, case));
    let offloaded = OFFLOADED_CASES.iter();
    everywhere.chain(offloaded.map(|(offloaded, case)| (Some(offloaded), case)))
}

/// Runs the cases of the wire that are wanted (`only`; if it is empty, every case), each on a fresh
/// server, and tells of each as it ends. Comes back early, without the case that was cut short, when
/// the user interrupts.
pub fn check(
    promise: &Promise,
    only: &[String],
    mut on_case: impl FnMut(&Outcome),
) -> Vec<Outcome> {
    let wire = promise.wire;
    let mut outcomes = Vec::new();
    let is_wanted = |case: &Case| {
        case.wires.contains(&wire) && (only.is_empty() || only.iter().any(|name| name == case.name))
    };
    for (offloaded, case) in all().filter(|(_, case)| is_wanted(case)) {
        if interrupt::asked() {
            break;
        }
        let start = Instant::now();
        let unpromised = offloaded.and_then(|work| work.is_not_promised(promise.places.as_ref()));
        let verdict = match unpromised.or_else(|| case.needs.are_missing(promise)) {
            Some(reason) => Verdict::Skipped(reason),
            None => match (case.run)(promise) {
                Ok(()) => Verdict::Passed,
                Err(_) if interrupt::asked() => break,
                Err(error) if error.is::<CantBeJudged>() => {
                    Verdict::Skipped(format!("it can't be judged: {error:#}"))
                }
                Err(error) => Verdict::Failed(format!("{error:#}")),
            },
        };
        let outcome = Outcome {
            name: case.name,
            about: case.about,
            elapsed: start.elapsed(),
            verdict,
        };
        on_case(&outcome);
        outcomes.push(outcome);
    }
    outcomes
}

const FRAMED: &[Wire] = &[Wire::Framed];
const BOTH: &[Wire] = &[Wire::Framed, Wire::Raw];
/// For bytes that nobody reads.
const RAW: &[Wire] = &[Wire::Raw];

/// All cases, the plain ones first: what breaks an echo breaks most of the others too.
static CASES: &[Case] = &[
    Case {
        name: "sizes",
        about: "echoes messages of every size, up to the largest",
        wires: BOTH,
        needs: Needs::Nothing,
        run: echo::sizes,
    },
    Case {
        name: "byte-by-byte",
        about: "takes a message one byte at a time",
        wires: BOTH,
        needs: Needs::Nothing,
        run: echo::byte_by_byte,
    },
    Case {
        name: "one-segment",
        about: "answers every message of many in one segment",
        wires: BOTH,
        needs: Needs::Nothing,
        run: echo::one_segment,
    },
    Case {
        name: "split-frame",
        about: "takes a frame cut in two at any place",
        wires: FRAMED,
        needs: Needs::Nothing,
        run: echo::split_frame,
    },
    Case {
        name: "pipelined",
        about: "answers 1,000 requests in their order, and no discard",
        wires: FRAMED,
        needs: Needs::Kinds(&[Kind::Discard]),
        run: echo::pipelined,
    },
    Case {
        name: "half-close",
        about: "answers everything to a client that has closed its sending side, then closes",
        wires: BOTH,
        needs: Needs::Nothing,
        run: echo::half_close,
    },
    Case {
        name: "counters",
        about: "counts exactly what was sent",
        wires: BOTH,
        needs: Needs::Contract,
        run: echo::counters,
    },
    Case {
        name: "unread-replies",
        about: "bounds its memory for a client that doesn't read, and serves the others",
        wires: BOTH,
        needs: Needs::Nothing,
        run: unread::unread_replies,
    },
    Case {
        name: "read-late",
        about: "sends every reply to a client that reads them late, though nothing else happens",
        wires: BOTH,
        needs: Needs::Nothing,
        run: unread::read_late,
    },
    Case {
        name: "flood",
        about: "serves the others while some clients send without end",
        wires: BOTH,
        needs: Needs::Nothing,
        run: flood::flood,
    },
    Case {
        name: "reset",
        about: "lets a connection that is reset in mid-message touch no other",
        wires: BOTH,
        needs: Needs::Nothing,
        run: faults::reset,
    },
    Case {
        name: "held-file",
        about: "survives events of a connection that it closed while another process held its file",
        wires: BOTH,
        needs: Needs::Nothing,
        run: held::held_file,
    },
    Case {
        name: "malformed",
        about: "closes a connection at a malformed frame, answers what came before, counts it",
        wires: FRAMED,
        needs: Needs::Kinds(&[Kind::Wait]),
        run: faults::malformed,
    },
    Case {
        name: "malformed-unread",
        about: "answers what came before a malformed frame, though its replies aren't read yet",
        wires: FRAMED,
        needs: Needs::Nothing,
        run: faults::malformed_unread,
    },
    Case {
        name: "cpu-digests",
        about: "computes the digests of payloads of every size",
        wires: FRAMED,
        needs: Needs::Kinds(&[Kind::Cpu]),
        run: work::digests,
    },
    Case {
        name: "mixed-kinds",
        about: "answers every request of many kinds, in their order, however they are cut",
        wires: FRAMED,
        needs: Needs::Kinds(ALL_KINDS),
        run: work::mixed_kinds,
    },
    Case {
        name: "not-before",
        about: "answers a wait and a block not before their time is over",
        wires: FRAMED,
        needs: Needs::Kinds(&[Kind::Wait, Kind::Block]),
        run: work::not_before,
    },
    Case {
        name: "work-in-order",
        about: "answers what follows work on the same connection after it",
        wires: FRAMED,
        needs: Needs::Kinds(ALL_KINDS),
        run: work::in_order,
    },
    Case {
        name: "wait-aside",
        about: "serves others while 200 connections wait, at the same time",
        wires: FRAMED,
        needs: Needs::Kinds(&[Kind::Wait]),
        run: work::waits_side_by_side,
    },
    Case {
        name: "wait-parting",
        about: "uses no CPU for clients that say more or go while they wait",
        wires: FRAMED,
        needs: Needs::Kinds(&[Kind::Wait]),
        run: work::parting_while_waiting,
    },
    Case {
        name: "churn",
        about: "gives back the descriptors of 5,000 connections that come and go",
        wires: BOTH,
        needs: Needs::Nothing,
        run: limits::churn,
    },
    Case {
        name: "idle",
        about: "uses no CPU for 100 connections that say nothing",
        wires: BOTH,
        needs: Needs::Nothing,
        run: limits::idle,
    },
    Case {
        name: "out-of-files",
        about: "serves on without file descriptors for more, and accepts again when it can",
        wires: BOTH,
        needs: Needs::Nothing,
        run: limits::out_of_files,
    },
    Case {
        name: "stop-out-of-files",
        about: "stops in order while it is out of file descriptors",
        wires: BOTH,
        needs: Needs::Contract,
        run: limits::stop_out_of_files,
    },
    Case {
        name: "stop-end-of-input",
        about: "answers all requests in flight when its standard input ends, then stops",
        wires: BOTH,
        needs: Needs::Contract,
        run: stopping::end_of_input,
    },
    Case {
        name: "stop-sigterm",
        about: "answers all requests in flight when SIGTERM comes, then stops",
        wires: BOTH,
        needs: Needs::Contract,
        run: stopping::sigterm,
    },
    Case {
        name: "stop-work",
        about: "does the work in hand when it is told to stop, and answers what follows",
        wires: FRAMED,
        needs: Needs::Contract,
        run: stopping::work_in_hand,
    },
    Case {
        name: "stop-unread-replies",
        about: "stops in time although a client doesn't read its replies",
        wires: FRAMED,
        needs: Needs::Contract,
        run: stopping::unread_replies,
    },
    Case {
        name: "relay-intact",
        about: "passes on all bytes of 8 connections, both ways at once",
        wires: RAW,
        needs: Needs::Relaying,
        run: relay::intact,
    },
    Case {
        name: "relay-half-close",
        about: "passes on the end of one side, and goes on the other way",
        wires: RAW,
        needs: Needs::Relaying,
        run: relay::half_close,
    },
    Case {
        name: "relay-refused",
        about: "closes a client whose backend refuses, counts it, and serves the next",
        wires: RAW,
        needs: Needs::Relaying,
        run: relay::refused,
    },
    Case {
        name: "relay-backend-dies",
        about: "closes a client whose backend breaks off, counts it, and no other",
        wires: RAW,
        needs: Needs::Relaying,
        run: relay::backend_dies,
    },
    Case {
        name: "relay-slow-client",
        about: "bounds its memory for a client that takes nothing, and loses nothing",
        wires: RAW,
        needs: Needs::Relaying,
        run: relay::slow_client,
    },
    Case {
        name: "relay-slow-backend",
        about: "bounds its memory for a backend that takes nothing, and loses nothing",
        wires: RAW,
        needs: Needs::Relaying,
        run: relay::slow_backend,
    },
    Case {
        name: "relay-stop",
        about: "passes on what has come and what comes of it when it is to stop, then stops",
        wires: RAW,
        needs: Needs::ContractAndRelaying,
        run: relay::stop,
    },
];

/// Cases of work that is done aside, for those servers that say they do.
static OFFLOADED_CASES: &[(Offloaded, Case)] = &[
    (
        Offloaded::Cpu,
        Case {
            name: "cpu-aside",
            about: "serves others while it computes",
            wires: FRAMED,
            needs: Needs::Kinds(&[Kind::Cpu]),
            run: work::cpu_aside,
        },
    ),
    (
        Offloaded::Block,
        Case {
            name: "block-aside",
            about: "serves others while a thread is blocked",
            wires: FRAMED,
            needs: Needs::Kinds(&[Kind::Block]),
            run: work::block_aside,
        },
    ),
];

#[cfg(test)]
mod tests {
    use super::cases;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_made_for_a_command_line() {
        let mut names = HashSet::new();
        for case in cases() {
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
