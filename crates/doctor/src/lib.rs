//! What on this machine spoils figures or stops connections.
//!
//! | module | |
//! |---|---|
//! | [`examine`] | one examination |
//! | `look` | reads everything that is judged |
//! | `wanted` | what a number of connections takes |
//! | `finding` | one item, judged |
//! | `trust` | what bears on figures |
//! | `files`, `net`, `room`, `tasks` | what stops connections: limits, addresses, memory, threads |
//! | `text` | the findings for people |

#![forbid(unsafe_code)]

pub mod examine;
mod files;
mod finding;
mod look;
mod net;
mod room;
mod tasks;
mod text;
mod trust;
mod wanted;
