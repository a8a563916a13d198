//! The load generator.
//!
//! A program of its own, on raw epoll and threads, built on none of the runtimes under test. It
//! reads its plan and commands as JSON lines and writes events as JSON lines: see
//! `protocol::generator`. What lies where:
//!
//! | module | |
//! |---|---|
//! | [`coordinator`] | takes commands, directs the threads, adds up what they bring |
//! | [`worker`] | one thread's event loop: what is done when; opening connections |
//! | [`connection`] | one connection: its bytes out, its bytes in |
//! | [`tally`] | what a thread counted |
//! | [`socket`] | system calls on client sockets |
//! | [`affinity`] | which CPUs a thread runs on, and when |
//!
//! Latency is measured here and nowhere else.

mod affinity;
mod clock;
mod connection;
mod coordinator;
mod socket;
mod tally;
mod worker;

use protocol::generator::Event;
use std::{env, process::ExitCode};

/// What it says to who gives it arguments, of which it takes none.
const USAGE: &str = "\
Loads a TCP server with many connections and measures its service time.

Reads a plan and commands as JSON lines from standard input, and writes events as JSON lines to
standard output. It is driven by the runner; the lines are described in the protocol crate's module
`generator`.

Usage: loadgen";

/// As with other programs that can't do anything with their arguments.
const WRONG_USE: u8 = 2;

/// What is allocated in pieces of at least this has pages of its own, which are zeroed when they are
/// touched, and go back when they are freed.
const MAPPED_FROM_BYTES: libc::c_int = 64 << 10;

fn main() -> ExitCode {
    match env::args_os().nth(1) {
        None => {}
        Some(asks) if asks == "--help" || asks == "-h" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some(_) => {
            eprintln!("{USAGE}");
            return WRONG_USE.into();
        }
    }
    map_large_pieces();
    match coordinator::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let message = format!("{error:#}");
            let _ = coordinator::emit(&Event::Failed { message });
            ExitCode::FAILURE
        }
    }
}

/// Keeps large pieces out of the heap. Left to itself glibc takes a freed piece's size as its new
/// threshold, and from then on histograms, of which hardly a page is used, come zeroed from the heap:
/// a megabyte in each of many processes.
fn map_large_pieces() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt(3) takes two numbers, and no thread has been started yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
    }
}
