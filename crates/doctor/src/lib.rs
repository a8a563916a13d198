//! What on this machine spoils figures or stops connections.
//!
//! | module | |
//! |---|---|
//! | [`examine`] | one examination |
//! | `look` | reads everything that is judged |
//! | `wanted` | what a number of connections takes |
//! | `finding` | one item, judged |
//! | `cpus`, `trust` | what bears on figures: the CPUs, and what else the machine does |
//! | `files`, `net`, `room`, `tasks` | what stops connections: limits, addresses, memory, threads |
//! | `cgroup` | limits of this process' group |
//! | `text` | the findings for people |
//! | `settings` | the kernel's settings, and what each has to be |
//! | [`sysctls`], [`memory`] | settings as files; the file of their old values |
//! | [`tune`] | raises settings, and puts them back |

#![forbid(unsafe_code)]

mod cgroup;
mod cpus;
pub mod examine;
mod files;
mod finding;
mod look;
pub mod memory;
mod net;
mod room;
mod settings;
pub mod sysctls;
mod tasks;
mod text;
mod trust;
pub mod tune;
mod wanted;
