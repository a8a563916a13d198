//! The cheapest echo there can be.
//!
//! So a server's rate can be held against what this machine's loopback can do at all.
//!
//! It sends back whatever bytes come, and knows nothing of requests: an echo is its request, byte
//! for byte, so a client of either wire gets what it expects. Everything else that a server does is
//! left out. It is no model: it can do no work but `echo`, and nobody would build on it. With
//! `--hash 1000:64` it serves nobody, and says how long a request of 1,000 hashes over 64 bytes takes.
//!
//! | module | |
//! |---|---|
//! | [`epoll`] | epoll: two system calls for each echo, and a few for each turn |
//! | [`ring`] | io_uring: one system call for a whole turn; it has to be in the kernel, and allowed |
//!
//! | [`relay`] | epoll, for `--relay`: what a relay's rate is held against |
//! | [`table`] | the loop of both that are on epoll |
//! | [`hashing`] | the time of hashes |
//!
//! Which of the first two is cheaper depends on how many connections are busy, so a ceiling is the better
//! of both.

mod epoll;
mod hashing;
mod relay;
mod ring;
mod table;

use model_kit::{Args, Listeners, Model, on_each_thread, wrong_use};
use std::process::ExitCode;

fn main() -> ExitCode {
    let (contract, [engine, hash]) = Args::parse_with(["engine", "hash"]);
    if let Some(asked) = hash {
        return hashing::tell(&asked, &contract);
    }
    let serve = match engine.as_deref() {
        None | Some("epoll") => epoll::serve,
        Some("io-uring") => ring::serve,
        Some(_) => wrong_use("--engine takes epoll or io-uring"),
    };
    let model = Model {
        listeners: Listeners::PerThread,
        needs: &[],
        run: move |server| on_each_thread(&server, serve),
    };
    model.main_or_relay_with(contract, |server, backend| {
        on_each_thread(&server, move |server| relay::serve(server, backend))
    })
}
