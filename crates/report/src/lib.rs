//! The types of saved reports.
//!
//! | module | |
//! |---|---|
//! | [`model`] | the report of one model: what it is, and its figures |
//! | [`trial`], [`trials`] | what the figures come from: trials and their windows; their file |
//! | [`run`] | the report of a run: plan, environment, which models, the verdict |
//! | [`environment`] | what the machine is and how it is set |
//! | [`check`] | checks and the verdict |
//! | [`comparison`] | two models, or one before and after, figure by figure; ranks of all |
//! | [`primary`] | which figures decide |
//! | [`numbers`] | several values in one figure: percentiles, ranges |
//! | [`link`] | what packets between servers and generators meet |
//! | [`slo`] | a target for response times |
//! | [`explain_missing!`] | why fields are null |
//! | [`schema`] | the JSON Schema of all this |
//!
//! The crate depends on no other of the workspace, so other tools can read reports through
//! it. Every field with a unit ends in it. What could not be measured is null, with a reason
//! in the `not_measured` beside it, and never 0. How figures follow from trials is for the crate
//! `analysis`, how people see them for `render`.

#![forbid(unsafe_code)]

pub mod check;
pub mod comparison;
pub mod environment;
pub mod hosts;
pub mod link;
mod lookup;
mod memory;
pub mod model;
pub mod numbers;
pub mod primary;
mod reasons;
pub mod run;
pub mod schema;
pub mod slo;
pub mod trial;
pub mod trials;
mod used;
