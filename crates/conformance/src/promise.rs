//! What a server promises, which it is held to.

use protocol::wire::{Kind, Wire};
use server::launch::Launch;

/// Everything that a server which keeps the launch contract can do.
pub(crate) const ALL_KINDS: &[Kind] = &[
    Kind::Echo,
    Kind::Discard,
    Kind::Cpu,
    Kind::Wait,
    Kind::Block,
];

/// A server that can be started, again and again, and what it promises.
#[derive(Clone, Debug)]
pub struct Promise {
    /// How it is started.
    pub launch: Launch,
    /// What it speaks.
    pub wire: Wire,
    /// Raw wire: the size of a message, for servers that have one.
    pub message_bytes: Option<u32>,
    /// Kinds of requests that it can do.
    pub kinds: Vec<Kind>,
    /// Whether it offers to relay.
    pub relays: bool,
    /// Where it does work; `None`: nobody says.
    pub places: Option<Places>,
}

/// Where a server does work that takes time: `inline` on the I/O thread, or `offload`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Hashes.
    pub cpu: String,
    /// Calls that block.
    pub block: String,
}

impl Promise {
    /// That of a server that keeps the launch contract, on this wire.
    pub fn of_contract(launch: Launch, wire: Wire, relays: bool, places: Option<Places>) -> Self {
        Self {
            launch: launch.on(wire),
            wire,
            message_bytes: None,
            kinds: ALL_KINDS.to_vec(),
            relays,
            places,
        }
    }
}
