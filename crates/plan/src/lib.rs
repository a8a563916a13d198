//! From a request on a host to the plan of a run.
//!
//! | module | |
//! |---|---|
//! | [`options`], [`scenario`] | what a person says on the command line, in a file |
//! | [`request`] | both resolved, complete |
//! | `loads` | the loads of a request: ladders of connections, rates, windows |
//! | [`host`], [`others`] | what is known of the machine, and of others that generate |
//! | [`decide()`], [`plan`] | the plan that follows |
//! | [`shards`], [`network`] | over how many processes, from which addresses |
//! | [`memory`], [`descriptors`] | whether it fits |
//! | [`notes`] | what else a person should know of it |
//! | [`rate`], [`window`], [`ceiling`] | what depends on what a run has measured so far |
//! | [`generators`] | the plans of generator processes |
//! | [`refusal`] | why something isn't planned |
//!
//! All of it is pure: it touches no clock, file, environment or process.

#![forbid(unsafe_code)]

pub mod ceiling;
mod decide;
pub mod descriptors;
mod duration;
pub mod generators;
pub mod host;
pub(crate) mod http;
mod loads;
pub mod memory;
pub mod network;
pub mod notes;
pub mod options;
pub mod others;
pub mod plan;
pub mod rate;
pub mod refusal;
pub mod request;
pub mod scenario;
pub mod shards;
pub mod window;

pub use decide::decide;
pub use loads::{IDLE_CONNECTIONS, LOADED_CONNECTIONS};
pub use plan::Plan;
