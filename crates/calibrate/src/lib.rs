//! The instrument held to servers whose truth is known.
//!
//! | module | |
//! |---|---|
//! | [`case`], [`cases`] | a behaviour with what has to be measured on it; all of them |
//! | [`row`] | one expectation and how it came out; judging is pure |
//! | [`bench`](mod@bench) | one case's trials, and their reports |
//! | `times` | delays, mixtures, stalls, a capped rate |
//! | `slow_reader` | a generator that reads late by a known time |
//! | `kernel` | work that the kernel does for a server |
//! | `exposure` | which percentiles can be judged on this machine |
//! | `blind` | the instrument's readings against none |
//! | `faults` | what must never pass for a valid figure |
//! | [`compare`] | a server against itself, and against one that is a little slower |
//! | [`disturbed`] | trials that are disturbed by a known amount: what do verdicts say of them? |
//! | [`table`] | the rows for people |
//!
//! The arithmetic of the truth is the crate `calibration`'s; the measuring is that of every other
//! run. This only puts them side by side.

#![forbid(unsafe_code)]

pub mod bench;
mod blind;
pub mod case;
pub mod cases;
pub mod compare;
pub mod disturbed;
mod exposure;
mod faults;
mod kernel;
pub mod row;
mod slow_reader;
pub mod table;
mod times;
