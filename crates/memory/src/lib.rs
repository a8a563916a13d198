//! What connections cost in memory: pure.
//!
//! | module | |
//! |---|---|
//! | [`ladder`] | memory over a ladder of connections, of one trial |
//! | [`figures`] | what a connection costs, over all trials |
//! | [`checks`] | whether such a figure stands |
//! | [`held`] | whether it stays so while connections are held for long |

#![forbid(unsafe_code)]

pub mod checks;
pub mod figures;
pub mod held;
pub mod ladder;
mod owners;
