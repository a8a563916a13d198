//! What machine this is.
//!
//! | module | |
//! |---|---|
//! | [`environment`] | all that a report says of it |
//! | `surroundings` | what looks at packets and system calls, how CPUs rest and belong together |
//! | `irq_time`, `netfilter`, `audit` | single answers of that, by `netlink` where there is no file |
//! | [`pace`] | whether a CPU keeps its speed |
//! | [`distance`] | how far two CPUs are apart |
//! | [`host`] | what this process may use of it |
//!
//! What is used on it over a window is for `probe`. What can't be read is `None`, and its reason stands
//! under the field's name in the `not_measured` beside it.

#![forbid(unsafe_code)]

mod audit;
pub mod distance;
pub mod environment;
pub mod host;
mod irq_time;
mod netfilter;
mod netlink;
pub mod pace;
mod surroundings;
