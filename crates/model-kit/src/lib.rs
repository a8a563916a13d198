//! What every model does alike.
//!
//! So models differ in concurrency and in nothing else.
//!
//! A model's `main` is a [`Model`] as data and a `run` function. `run` gets a [`Server`], makes
//! its listeners with [`Server::listen`], says [`Server::ready`] for each, accepts until
//! [`Server::refused`] answers [`Refused::Stopping`], and returns when [`Server::drained`] (or
//! its own count) says that no connection is left. What it does with a connection is up to the
//! model; what the bytes mean is up to [`Connection`]. A request that takes time comes out of it
//! as [`Work`]: where that is done, and what waits meanwhile, is the model's too.
//!
//! A program that has options of its own takes them with [`Args::parse_with`]; one that is no model,
//! and decides for itself what becomes of each request, sends with [`Connection::reply`]. One that
//! relays takes over with [`Model::main_or_relay`] and counts with [`Connection::received`] and
//! [`Connection::sent`].
//!
//! Features bring what the loops and tasks of several models have in common: `epoll` and
//! `futures-io`, for which no other model pays.
//!
//! No runtime lives here, and nothing but this crate writes to a model's standard output.

mod args;
mod connection;
mod counters;
mod drain;
#[cfg(feature = "epoll")]
pub mod epoll;
#[cfg(feature = "futures-io")]
pub mod futures_io;
mod model;
mod preflight;
mod read_size;
mod relay;
mod server;
mod stop;
mod threads;
mod work;

pub use args::{Args, wrong_use};
pub use connection::{Closed, Connection, Reply, gather, with_chunk};
pub use model::{Ended, Model};
pub use preflight::Need;
pub use protocol::{
    launch::{Done, ServerLine},
    session::Chunk,
    work::{Finished, Task, Work},
};
pub use read_size::ReadSize;
pub use relay::{Side, connect};
pub use server::{Listeners, Refused, Server, read_line};
pub use threads::on_each_thread;
pub use work::{SHORT_TASK_BLOCKS, Timers, run_blocking};
