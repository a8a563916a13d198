//! Figures of several contestants, held against each other.
//!
//! | file | |
//! |---|---|
//! | `figures` | which figures are compared, and where their values come from |
//! | `contest` | one figure over all contestants: intervals, words, how error is shared |
//! | [`gate`] | figures held against limits |
//! | `published` | figures by their paths in a summary, with their verdicts |
//! | `pair` | two models; all of a run, pair by pair; all against one |
//! | `ranking` | all of a run: between which ranks each lies |
//! | `options`, `refusal` | how to compare, and why something isn't |
//! | `plans` | whether both sides were asked for the same |
//! | `settings` | how two runs' machines differ |
//! | `conclude_run` | reports of models to what a run as a whole comes to |
//!
//! Words are for the figures that the plan declares to be primary. Others are exploratory: they have
//! intervals, which nobody adjusts for how many figures there are. The statistics are in
//! [`stats`], and finding the reports is the runner's. All of it is pure.

#![forbid(unsafe_code)]

mod conclude_run;
mod contest;
mod figures;
pub mod gate;
mod options;
mod pair;
mod plans;
mod published;
mod ranking;
mod refusal;
mod settings;

pub use conclude_run::conclude_run;
pub use figures::{Figure, figures};
pub use options::Options;
pub use pair::{RunComparison, compare, compare_against, compare_pairs, compare_run};
pub use plans::{PlanDifference, differences as plan_differences};
pub use published::Published;
pub use ranking::{is_decided, rank};
pub use refusal::Refusal;
