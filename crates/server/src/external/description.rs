//! What has to be known of a server that isn't ours to start it, find it and speak to it.

use super::{
    command::{Places, Told, arguments, without_directories},
    error::ExternalError,
};
use protocol::{
    client::Workload,
    endpoint::Endpoint,
    wire::{Kind, Wire},
};
use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long an external server may take until it listens, unless its description says otherwise.
pub(super) const READY_LIMIT: Duration = Duration::from_secs(10);

/// Somebody else's server.
#[derive(Clone, Debug, PartialEq)]
pub struct External {
    /// In the table.
    pub name: String,
    /// In words.
    pub title: String,
    /// Program and arguments, with places for the address: at least the program.
    pub command: Vec<String>,
    /// The same for a server that relays, with a place for the backend; `None`: it doesn't.
    pub relay: Option<Vec<String>>,
    /// What makes the program.
    pub build: Option<Vec<String>>,
    /// What building and running it takes, in words that say how to get it.
    pub needs: Option<String>,
    /// Where both run.
    pub directory: PathBuf,
    /// Added to the runner's own.
    pub environment: BTreeMap<String, String>,
    /// Where it listens; port 0 is one that it is told. `None`: where it is told to, by a place in the
    /// command.
    pub address: Option<Endpoint>,
    /// What it speaks.
    pub wire: Wire,
    /// Raw wire: the size of each message, for servers that have one; `None`: any.
    pub message_bytes: Option<u32>,
    /// What requests may ask for.
    pub workloads: Vec<Kind>,
    /// Processes that it has when it is ready; `None`: any number.
    pub processes: Option<u32>,
    /// Several of it can listen on one port (SO_REUSEPORT).
    pub reuse_port: bool,
    /// How long it may take until it listens.
    pub ready_limit: Duration,
    /// User memory that it takes for a connection, about; `None`: hardly any.
    pub user_bytes_per_connection: Option<u32>,
}

impl External {
    /// An echo on the raw wire, as the command line describes it.
    ///
    /// # Errors
    /// It isn't a command that can be measured, in words.
    pub fn of_command(name: &str, command: &str, wire: Wire) -> Result<Self, ExternalError> {
        let command = arguments(command)?;
        let external = Self {
            name: name.to_owned(),
            title: name.to_owned(),
            relay: Places::has_backend(&command).then(|| command.clone()),
            command,
            build: None,
            needs: None,
            directory: env::current_dir().map_err(ExternalError::Directory)?,
            environment: BTreeMap::new(),
            address: None,
            wire,
            message_bytes: None,
            workloads: vec![Kind::Echo],
            processes: None,
            reuse_port: false,
            ready_limit: READY_LIMIT,
            user_bytes_per_connection: None,
        };
        external.check_place()?;
        Ok(external)
    }

    /// Whether it is known where the server will listen.
    pub(super) fn check_place(&self) -> Result<(), ExternalError> {
        let told = Told::by(&self.command);
        let is_known = match &self.address {
            Some(own) if is_any_port(own) => told == Some(Told::Address),
            Some(_) => true,
            None => told.is_some(),
        };
        match is_known {
            true => Ok(()),
            false => Err(ExternalError::NowhereToListen),
        }
    }

    /// Whether it listens at a Unix socket.
    pub fn is_unix(&self) -> bool {
        match &self.address {
            Some(own) => own.path().is_some(),
            None => Told::by(&self.command) == Some(Told::Path),
        }
    }

    /// Whether the conformance suite has something to ask.
    ///
    /// # Errors
    /// Why it hasn't, in words.
    pub fn check_suite(&self) -> Result<(), ExternalError> {
        match (self.wire.is_of_contract(), self.is_unix()) {
            (false, _) => Err(ExternalError::NothingToAsk(self.wire.word())),
            (true, true) => Err(ExternalError::NothingToAsk("at a Unix socket")),
            (true, false) => Ok(()),
        }
    }

    /// Whether it can be asked for this.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn check_workload(&self, workload: &Workload) -> Result<(), ExternalError> {
        let asked = match workload {
            // One that offers no relaying has a row that says so.
            Workload::Relay => return Ok(()),
            _ if Places::has_backend(&self.command) => {
                return Err(ExternalError::OnlyRelays(self.name.clone()));
            }
            Workload::Echo => vec![Kind::Echo],
            Workload::Discard => vec![Kind::Discard, Kind::Echo],
            Workload::Mix(mix) => mix.parts().iter().map(|part| part.kind).collect(),
        };
        let missing = asked.iter().find(|kind| !self.workloads.contains(kind));
        missing.map_or(Ok(()), |&kind| {
            Err(ExternalError::CantDo {
                name: self.name.clone(),
                kind,
            })
        })
    }

    /// The program's file, looked for as the kernel and the shell would.
    ///
    /// # Errors
    /// There is none, in words.
    pub fn executable(&self) -> Result<PathBuf, ExternalError> {
        self.find(&self.command[0])
    }

    /// The same of what builds it, if it has to be built.
    ///
    /// # Errors
    /// There is none, in words.
    pub fn builder(&self) -> Result<Option<PathBuf>, ExternalError> {
        let builder = self.build.as_ref().and_then(|words| words.first());
        builder.map(|program| self.find(program)).transpose()
    }

    fn find(&self, program: &str) -> Result<PathBuf, ExternalError> {
        if program.contains('/') {
            let path = self.directory.join(program);
            return match path.is_file() {
                true => Ok(path),
                false => Err(ExternalError::NoProgram {
                    program: without_directories(program),
                    hint: match self.build {
                        Some(_) => ", although its build command succeeded",
                        None => " at the place that its command names",
                    },
                }),
            };
        }
        let own = self.environment.get("PATH").map(Into::into);
        let path = own.or_else(|| env::var_os("PATH")).unwrap_or_default();
        env::split_paths(&path)
            .map(|directory| self.directory.join(directory).join(program))
            .find(|path| path.is_file())
            .ok_or_else(|| ExternalError::NoProgram {
                program: program.to_owned(),
                hint: " in the PATH; is it installed?",
            })
    }

    /// What it needs, to be put after what is missing; empty when its description doesn't say.
    pub fn needs_text(&self) -> String {
        let needs = self.needs.as_deref();
        needs.map_or_else(String::new, |needs| format!("; it needs {needs}"))
    }

    /// Its command as reports carry it.
    pub fn shared_command(&self) -> String {
        let words = self.command.iter().map(|word| without_directories(word));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Whether any free port of an address is meant.
pub(super) fn is_any_port(endpoint: &Endpoint) -> bool {
    endpoint.tcp().is_some_and(|addr| addr.port() == 0)
}

/// What is at `path`, made absolute.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
