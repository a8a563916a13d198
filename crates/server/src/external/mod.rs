//! Servers that keep no launch contract: somebody else's, in any language.
//!
//! | file | |
//! |---|---|
//! | `description` | a command, and what has to be known to speak to it |
//! | `file` | descriptions in `models.toml` |
//! | `command` | command lines: words, places for the address, what goes into reports |
//! | `server` | starting and stopping such a server |
//! | `kept` | one command that it runs, under its keeper |
//! | `target` | one that is running already |
//! | `listener` | who listens where |

mod command;
mod description;
mod error;
mod file;
mod kept;
mod listener;
mod server;
mod target;

pub use command::{arguments, without_directories};
pub use description::External;
pub use error::ExternalError;
pub use file::{parse, read};
pub use listener::{owner, resolve};
pub use server::{ExternalLaunch, ExternalServer};
pub use target::{Target, TargetServer};
