//! What is wrong with a server that isn't ours.

use protocol::wire::Kind;
use thiserror::Error;

/// Why a server can't be measured as it is described.
#[derive(Debug, Error)]
pub enum ExternalError {
    /// Its command has no word.
    #[error("an empty command")]
    EmptyCommand,
    /// Its command isn't what a shell would understand.
    #[error("a quote is never closed: {0}")]
    OpenQuote(String),
    /// Nobody would know where to connect to.
    #[error(
        "where does it listen? {{addr}}, {{host}} or {{port}} in the command is replaced by a free \
         address of the runner's choice, {{path}} by the path of a Unix socket"
    )]
    NowhereToListen,
    /// It isn't made for what is asked.
    #[error("{name} can't do {kind:?}: 'workloads' in its description has what it can")]
    CantDo {
        /// The server.
        name: String,
        /// What is asked.
        kind: Kind,
    },
    /// Its command names a backend.
    #[error("{0} relays, for its command has a place {{backend}}: --workload relay")]
    OnlyRelays(String),
    /// Its relay command has no place for one.
    #[error(
        "whom does it relay to? {{backend}} in the command is replaced by the backend's address"
    )]
    NobodyToRelayTo,
    /// The conformance suite has nothing for it.
    #[error("the suite asks in frames and raw bytes, over TCP, and it speaks {0}")]
    NothingToAsk(&'static str),
    /// Its program isn't where the command says.
    #[error("there is no program {program}{hint}")]
    NoProgram {
        /// Without directories.
        program: String,
        /// Where it was looked for.
        hint: &'static str,
    },
    /// The working directory isn't known.
    #[error("{0}")]
    Directory(std::io::Error),
    /// Its description can't be read; file, line and field are named.
    #[error("{0}")]
    Description(String),
}
