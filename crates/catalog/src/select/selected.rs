//! A server that takes part in what was asked for.

use crate::{
    error::{CatalogError, wrong},
    workspace::ModelCrate,
};
use plan::memory::Heavy;
use protocol::{client::Workload, endpoint::Endpoint};
use server::external::{External, Target};
use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

/// A server that takes part.
#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    /// In the table, and of its report.
    pub name: String,
    /// What is started under this name.
    pub server: Wanted,
}

/// What takes part.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// A crate of the workspace.
    Model {
        /// As cargo has it.
        model: ModelCrate,
        /// A program to take instead of building it.
        program: Option<PathBuf>,
    },
    /// A program that keeps the launch contract, and is no crate here.
    Program(PathBuf),
    /// A server that isn't ours.
    External(External),
    /// One that is running already.
    Target(Target),
}

impl Selected {
    /// How it is described, if it isn't ours.
    pub fn external(&self) -> Option<&External> {
        match &self.server {
            Wanted::External(external) => Some(external),
            _ => None,
        }
    }

    /// What it is known to take for a connection, beside what any server takes.
    pub fn heavy(&self) -> Option<Heavy> {
        Some(Heavy {
            name: self.name.clone(),
            bytes_per_connection: self.external()?.user_bytes_per_connection?,
        })
    }

    /// Whether its description comes from a file or the command line.
    pub fn is_external(&self) -> bool {
        matches!(self.server, Wanted::External(_) | Wanted::Target(_))
    }

    /// Whether connections to it keep ports of a server that isn't ours.
    pub fn has_foreign_ports(&self) -> bool {
        self.is_external() && self.address().is_some()
    }

    /// Whether it listens at an address that we say.
    pub fn is_told_address(&self) -> bool {
        self.own_address().is_none() && self.address().is_some()
    }

    /// Where it listens, if that isn't for us to say.
    fn own_address(&self) -> Option<&Endpoint> {
        match &self.server {
            Wanted::External(external) => external.address.as_ref(),
            Wanted::Target(target) => Some(&target.endpoint),
            Wanted::Model { .. } | Wanted::Program(_) => None,
        }
    }

    /// Where it listens: on loopback, unless it is known to be elsewhere. `None`: at a Unix socket.
    pub fn address(&self) -> Option<IpAddr> {
        match self.own_address() {
            Some(own) => own.tcp().map(|addr| addr.ip()),
            None if self.external().is_some_and(External::is_unix) => None,
            None => Some(Ipv4Addr::LOCALHOST.into()),
        }
    }

    /// Whether it can be asked for this, over so many processes of a model of ours.
    ///
    /// # Errors
    /// It can't, in words.
    pub fn check_plan(&self, workload: &Workload, processes: u32) -> Result<(), CatalogError> {
        let Some(external) = self.external() else {
            return Ok(());
        };
        external.check_workload(workload)?;
        if external.reuse_port || external.processes.unwrap_or(1) >= processes {
            return Ok(());
        }
        Err(wrong(format!(
            "so many connections take {processes} server processes, because of the limit of open \
             files, and {} is started once: fewer --connections, or a higher limit ('ulimit -Hn'); \
             if it starts processes itself, 'processes' in its description says how many, and if \
             several of it can share a port (SO_REUSEPORT), 'reuse_port = true' has them started",
            self.name
        )))
    }
}

/// The name becomes a file's.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_name = !name.is_empty() && name.chars().all(is_fine) && !name.starts_with('.');
    if is_name && !["run", "all"].contains(&name) {
        return Ok(());
    }
    Err("a name has letters, digits, - and _, and is neither \"run\" nor \"all\"")
}
