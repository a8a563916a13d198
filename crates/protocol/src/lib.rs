//! What two programs say to each other.
//!
//! | module | who speaks to whom |
//! |---|---|
//! | [`wire`] | load generator and server, over TCP: the frame's header and its rules |
//! | [`session`] | the server's half of the wire: received bytes in, requests and replies out |
//! | [`work`] | requests that take time: what a server does before it answers |
//! | [`client`] | the generator's half: the bytes to send, and whether a reply is right |
//! | [`http`] | what is asked of a server that speaks HTTP, and which replies are right |
//! | [`endpoint`] | where a server listens |
//! | [`launch`] | runner and server: the ready and done lines, the preflight answer |
//! | [`generator`] | runner and load generator: the plan, commands and events |
//! | [`tally`] | load generator to runner: what was counted |
//!
//! The crate does no I/O, knows no runtime and has no `unsafe`: a model differs from
//! another in concurrency and in nothing else, because bytes become requests here alone.

#![forbid(unsafe_code)]

mod chunk;
pub mod client;
pub mod endpoint;
pub mod generator;
pub mod http;
pub mod launch;
pub mod session;
pub mod tally;
pub mod wire;
pub mod work;
