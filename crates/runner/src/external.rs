//! External models: servers that keep no launch contract, somebody else's, in any language.
//!
//! A command and what has to be known to speak to it. Where that comes from is in [`file`]; how such
//! a server is started and stopped in [`server`], and one that is running already in [`target`].

mod command;
mod file;
pub(crate) mod listener;
mod server;
mod target;

pub(crate) use command::{arguments, without_directories};
pub(crate) use file::read;
pub(crate) use server::{ExternalLaunch, ExternalServer};
pub(crate) use target::{Target, TargetServer};

use command::Places;
use protocol::{
    client::Workload,
    wire::{Kind, Wire},
};
use std::{
    collections::BTreeMap,
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long an external server may take until it listens, unless its description says otherwise.
const READY_LIMIT: Duration = Duration::from_secs(10);

/// Somebody else's server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct External {
    pub(crate) name: String,
    pub(crate) title: String,
    /// Program and arguments, with places for the address: at least the program.
    pub(crate) command: Vec<String>,
    /// What makes the program.
    pub(crate) build: Option<Vec<String>>,
    /// Where both run.
    pub(crate) directory: PathBuf,
    /// Added to the runner's own.
    pub(crate) environment: BTreeMap<String, String>,
    /// Where it listens; `None`: where it is told to, by a place in the command.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) wire: Wire,
    /// Raw wire: the size of each message, for servers that have one; `None`: any.
    pub(crate) message_bytes: Option<u32>,
    /// What requests may ask for.
    pub(crate) workloads: Vec<Kind>,
    /// Processes that it has when it is ready; `None`: any number.
    pub(crate) processes: Option<u32>,
    pub(crate) ready_limit: Duration,
}

impl External {
    /// An echo on the raw wire, as the command line describes it.
    ///
    /// # Errors
    /// It isn't a command that can be measured, in words.
    pub(crate) fn of_command(name: &str, command: &str, wire: Wire) -> Result<Self, String> {
        let external = Self {
            name: name.to_owned(),
            title: name.to_owned(),
            command: arguments(command)?,
            build: None,
            directory: env::current_dir().map_err(|error| error.to_string())?,
            environment: BTreeMap::new(),
            address: None,
            wire,
            message_bytes: None,
            workloads: vec![Kind::Echo],
            processes: None,
            ready_limit: READY_LIMIT,
        };
        external.check_place()?;
        Ok(external)
    }

    /// Whether it is known where the server will listen.
    fn check_place(&self) -> Result<(), String> {
        if self.address.is_some() || Places::are_in(&self.command) {
            return Ok(());
        }
        Err(
            "where does it listen? {addr}, {host} or {port} in the command is replaced by a free \
             address of the runner's choice"
                .to_owned(),
        )
    }

    /// Whether it can be asked for this.
    ///
    /// # Errors
    /// Why not, in words.
    pub(crate) fn check_workload(&self, workload: &Workload) -> Result<(), String> {
        let asked = match workload {
            Workload::Echo => vec![Kind::Echo],
            Workload::Discard => vec![Kind::Discard, Kind::Echo],
            Workload::Mix(mix) => mix.parts().iter().map(|part| part.kind).collect(),
        };
        let missing = asked.iter().find(|kind| !self.workloads.contains(kind));
        missing.map_or(Ok(()), |kind| {
            Err(format!(
                "{} can't do {kind:?}: 'workloads' in its description has what it can",
                self.name
            ))
        })
    }

    /// The program's file, looked for as the kernel and the shell would.
    ///
    /// # Errors
    /// There is none, in words.
    pub(crate) fn executable(&self) -> Result<PathBuf, String> {
        let program = &self.command[0];
        if program.contains('/') {
            let path = self.directory.join(program);
            return match path.is_file() {
                true => Ok(path),
                false => Err(format!(
                    "there is no program {}{}",
                    without_directories(program),
                    match self.build {
                        Some(_) => ", although its build command succeeded",
                        None => " at the place that its command names",
                    }
                )),
            };
        }
        let own = self.environment.get("PATH").map(Into::into);
        let path = own.or_else(|| env::var_os("PATH")).unwrap_or_default();
        env::split_paths(&path)
            .map(|directory| self.directory.join(directory).join(program))
            .find(|path| path.is_file())
            .ok_or_else(|| format!("there is no program {program} in the PATH; is it installed?"))
    }

    /// Its command as reports carry it.
    pub(crate) fn shared_command(&self) -> String {
        let words = self.command.iter().map(|word| without_directories(word));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Whether servers may be loaded there without being asked twice.
pub(crate) fn is_near(addr: SocketAddr) -> bool {
    addr.ip().is_loopback()
}

/// What is at `path`, made absolute.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
