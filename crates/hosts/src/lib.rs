//! What is particular to runs over several machines: pure.
//!
//! How one is launched; whether each machine was to itself, as the only one has to be, too; whether all
//! of them were one instrument.
//!
//! | module | |
//! |---|---|
//! | [`launcher`] | the command that starts the same command line over several machines |
//! | [`machine`] | was a machine to itself: steal, other programs, scarce memory |
//! | [`distance`] | were CPUs as far apart as usual |
//! | [`instrument`] | did windows open at one moment, did all machines load the server alike |
//! | [`used`] | what generators used on all machines together |
//! | [`touch`] | how far a disturbance can reach |
//!
//! On one machine there are no other hosts, and so no check of them.

#![forbid(unsafe_code)]

pub mod distance;
pub mod instrument;
pub mod launcher;
pub mod machine;
pub mod touch;
pub mod used;
