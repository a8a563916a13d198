//! A run: block by block, a fresh server for each trial.
//!
//! | module | |
//! |---|---|
//! | [`run`] | blocks in shuffled order, saved one by one |
//! | [`trial`] | one fresh server under one load |
//! | [`warm_up`] | when a load is steady |
//! | [`ceiling`] | what rates are held against |
//! | [`null`] | the null server, measured in each block |
//! | [`launch`] | how a server of a plan is started |
//! | [`fleet`] | other machines that generate, for a program that reaches them |
//! | [`progress`] | how far a run has come, for whoever shows it |

#![forbid(unsafe_code)]

pub mod ceiling;
pub mod fleet;
pub mod launch;
pub mod null;
pub mod progress;
pub mod run;
pub mod trial;
pub mod warm_up;
