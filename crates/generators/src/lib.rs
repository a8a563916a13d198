//! The load generator's processes, driven as one (`protocol::generator`), wherever they are.
//!
//! | module | |
//! |---|---|
//! | [`driven`] | all generators of a trial, from their plans to their totals |
//! | [`host`] | how one is reached, on whichever machine |
//! | [`error`] | what goes wrong with one |
//! | [`here`] | those of this machine |
//! | [`of_host`] | what each machine's tell, kept apart |

#![forbid(unsafe_code)]

mod dialogue;
pub mod driven;
pub mod error;
pub mod here;
pub mod host;
pub mod of_host;
mod sampling;
