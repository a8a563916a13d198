//! The null server: the cheapest echo there can be, so that a rate can be held against what this
//! machine's loopback can do at all.
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
use model_kit::{Args, Ended, Listeners, Model, Server};
use std::{
    process::ExitCode,
    sync::{Arc, mpsc},
    thread,
};

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
        run: move |server| run(&server, engine),
    }
    .main_with(contract)
}

/// Ends when every loop has, or with the first that fails.
fn run(server: &Arc<Server>, engine: Engine) -> Ended {
    let (ended, each_ended) = mpsc::channel();
    for _ in 0..server.threads() {
        let (server, ended) = (Arc::clone(server), ended.clone());
        thread::spawn(move || {
            let result = match engine {
                Engine::Epoll => epoll::serve(&server),
                Engine::IoUring => ring::serve(&server),
            };
            let _ = ended.send(result.map_err(|error| error.to_string()));
        });
    }
    drop(ended);
    Ok(each_ended.into_iter().collect::<Result<_, _>>()?)
}
