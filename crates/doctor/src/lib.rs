//! What on this machine spoils figures or stops connections.
//!
//! | module | |
//! |---|---|
//! | [`examine`] | one examination |
//! | `look` | reads everything that is judged |
//! | `wanted` | what a number of connections takes |
//! | `finding` | one item, judged |
//! | `trust`, `around`, `now` | what bears on figures: how the machine is set, what surrounds a run, what goes on beside us |
//! | `limits` | what stops connections: a table of limits |
//! | `files`, `net`, `room` | the same, where it isn't a number that suffices |
//! | `io_uring` | whether it can be used |
//! | `setting` | the kernel's settings: where they are, what they are raised to |
//! | [`tune`] | raises those settings, puts them back |
//! | `text` | the findings for people |

#![forbid(unsafe_code)]

mod around;
pub mod examine;
mod files;
mod finding;
mod io_uring;
mod limits;
mod look;
mod net;
mod now;
mod room;
mod setting;
mod text;
mod trust;
pub mod tune;
mod wanted;
