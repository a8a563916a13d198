//! The command line, on one machine.

#![forbid(unsafe_code)]

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    runner::main_with(env::args_os(), None)
}
