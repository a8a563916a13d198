//! Reports in formats that other tools read.
//!
//! | file | |
//! |---|---|
//! | `values` | a report's figures, one value for each block |
//! | [`csv`](mod@csv) | a row for each of them |
//! | [`openmetrics`] | the text that Prometheus and its kind collect |
//! | [`bencher`], [`github`] | what services take that follow figures from commit to commit |
//! | [`histograms`] | HdrHistogram's own formats |
//! | [`lean`](mod@lean) | our own, with less in it |
//!
//! All of it is pure. A figure that was not measured is left out; one that is invalid has its verdict
//! beside it where a format has room for that, and is left out where it hasn't: a curve that is drawn
//! from it would be believed.

#![forbid(unsafe_code)]

pub mod bencher;
pub mod csv;
pub mod github;
pub mod histograms;
pub mod lean;
pub mod openmetrics;
mod values;
