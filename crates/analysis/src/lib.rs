//! From trials to figures, which have verdicts.
//!
//! | module | |
//! |---|---|
//! | [`rules`] | trials to checks |
//! | [`summary`] | trials to figures |
//! | [`verdict`] | checks to a verdict for each figure |
//! | [`times`] | percentiles over trials |
//! | [`prompt`] | the same less the generator's own lag |
//! | [`threads`] | shares of threads, models over a ladder of threads |
//! | [`step`] | figures of one window, which others are made of |
//!
//! All of it is pure: it touches no clock, file, environment or process. A figure can be drawn from
//! its saved trials again.

#![forbid(unsafe_code)]

pub mod prompt;
mod reasons;
pub mod rules;
pub mod step;
pub mod summary;
pub mod threads;
pub mod times;
pub mod verdict;
