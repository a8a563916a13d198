//! `runner man`: manual pages.

use crate::{exit::Exit, output, usage::usage};
use clap::{Args, Command};
use clap_mangen::{Man, generate_to};
use std::{fs, path::PathBuf};

#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// Where to write a page for each subcommand, too, such as ~/.local/share/man/man1
    ///
    /// Without it runner's own page goes to standard output: 'runner man | man -l -' shows it.
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(crate) fn man(args: &ManArgs, command: Command) -> anyhow::Result<Exit> {
    let Some(directory) = &args.directory else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        output::write(String::from_utf8(page)?);
        return Ok(Exit::Fine);
    };
    fs::create_dir_all(directory)
        .and_then(|()| generate_to(command, directory))
        .map_err(|error| usage(format!("{}: {error}", directory.display())))?;
    output::line(directory.display());
    Ok(Exit::Fine)
}
