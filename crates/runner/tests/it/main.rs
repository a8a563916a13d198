//! The runner as its users have it: started as a program, judged by what it prints and saves.
//!
//! All files are one program, because it is linked once, and because most tests wait for most of
//! their time: those of one file do so beside those of another. Two are programs of their own, since
//! others beside them would take what they count on: memory (`million`), an answer within a limit
//! (`conformance`).

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod baselines;
mod calibrate;
mod ceiling;
mod command_line;
mod common;
mod compare;
mod cross_check;
mod doctor;
mod external;
mod hostile;
mod interrupts;
mod loads;
mod misbehaving_externals;
mod misbehaving_models;
mod network;
mod new_model;
mod places;
mod profile;
mod quoted;
mod saved;
#[path = "../../examples/validate/schema.rs"]
mod schema;
mod shell;
mod surroundings;
mod tune;
mod wires;
