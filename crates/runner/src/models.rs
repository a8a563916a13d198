//! Arguments that name models.

use catalog::select::Asked;
use clap::Args;
use std::path::PathBuf;

/// Which models, and where their programs are.
#[derive(Args, Debug, Default)]
pub(crate) struct ModelArgs {
    /// Models to take: names, globs such as 'tok*', or all
    ///
    /// A glob means servers that aren't ours only where it fits none of ours
    #[arg(
        long,
        help_heading = "Which servers",
        value_name = "NAMES",
        value_delimiter = ','
    )]
    pub(crate) model: Vec<String>,

    /// Use what has been built before
    #[arg(long, help_heading = "Which servers", hide_short_help = true)]
    pub(crate) no_build: bool,

    /// A program to take for the model NAME
    ///
    /// A program to take for the model NAME, instead of building it; NAME may be new
    #[arg(long, help_heading = "Which servers", value_name = "NAME=PATH", value_parser = name_and_path)]
    pub(crate) bin: Vec<(String, PathBuf)>,

    /// File that describes external models, servers that aren't ours; --model names them, and 'all'
    /// doesn't mean them [default: models.toml of this repository, if there is one, with
    /// examples/external/models.toml]
    #[arg(
        long,
        help_heading = "Which servers",
        hide_short_help = true,
        value_name = "FILE"
    )]
    pub(crate) models: Option<PathBuf>,

    /// A server that isn't ours, by its command
    ///
    /// An external model: a server that echoes bytes, started by this command, in which {addr},
    /// {host} and {port} stand for where it is to listen ({path} for a Unix socket), {threads} for how many
    /// threads it may have, {backend} for what it relays to; takes part without --model
    #[arg(long, help_heading = "Which servers", value_name = "NAME=CMD", value_parser = name_and_command)]
    pub(crate) external: Vec<(String, String)>,
}

impl ModelArgs {
    /// Without how they are to be built.
    pub(crate) fn asked(&self) -> Asked {
        Asked {
            names: self.model.clone(),
            programs: self.bin.clone(),
            descriptions: self.models.clone(),
            externals: self.external.clone(),
        }
    }
}

fn name_and_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_owned(), path.into()))
        }
        _ => Err("NAME=PATH, such as mine=./my-server".to_owned()),
    }
}

fn name_and_command(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, command)) if !name.is_empty() && !command.is_empty() => {
            Ok((name.to_owned(), command.to_owned()))
        }
        _ => Err("NAME=CMD, such as 'mine=./my-server --listen {addr}'".to_owned()),
    }
}
