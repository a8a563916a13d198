//! What the generator's side of a wire does.
//!
//! [`Requests`] is what all connections of a generator share: which bytes the i-th request of a
//! connection has. [`Replies`] is what a thread remembers of replies that have come in part, so
//! that a connection itself needs no memory for them. Bytes go in, in whatever pieces the network
//! delivers; out comes how far they belong to the reply, and whether it is right so far.
//!
//! | module | |
//! |---|---|
//! | [`http1`] | HTTP/1.1 over connections that are kept |
//! | [`websocket`] | WebSockets: messages that the server sends back |
//! | [`limits`] | how much of a reply is read at most |
//! | [`error`] | why a reply is not the right one |
//!
//! The wires `framed` and `raw` are those of [`protocol::client`]. No I/O here, no clock; nothing
//! that comes from outside is trusted, and memory has a bound whatever a server sends.

#![forbid(unsafe_code)]

mod body;
pub mod error;
pub mod http1;
pub mod limits;
mod reply;
mod requests;
pub mod websocket;

pub use reply::{After, At, Taken};
pub use requests::{Replies, Requests};
