//! From a request on a host to the plan of a run.
//!
//! | module | |
//! |---|---|
//! | [`host`], [`others`] | what is known of the machine, and of others that generate |
//! | [`decide()`], [`plan`] | the plan that follows |
//! | [`shards`] | over how many processes, from which addresses |
//! | [`memory`], [`descriptors`] | whether it fits |
//! | [`notes`] | what else a person should know of it |
//! | [`search`] | the search for the highest rate that meets a target |
//! | [`rate`], [`window`], [`ceiling`] | what depends on what a run has measured so far |
//! | [`patience`] | for how much longer than at least a run may take |
//! | [`generators`] | the plans of generator processes |
//!
//! All of it is pure: it touches no clock, file, environment or process.

#![forbid(unsafe_code)]

pub mod ceiling;
mod decide;
pub mod descriptors;
mod duration;
pub mod generators;
pub mod host;
pub mod memory;
pub mod notes;
pub mod others;
pub mod patience;
pub mod plan;
pub mod rate;
pub mod search;
pub mod shards;
pub mod window;

pub use decide::decide;
pub use plan::Plan;
