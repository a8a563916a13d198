//! What loops on io_uring do alike, whichever requests they make of it.
//!
//! A ring, its listener and its buffers; and one loop that several models run. No model lives here, and
//! nothing that a loop on epoll would need.

mod about;
mod buffers;
mod door;
mod echo;
mod one_at_a_time;
mod ring;

#[cfg(feature = "needs")]
use model_kit::Need;

pub use about::About;
pub use buffers::{Buffers, GROUP};
pub use door::Door;
pub use echo::{Echo, keep_in_place};
pub use one_at_a_time::{Receiving, serve_one_at_a_time};
pub use ring::{Batch, Completion, Ring, close, keep, send_at_once, send_when_room};

/// What a loop on such a ring takes.
#[cfg(feature = "needs")]
pub const NEEDS: &[Need] = &[
    Need::IoUring,
    Need::Kernel {
        version: (6, 1),
        brings: "deferred task run of io_uring",
    },
];
