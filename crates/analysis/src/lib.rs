//! From trials to figures, their verdicts, their comparisons.
//!
//! | module | |
//! |---|---|
//! | [`stats`] | the arithmetic, a crate of its own: slopes, histograms, intervals, tests |
//! | [`rules`] | trials to checks |
//! | [`summary`] | trials to figures |
//! | [`verdict`] | checks to a verdict for each figure |
//! | `times` | percentiles over trials |
//! | [`step`] | figures of one window, which others are made of |
//! | [`conclude_run`] | reports of models to what a run comes to |
//! | [`compare`] | two models, or one before and after, to ratios |
//!
//! All of it is pure: it touches no clock, file, environment or process. A figure can be drawn from
//! its saved trials again.

#![forbid(unsafe_code)]

pub mod compare;
mod conclude_run;
mod ladder;
pub mod rules;
pub mod stats;
pub mod step;
pub mod summary;
mod times;
pub mod verdict;

pub use conclude_run::conclude_run;
