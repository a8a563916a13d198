//! What a case takes for granted, and not every server has.

use super::Candidate;
use crate::{discover::ModelMetadata, origin::Origin};
use protocol::wire::Kind;

pub(super) const ALL_KINDS: &[Kind] = &[
    Kind::Echo,
    Kind::Discard,
    Kind::Cpu,
    Kind::Wait,
    Kind::Block,
];

/// What a server has to have for a case to make sense, beyond its wire. Models have it all.
#[derive(Clone, Copy, Debug)]
pub(super) enum Needs {
    Nothing,
    /// It can do requests of these kinds.
    Kinds(&'static [Kind]),
    /// It keeps the launch contract: it counts, or stops as that says.
    Contract,
}

impl Needs {
    /// Why this can't be asked of a server.
    pub(super) fn are_missing(self, candidate: &Candidate) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Kinds(kinds) => {
                let missing = kinds.iter().find(|kind| !candidate.kinds.contains(kind))?;
                Some(format!(
                    "its description doesn't say that it can do {missing:?}"
                ))
            }
            Self::Contract => match candidate.origin {
                Origin::Contract(_) => None,
                _ => Some("it keeps no launch contract".to_owned()),
            },
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
    pub(super) fn is_not_promised(self, metadata: Option<&ModelMetadata>) -> Option<String> {
        let Some(metadata) = metadata else {
            return Some("nobody says where it does such work".to_owned());
        };
        let (name, place) = match self {
            Self::Cpu => ("cpu", &metadata.cpu),
            Self::Block => ("block", &metadata.block),
        };
        (place != "offload").then(|| format!("its metadata says {name} = {place:?}"))
    }
}
