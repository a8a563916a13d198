//! Saved runs on disk.
//!
//! | module | |
//! |---|---|
//! | [`save`] | the directory of a run, written so that a crash leaves no half of a file |
//! | [`read`] | reports from anywhere, which may be anything |
//! | `bounded` | the text of files that may be anybody's |
//! | [`baseline`] | runs that are kept under a name |
//! | [`error`] | what goes wrong with any of them |

#![forbid(unsafe_code)]

pub mod baseline;
mod bounded;
pub mod error;
pub mod read;
pub mod save;
