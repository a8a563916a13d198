//! Whether each machine was to itself, and several of them one instrument: pure functions from trials
//! to checks.
//!
//! | module | |
//! |---|---|
//! | [`machine`] | was a machine to itself: steal, other programs, scarce memory |
//! | [`instrument`] | did windows open at one moment, did all machines load the server alike |
//! | [`used`] | what generators used on all machines together |
//! | [`touch`] | how far a disturbance can reach |
//!
//! On one machine there are no other hosts, and so no check of them.

#![forbid(unsafe_code)]

pub mod instrument;
pub mod machine;
pub mod touch;
pub mod used;
