//! The load generator: a program of its own, on raw epoll and threads, built on none of the
//! runtimes under test.
//!
//! It reads its plan and commands as JSON lines and writes events as JSON lines: see
//! `protocol::generator`. What lies where:
//!
//! | module | |
//! |---|---|
//! | [`coordinator`] | takes commands, directs the threads, adds up what they bring |
//! | [`worker`] | one thread's event loop: what is done when; opening connections |
//! | [`connection`] | one connection: its bytes out, its bytes in |
//! | [`tally`] | what a thread counted |
//! | [`socket`] | system calls on client sockets |
//!
//! Latency is measured here and nowhere else.

mod clock;
mod connection;
mod coordinator;
mod socket;
mod tally;
mod worker;

use clap::Parser;
use protocol::generator::Event;
use std::process::ExitCode;

/// Loads a TCP server with many connections and measures its service time.
///
/// Reads a plan and commands as JSON lines from standard input, and writes events as JSON lines
/// to standard output. It is driven by the runner; the lines are described in the protocol
/// crate's module `generator`.
#[derive(Debug, Parser)]
struct Args {}

fn main() -> ExitCode {
    Args::parse();
    match coordinator::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let message = format!("{error:#}");
            let _ = coordinator::emit(&Event::Failed { message });
            ExitCode::FAILURE
        }
    }
}
