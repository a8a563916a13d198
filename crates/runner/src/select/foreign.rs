//! Servers that aren't ours among those that take part, and what all of a run then speak.

use super::{Entrant, ModelArgs, check_name};
use crate::{
    external::{self, External, Target, is_near},
    usage::usage,
};
use protocol::{client::Workload, wire::Wire};
use std::path::Path;

/// The name of a server that was running already.
const TARGET: &str = "target";

/// A server that isn't ours.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Foreign {
    /// It is started.
    External(External),
    /// It is running.
    Target(Target),
}

/// What is said of such servers outside of their descriptions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outside {
    /// The wire that was asked for.
    pub(crate) wire: Option<Wire>,
    /// Whether addresses beyond loopback may be loaded.
    pub(crate) allow_remote: bool,
    /// A server that is running.
    pub(crate) target: Option<std::net::SocketAddr>,
    /// Its process.
    pub(crate) pid: Option<u32>,
}

/// The models of the file.
pub(super) fn described(
    args: &ModelArgs,
    root: &Path,
    outside: &Outside,
) -> anyhow::Result<Vec<Entrant>> {
    let models = external::read(args.models.as_deref(), root, outside.allow_remote)?;
    models
        .into_iter()
        .map(|model| {
            check_name(&model.name)
                .map_err(|what| usage(format!("models.{}: {what}", model.name)))?;
            Ok(entrant(&model.name.clone(), Foreign::External(model)))
        })
        .collect()
}

/// Those that the command line describes.
pub(super) fn named(args: &ModelArgs, outside: &Outside) -> anyhow::Result<Vec<Entrant>> {
    let wire = outside.wire.unwrap_or(Wire::Raw);
    let externals = args.external.iter().map(|(name, command)| {
        check_name(name)
            .map_err(str::to_owned)
            .and_then(|()| External::of_command(name, command, wire))
            .map(|external| entrant(name, Foreign::External(external)))
            .map_err(|what| usage(format!("--external {name}=...: {what}")))
    });
    let mut named = externals.collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(addr) = outside.target {
        if !is_near(addr) && !outside.allow_remote {
            return Err(usage(format!(
                "--target {addr} is not on loopback; --allow-remote lets it be loaded all the same"
            )));
        }
        let pid = outside.pid;
        named.push(entrant(TARGET, Foreign::Target(Target { addr, pid })));
    }
    Ok(named)
}

fn entrant(name: &str, foreign: Foreign) -> Entrant {
    Entrant {
        name: name.to_owned(),
        package: String::new(),
        model: None,
        program: None,
        foreign: Some(foreign),
    }
}

/// What all servers of a run are spoken to in: the wire, and the size of a message if one of them
/// has only one. What they are compared in has to be the same for all.
///
/// # Errors
/// There is no such thing for these, in words.
pub(crate) fn speech(
    entrants: &[Entrant],
    outside: &Outside,
) -> anyhow::Result<(Wire, Option<u32>)> {
    let externals = || entrants.iter().filter_map(Entrant::external);
    let has_raw_target = entrants.iter().any(|entrant| {
        matches!(entrant.foreign, Some(Foreign::Target(_))) && outside.wire.is_none()
    });
    let has_raw = has_raw_target || externals().any(|external| external.wire == Wire::Raw);
    let by_need = if has_raw { Wire::Raw } else { Wire::Framed };
    let wire = outside.wire.unwrap_or(by_need);
    if let Some(other) = externals().find(|external| external.wire != wire) {
        return Err(usage(format!(
            "{} speaks the {} wire, and this run the {} one, because all of a run have to speak the \
             same to be compared: run it apart from the others",
            other.name,
            word(other.wire),
            word(wire)
        )));
    }
    let mut sizes = externals().filter_map(|external| Some((external, external.message_bytes?)));
    let Some((first, bytes)) = sizes.next() else {
        return Ok((wire, None));
    };
    match sizes.find(|(_, other)| *other != bytes) {
        None => Ok((wire, Some(bytes))),
        Some((other, other_bytes)) => Err(usage(format!(
            "messages of {} have {bytes} bytes, those of {} {other_bytes}: run them apart",
            first.name, other.name
        ))),
    }
}

impl Entrant {
    pub(crate) fn external(&self) -> Option<&External> {
        match &self.foreign {
            Some(Foreign::External(external)) => Some(external),
            _ => None,
        }
    }

    /// Whether it can be asked for this, over so many processes of a model of ours.
    ///
    /// # Errors
    /// It can't, in words.
    pub(crate) fn check_plan(&self, workload: &Workload, processes: u32) -> anyhow::Result<()> {
        let Some(external) = self.external() else {
            return Ok(());
        };
        external.check_workload(workload).map_err(usage)?;
        let own = external.processes.unwrap_or(1);
        if own >= processes {
            return Ok(());
        }
        Err(usage(format!(
            "so many connections take {processes} server processes, because of the limit of open \
             files, and {} is started once: fewer --connections, or a higher limit ('ulimit -Hn'); \
             if it starts processes itself, 'processes' in its description says how many",
            self.name
        )))
    }
}

pub(super) fn word(wire: Wire) -> &'static str {
    match wire {
        Wire::Framed => "framed",
        Wire::Raw => "raw",
    }
}
