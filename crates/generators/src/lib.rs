//! The load generator's processes, driven as one (`protocol::generator`), wherever they are.
//!
//! | module | |
//! |---|---|
//! | [`driven`] | all generators of a trial, from their plans to their totals |
//! | [`host`] | how one is reached, on whichever machine |
//! | [`here`] | those of this machine |

#![forbid(unsafe_code)]

pub mod driven;
pub mod here;
pub mod host;
mod sampling;
