//! The arithmetic, which is a crate of its own: lines, histograms, intervals, tests.

pub use ::stats::*;
