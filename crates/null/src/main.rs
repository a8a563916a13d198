//! The cheapest echo there can be.
//!
//! So a server's rate can be held against what this machine's loopback can do at all.
//!
//! It sends back whatever bytes come, and knows nothing of requests: an echo is its request, byte
//! for byte, so a client of either wire gets what it expects. Everything else that a server does is
//! left out. It is no model: it can do no work but `echo`, and nobody would build on it.
//!
//! | module | |
//! |---|---|
//! | [`epoll`] | epoll: two system calls for each echo, and a few for each turn |
//! | [`ring`] | io_uring: one system call for a whole turn; it has to be in the kernel, and allowed |
//!
//! Which of the two is cheaper depends on how many connections are busy, so a ceiling is the better
//! of both.

mod epoll;
mod ring;

use clap::{Parser, ValueEnum};
use model_kit::{Args, Listeners, Model, on_each_thread};
use std::process::ExitCode;

/// A TCP server that sends back whatever bytes come
#[derive(Debug, Parser)]
#[command(name = "null")]
struct Cli {
    /// What it is built on
    #[arg(long, value_enum, default_value = "epoll")]
    engine: Engine,
    #[command(flatten)]
    contract: Args,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Engine {
    IoUring,
    Epoll,
}

fn main() -> ExitCode {
    let Cli { engine, contract } = Cli::parse();
    Model {
        listeners: Listeners::PerThread,
        needs: &[],
        run: move |server| match engine {
            Engine::Epoll => on_each_thread(&server, epoll::serve),
            Engine::IoUring => on_each_thread(&server, ring::serve),
        },
    }
    .main_with(contract)
}
