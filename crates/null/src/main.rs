//! The null server: the cheapest echo there can be, so that a rate can be held against what this
//! machine's loopback can do at all.
//!
//! It sends back whatever bytes come, and knows nothing of requests: an echo is its request, byte
//! for byte, so a client of either wire gets what it expects. Everything else that a server does is
//! left out. It is no model: it can do no work but `echo`, and nobody would build on it.
//!
//! | module | |
//! |---|---|
//! | [`ring`] | io_uring: one system call for a whole turn. Taken where it is allowed |
//! | [`epoll`] | epoll: two system calls for each echo, and a few for each turn |

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
    /// What it is built on [default: io_uring where it is allowed, or else epoll]
    #[arg(long, value_enum)]
    engine: Option<Engine>,
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
fn run(server: &Arc<Server>, engine: Option<Engine>) -> Ended {
    let has_rings = engine.map_or_else(ring::is_allowed, |engine| engine == Engine::IoUring);
    let (ended, each_ended) = mpsc::channel();
    for _ in 0..server.threads() {
        let (server, ended) = (Arc::clone(server), ended.clone());
        thread::spawn(move || {
            let result = if has_rings {
                ring::serve(&server)
            } else {
                epoll::serve(&server)
            };
            let _ = ended.send(result.map_err(|error| error.to_string()));
        });
    }
    drop(ended);
    Ok(each_ended.into_iter().collect::<Result<_, _>>()?)
}
