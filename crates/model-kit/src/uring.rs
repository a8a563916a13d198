//! What loops on io_uring do alike, whichever requests they make of it.

mod about;
mod buffers;
mod ring;

pub use about::About;
pub use buffers::{Buffers, GROUP};
pub use ring::{Completion, Ring, close, keep, send_at_once, send_when_room};
