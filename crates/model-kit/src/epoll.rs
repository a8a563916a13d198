//! What loops on epoll do alike, whoever runs them and whatever they are told of.

pub mod level_triggered;
mod pair;
mod poller;
pub mod relay;
mod socket;

pub use pair::{Broken, Pair, Passed};
pub use poller::{Epoll, Events, LISTENER};
pub use socket::{Socket, accept_some};
