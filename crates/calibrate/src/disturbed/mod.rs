//! Trials that are disturbed by a known amount, among others that aren't: is any figure that is off
//! called valid, and does what hardly disturbs leave figures valid?
//!
//! | file | |
//! |---|---|
//! | [`disturbance`] | what there is to disturb trials by; data |
//! | [`published`] | a report's figures, each with its verdict |
//! | [`order`] | which trials are made, in which order; pure |
//! | [`judged`] | figures held against those of undisturbed trials; pure |
//! | `disturber` | what runs beside a trial |
//! | [`bench`](mod@bench) | the trials |

pub mod bench;
pub mod disturbance;
mod disturber;
pub mod judged;
pub mod order;
pub mod published;
mod tolerance;
