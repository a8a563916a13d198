//! What people look at: a report goes in, text comes out.
//!
//! | module | |
//! |---|---|
//! | [`table`] | the table of a run, and why its figures may or may not be believed |
//! | [`doubts`] | what not to believe, and the marks at figures |
//! | [`blocks`] | how many there are of each load, and whether they are enough |
//! | [`comparison`] | a comparison |
//! | [`plan`] | the plan of a run |
//! | [`ceilings`] | what the null server reached |
//! | [`held`] | what became of connections that were held for long |
//! | [`hosts`] | what was used on the hosts that generate |
//! | [`live`] | how far a run has come, in a line |
//! | [`profile`] | what a server's CPU time went to |
//! | [`numbers`] | numbers, as people read them |
//! | [`fitted`] | text on a terminal that is narrower |
//! | `inert` | Markdown that does nothing |

#![forbid(unsafe_code)]

pub mod blocks;
pub mod ceilings;
pub mod comparison;
pub mod doubts;
mod fold;
pub mod held;
pub mod hosts;
mod inert;
pub mod live;
pub mod numbers;
pub mod plan;
pub mod profile;
pub mod table;

pub use fold::fitted;
