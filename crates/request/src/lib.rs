//! What a person asked for, before a host is looked at.
//!
//! | module | |
//! |---|---|
//! | [`options`], [`scenario`] | what a person says on the command line, in a file |
//! | [`Request`] | both resolved, complete |
//! | `loads`, `http` | the loads of a request: ladders of connections, rates, windows; what it asks in HTTP |
//! | `apart`, `strays` | whether they are told apart in its results, whether an option is for none of them |
//! | [`rate`], [`network`] | rates as people say them, addresses that connections come from |
//! | [`refusal`] | why something can't be done |
//!
//! All of it is pure: it touches no clock, file, environment or process.

#![forbid(unsafe_code)]

mod apart;
mod http;
mod loads;
pub mod network;
pub mod options;
pub mod rate;
pub mod refusal;
mod resolved;
pub mod scenario;
mod strays;

pub use loads::{IDLE_CONNECTIONS, LOADED_CONNECTIONS};
pub use resolved::{Contestants, Request, THREADS_MAX, name_at};
