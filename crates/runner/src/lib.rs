//! The command line, for each program that has it: `runner` on one machine, `fleet` over several.
//!
//! | module | |
//! |---|---|
//! | [`cli`], [`cmd`] | arguments; one file per subcommand |
//! | [`gates`] | limits that figures have to keep |
//! | [`host`] | what the other rooms have to be told of this machine |
//! | [`models`], [`values`] | arguments that several subcommands share, values that have names |
//! | [`output`], [`progress`] | what is printed: standard output, standard error, the progress line |
//! | [`exit`], [`usage`] | exit codes, and which error has which; errors that the user can mend |
//!
//! Everything else is in the rooms below: see crates/README.md. It links no model and names none:
//! models are programs, found by cargo.

#![forbid(unsafe_code)]

mod cli;
mod cmd;
mod exit;
mod gates;
mod host;
mod models;
mod output;
mod progress;
mod usage;
mod values;

use clap::{CommandFactory as _, Parser as _};
use cli::{Cli, Subcommands};
use exit::Exit;
use measure::fleet::Fleet;
use process::interrupt;
use std::{ffi::OsString, process::ExitCode};

/// The whole program, with these arguments, of which the first is its name. Without a fleet all
/// happens on this machine.
pub fn main_with(args: impl IntoIterator<Item = OsString>, fleet: Option<Fleet>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // What can't be printed has no reader any more.
            let _ = error.print();
            return ExitCode::from(error.exit_code().try_into().unwrap_or(Exit::WrongUse as u8));
        }
    };
    let exit = dispatch(cli, fleet.as_ref()).unwrap_or_else(|error| {
        output::say(format_args!("error: {error:#}"));
        Exit::of(&error)
    });
    exit.into()
}

fn dispatch(cli: Cli, fleet: Option<&Fleet>) -> anyhow::Result<Exit> {
    match cli.command {
        // Not our signal handlers: this process becomes another program.
        Some(Subcommands::Guard(args)) => return Err(args.exec()),
        Some(Subcommands::Keep(args)) => return args.keep(),
        // The doctor tells what a shell gives.
        Some(Subcommands::Doctor(_)) => interrupt::listen()?,
        _ => {
            interrupt::listen()?;
            host::raise_open_files();
        }
    }
    if fleet.is_some() && cli.command.is_some() {
        return Err(usage::usage(
            "over several machines models are run; for anything else there is 'runner'",
        ));
    }
    match cli.command {
        None => cmd::run::run(&cli.run, fleet),
        Some(Subcommands::List(args)) => cmd::list::list(&args),
        Some(Subcommands::New(args)) => cmd::new::new(&args),
        Some(Subcommands::Check(args)) => cmd::check::check(&args),
        Some(Subcommands::Calibrate(args)) => cmd::calibrate::calibrate(&args),
        Some(Subcommands::Ceiling(args)) => cmd::ceiling::ceiling(&args),
        Some(Subcommands::Doctor(args)) => cmd::doctor::doctor(&args),
        Some(Subcommands::Compare(args)) => cmd::compare::compare_reports(&args),
        Some(Subcommands::Report(args)) => cmd::report::report(&args),
        Some(Subcommands::Export(args)) => cmd::export::export(&args),
        Some(Subcommands::Schema) => {
            output::write(report::schema::schema_text());
            Ok(Exit::Fine)
        }
        Some(Subcommands::Completions(args)) => {
            cmd::completions::completions(&args, Cli::command())
        }
        Some(Subcommands::Man(args)) => cmd::man::man(&args, Cli::command()),
        Some(Subcommands::Guard(_) | Subcommands::Keep(_)) => unreachable!("returned above"),
    }
}
