//! Millionfold's reports: what is in them, how figures come from measurements, which checks
//! they have to pass, and how people see them.
//!
//! | module | |
//! |---|---|
//! | [`model`] | the report of one model: what it is, and the summary |
//! | [`trial`] | what the figures come from: trials and their windows |
//! | [`run`] | the report of a run: plan, environment, which models, the verdict |
//! | [`environment`] | what the machine is and how it is set |
//! | [`check`] | checks and the verdict |
//! | [`rules`] | which checks there are: from trials to checks |
//! | [`summary`] | from trials to the summary |
//! | [`slo`] | a target for response times |
//! | [`stats`] | slope, histograms, intervals, tests: pure functions |
//! | [`compare`] | two models, or one before and after, figure by figure |
//! | [`table`] | the table for people |
//! | [`schema`] | the JSON Schema of all this |
//!
//! The crate depends on no other of the workspace, so other tools can read reports through
//! it. Every field with a unit ends in it. What could not be measured is null, with a reason
//! in the `not_measured` beside it, and never 0.

#![forbid(unsafe_code)]

pub mod check;
pub mod compare;
pub mod environment;
pub mod model;
pub mod rules;
pub mod run;
pub mod schema;
pub mod slo;
pub mod stats;
pub mod summary;
pub mod table;
pub mod trial;
