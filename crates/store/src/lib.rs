//! Saved runs on disk.
//!
//! | module | |
//! |---|---|
//! | [`save`] | the directory of a run, written so that a crash leaves no half of a file |
//! | [`read`] | reports from anywhere, which may be anything |
//! | [`error`] | what goes wrong with either |

#![forbid(unsafe_code)]

pub mod error;
pub mod read;
pub mod save;
