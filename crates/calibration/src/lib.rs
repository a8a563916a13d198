//! Servers whose truth is known.
//!
//! An instrument that has only met unknown servers has proven nothing. The program of this
//! crate is a server that keeps the launch contract and answers in a way that is fixed in
//! advance: with a known delay, with known stalls, at a known rate, or wrongly in a known place.
//!
//! - [`behaviour`]: which behaviours there are, as the command line names them.
//! - [`fate`]: what becomes of each request under a behaviour; pure arithmetic.
//! - [`truth`]: which distributions of times follow, for the instrument's figures to be held
//!   against.
//!
//! The program (`main.rs`) adds the sockets and the clock.

pub mod behaviour;
pub mod fate;
pub mod truth;
