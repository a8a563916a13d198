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

    /// Whether it runs already.
    pub fn is_target(&self) -> bool {
        matches!(self.server, Wanted::Target(_))
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

    fn check_reach(&self, option: &str, allowed: Option<IpAddr>) -> Result<(), CatalogError> {
        let own = self.own_address().and_then(Endpoint::tcp);
        let is_there = own.is_some_and(|own| Some(own.ip()) == allowed);
        if self.is_told_address() || is_there {
            return Ok(());
        }
        let place = match self.address() {
            Some(_) => "has an address of its own",
            None => "listens at a Unix socket",
        };
        Err(wrong(format!(
            "{option}: {} {place}, which generators there don't reach: it has to listen where {{addr}} \
             or {{host}} in its command says",
            self.name
        )))
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

/// Enough for any name; a saved report may have more, such as `@48` behind it.
const NAME_CHARS_MAX: usize = 64;

/// Whether generators elsewhere reach all of them: by which option they are there, and at which address of
/// its own a server may be.
///
/// # Errors
/// They don't, in words.
pub fn check_reach(
    all: &[Selected],
    option: &str,
    allowed: Option<IpAddr>,
) -> Result<(), CatalogError> {
    all.iter()
        .try_for_each(|one| one.check_reach(option, allowed))
}

/// The name becomes a file's, with what tells apart those of one name behind it.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_name = (1..=NAME_CHARS_MAX).contains(&name.len())
        && name.chars().all(is_fine)
        && !name.starts_with('.');
    if is_name && !["run", "all"].contains(&name) {
        return Ok(());
    }
    Err("a name has letters, digits, - and _, up to 64, and is neither \"run\" nor \"all\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::wire::Wire;

    #[test]
    fn what_generators_elsewhere_do_not_reach_is_refused() {
        let at = |command: &str, address: Option<&str>| {
            let mut external = External::of_command("them", command, Wire::Raw).unwrap();
            external.address = address.map(|address| address.parse().unwrap());
            Selected {
                name: "them".to_owned(),
                server: Wanted::External(external),
            }
        };
        let listen = Some("192.0.2.1".parse().unwrap());
        let said = |one: &Selected| {
            let refused = check_reach(std::slice::from_ref(one), "--hosts", listen);
            refused.err().map(|error| error.to_string())
        };
        assert_eq!(said(&at("x {addr}", None)), None);
        assert_eq!(said(&at("x {port}", Some("192.0.2.1:7000"))), None);
        let at_a_path = said(&at("x {path}", None)).unwrap();
        assert!(
            at_a_path.starts_with("--hosts: them listens at a Unix socket"),
            "{at_a_path}"
        );
        assert!(at_a_path.contains("{addr} or {host}"), "{at_a_path}");
        for own in ["127.0.0.1:7000", "[::1]:0"] {
            let own = said(&at("x {port}", Some(own))).unwrap();
            assert!(own.contains("has an address of its own"), "{own}");
        }
        let over_a_link = at("x {port}", Some("192.0.2.1:7000")).check_reach("--network", None);
        assert!(over_a_link.is_err());
    }
}
