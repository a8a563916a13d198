//! A server under measurement, however it is started.
//!
//! | module | |
//! |---|---|
//! | [`launch`] | how a server comes about, the server itself: the one type that others know |
//! | [`contract`] | a process that keeps the launch contract |
//! | [`error`] | what goes wrong with a server, and the way out of it |
//! | [`shared_port`] | several of these behind one port |
//! | [`let_go`] | waits until the kernel holds nothing of a trial's connections |
//! | [`external`] | servers that aren't ours, started by a command or found running |
//!
//! Nothing of a server is left when its value is dropped, unless it ran before.

#![forbid(unsafe_code)]

pub mod contract;
pub mod error;
pub mod external;
pub mod launch;
pub mod let_go;
pub mod shared_port;
