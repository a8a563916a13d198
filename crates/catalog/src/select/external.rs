//! Servers that aren't ours among those that take part, and what all of a run then speak.

use super::{
    asked::Asked,
    selected::{Selected, Wanted, check_name},
};
use crate::error::{CatalogError, wrong};
use protocol::{endpoint::Endpoint, wire::Wire};
use server::external::{self, External, Target, owner, without_directories};
use std::path::Path;
use toolchain::build::{self, BuildError};

/// The name of a server that was running already.
const TARGET: &str = "target";

/// What is said of such servers outside of their descriptions.
#[derive(Clone, Debug, Default)]
pub struct ExternalOptions {
    /// The wire that was asked for.
    pub wire: Option<Wire>,
    /// Whether addresses beyond loopback may be loaded.
    pub allow_remote: bool,
    /// A server that is running.
    pub target: Option<Endpoint>,
    /// Its process; `None`: who listens there.
    pub pid: Option<u32>,
}

/// The models of the file.
pub(super) fn described(
    asked: &Asked,
    root: &Path,
    options: &ExternalOptions,
) -> Result<Vec<Selected>, CatalogError> {
    let models = external::read(asked.descriptions.as_deref(), root, options.allow_remote)?;
    models
        .into_iter()
        .map(|model| {
            check_name(&model.name)
                .map_err(|what| wrong(format!("models.{}: {what}", model.name)))?;
            Ok(Selected {
                name: model.name.clone(),
                server: Wanted::External(model),
            })
        })
        .collect()
}

/// Those that the command line describes.
pub(super) fn named(
    asked: &Asked,
    options: &ExternalOptions,
) -> Result<Vec<Selected>, CatalogError> {
    let wire = options.wire.unwrap_or(Wire::Raw);
    let externals = asked.externals.iter().map(|(name, command)| {
        check_name(name)
            .map_err(str::to_owned)
            .and_then(|()| {
                External::of_command(name, command, wire).map_err(|error| error.to_string())
            })
            .map(|external| Selected {
                name: name.clone(),
                server: Wanted::External(external),
            })
            .map_err(|what| wrong(format!("--external {name}=...: {what}")))
    });
    let mut named = externals.collect::<Result<Vec<_>, CatalogError>>()?;
    if let Some(endpoint) = &options.target {
        if !endpoint.is_local() && !options.allow_remote {
            return Err(wrong(format!(
                "--target {endpoint} is not on loopback; --allow-remote lets it be loaded all the same"
            )));
        }
        // Who listens elsewhere isn't seen from here.
        let listens = || owner(endpoint).filter(|_| endpoint.is_local());
        named.push(Selected {
            name: TARGET.to_owned(),
            server: Wanted::Target(Target {
                endpoint: endpoint.clone(),
                pid: options.pid.or_else(listens),
            }),
        });
    }
    Ok(named)
}

/// What all servers of a run are spoken to in: the wire, and the size of a message if one of them
/// has only one. What they are compared in has to be the same for all.
///
/// # Errors
/// There is no such thing for these, in words.
pub fn speech(
    selected: &[Selected],
    options: &ExternalOptions,
) -> Result<(Wire, Option<u32>), CatalogError> {
    let externals = || selected.iter().filter_map(Selected::external);
    let has_raw_target = selected
        .iter()
        .any(|one| matches!(one.server, Wanted::Target(_)) && options.wire.is_none());
    let mut others = externals().map(|external| external.wire);
    let other = others.find(|wire| *wire != Wire::Framed);
    let of_target = has_raw_target.then_some(Wire::Raw);
    let by_need = other.or(of_target).unwrap_or(Wire::Framed);
    let wire = options.wire.unwrap_or(by_need);
    if let Some(other) = externals().find(|external| external.wire != wire) {
        return Err(wrong(format!(
            "{} speaks the {} wire, and this run the {} one, because all of a run have to speak the \
             same to be compared: run it apart from the others",
            other.name,
            other.wire.word(),
            wire.word()
        )));
    }
    let mut sizes = externals().filter_map(|external| Some((external, external.message_bytes?)));
    let Some((first, bytes)) = sizes.next() else {
        return Ok((wire, None));
    };
    match sizes.find(|(_, other)| *other != bytes) {
        None => Ok((wire, Some(bytes))),
        Some((other, other_bytes)) => Err(wrong(format!(
            "messages of {} have {bytes} bytes, those of {} {other_bytes}: run them apart",
            first.name, other.name
        ))),
    }
}

/// Runs the build command of an external model, if it has one.
///
/// # Errors
/// It failed, with the end of what it said.
pub fn build_external(external: &External) -> Result<(), BuildError> {
    let Some(command) = &external.build else {
        return Ok(());
    };
    let shown = without_directories(&command.join(" "));
    build::by_command(
        (command, &shown),
        &external.directory,
        &external.environment,
    )
}
