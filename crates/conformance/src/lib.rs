//! The suite that every server is held to.
//!
//! It asks whether a server keeps the wire (`protocol::wire`) and the launch contract
//! (`protocol::launch`), in the ways that servers are known to break them. A case starts a server of
//! its own, is its client, stops it and looks at its counts. What is slow or has little memory is
//! measured elsewhere; here a bound is only as tight as it takes to tell a sound server from a broken
//! one on any machine.
//!
//! | module | |
//! |---|---|
//! | [`suite`] | the cases, and how they are run |
//! | [`promise`] | what a server promises |
//! | `needs` | what a case takes for granted, and not every server or machine has |
//! | `running` | the server under test |
//! | `client`, `request` | bytes out, bytes in, with a limit on every wait |
//! | `tally` | what the server ought to have counted |
//! | `proc`, `queues` | what the kernel says about its process and its connections |
//! | `echo`, `work`, `unread`, `faults`, `held`, `limits`, `stopping`, `relay` | the cases |

#![forbid(unsafe_code)]

mod client;
mod echo;
mod faults;
mod flood;
mod held;
mod limits;
mod needs;
mod proc;
pub mod promise;
mod queues;
mod relay;
mod request;
mod running;
mod stopping;
pub mod suite;
mod tally;
mod unread;
mod work;
