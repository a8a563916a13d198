//! Two models of one run, or one model before and after a change, figure by figure.
//!
//! | file | |
//! |---|---|
//! | `figures` | which figures are compared, and where their values come from |
//! | `pair` | two models |
//! | `pairs` | all models of a run with each other |
//! | `plans` | whether both sides were asked for the same |
//!
//! Each figure answers a question of its own, so their p-values aren't adjusted for each other;
//! who compares more than two models adjusts those of one figure by [`crate::stats::with_holm`].
//! The statistics are in [`crate::stats`], and finding the reports is the runner's.

mod figures;
mod pair;
mod pairs;
mod plans;

pub use pair::{Options, Refusal, compare};
pub use pairs::compare_pairs;
pub use plans::PlanDifference;
