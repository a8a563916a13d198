//! Which servers there are to choose from.
//!
//! | module | |
//! |---|---|
//! | [`workspace`] | models and scenarios, as cargo and the directories have them |
//! | [`select`] | those that a person named, with servers that aren't ours |
//! | [`draft`] | a new model, like one that is there |
//! | [`error`] | what a person named can't be had |

#![forbid(unsafe_code)]

pub mod draft;
pub mod error;
pub mod select;
pub mod workspace;
