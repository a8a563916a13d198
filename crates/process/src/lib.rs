//! Child processes that can't outlive us.
//!
//! | module | |
//! |---|---|
//! | [`child`] | a process that speaks in lines, heard with a limit on every wait |
//! | [`guard`] | what stands between us and a child: it has the kernel kill it when we die |
//! | [`keep`] | what stands between us and a program that starts processes of its own |
//! | [`namespace`] | a network of their own for some of them |
//! | [`tree`] | which processes descend from which |
//! | [`interrupt`] | Ctrl-C, which every wait looks for |
//! | [`watch`] | a wait that looks at nothing meanwhile |
//!
//! What the children are, and what they say, is for the crates above.

#![forbid(unsafe_code)]

pub mod child;
pub mod guard;
pub mod interrupt;
pub mod keep;
pub mod namespace;
pub mod tree;
pub mod watch;
