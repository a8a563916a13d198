//! What a case takes for granted, and not every server has.

use crate::promise::{Places, Promise};
use protocol::wire::Kind;
use server::launch::Launch;
use thiserror::Error;

/// What a server has to have for a case to make sense, beyond its wire. Models have it all.
#[derive(Clone, Copy, Debug)]
pub(super) enum Needs {
    Nothing,
    /// It can do requests of these kinds.
    Kinds(&'static [Kind]),
    /// It keeps the launch contract: it counts, or stops as that says.
    Contract,
    /// It offers to relay.
    Relaying,
    /// Both.
    ContractAndRelaying,
}

impl Needs {
    /// Why this can't be asked of a server.
    pub(super) fn are_missing(self, promise: &Promise) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Kinds(kinds) => {
                let missing = kinds.iter().find(|kind| !promise.kinds.contains(kind))?;
                Some(format!(
                    "its description doesn't say that it can do {missing:?}"
                ))
            }
            Self::Contract => match promise.launch {
                Launch::Contract(_) => None,
                _ => Some("it keeps no launch contract".to_owned()),
            },
            Self::Relaying => (!promise.relays).then(|| "it offers no relaying".to_owned()),
            Self::ContractAndRelaying => {
                let contract = Self::Contract.are_missing(promise);
                contract.or_else(|| Self::Relaying.are_missing(promise))
            }
        }
    }
}

/// Work that leaves the I/O threads alone, in servers whose metadata says so.
#[derive(Clone, Copy, Debug)]
pub(super) enum Offloaded {
    Cpu,
    Block,
}

impl Offloaded {
    /// Why this can't be asked of a server.
    pub(super) fn is_not_promised(self, places: Option<&Places>) -> Option<String> {
        let Some(places) = places else {
            return Some("nobody says where it does such work".to_owned());
        };
        let (name, place) = match self {
            Self::Cpu => ("cpu", &places.cpu),
            Self::Block => ("block", &places.block),
        };
        (place != "offload").then(|| format!("its metadata says {name} = {place:?}"))
    }
}

/// Something that a case depends on isn't so with this server.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct CantBeJudged(pub(super) String);
