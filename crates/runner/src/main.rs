//! The runner: starts each model, loads it, measures it and writes comparable reports.
//!
//! | module | |
//! |---|---|
//! | [`cli`], [`cmd`] | the command line; one file per subcommand |
//! | [`discover`], [`select`], [`build`] | which models there are, which take part, their programs |
//! | [`plan`] | what a run will do, decided before it starts |
//! | [`blocks`] | a run: blocks in shuffled order, saved one by one |
//! | [`trial`], [`warm_up`] | one fresh server under one load; when that is steady |
//! | [`capacity`] | the search for the highest rate that meets a target |
//! | [`ceiling`] | what rates are held against |
//! | [`server`], [`servers`], [`generator`] | the two sides of a trial, each by its contract |
//! | [`external`] | servers that aren't ours, and keep none |
//! | [`origin`] | where a trial's server comes from: any of these |
//! | [`child`] | a process that speaks in lines and can't outlive the runner |
//! | [`profile`] | what a server's CPU time goes to, with perf |
//! | [`sample`] | what processes and the machine used |
//! | [`calibrate`] | the instrument, held to servers whose truth is known |
//! | [`conformance`] | the suite that every model is held to |
//! | [`save`], [`read`] | writing and reading reports |
//! | [`output`], [`progress`] | standard output, the progress line |
//! | [`interrupt`], [`usage`] | Ctrl-C, exit code 2 |
//!
//! It links no model and names none: models are programs, found by cargo.

#![forbid(unsafe_code)]

mod blocks;
mod build;
mod calibrate;
mod capacity;
mod ceiling;
mod child;
mod cli;
mod cmd;
mod conformance;
mod discover;
mod external;
mod generator;
mod interrupt;
mod origin;
mod output;
mod plan;
mod profile;
mod progress;
mod read;
mod sample;
mod save;
mod select;
mod server;
mod servers;
mod trial;
mod usage;
mod warm_up;

use clap::Parser as _;
use cli::{Cli, Subcommands};
use std::process::ExitCode;

/// A bug of ours.
const EXIT_BUG: u8 = 1;

/// Wrong use. (clap takes the same for what it finds.)
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            output::say(format_args!("error: {error:#}"));
            ExitCode::from(if error.is::<usage::UsageError>() {
                EXIT_USAGE
            } else {
                EXIT_BUG
            })
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        // Not our signal handlers: this process becomes another program.
        Some(Subcommands::Guard(args)) => return Err(args.exec()),
        Some(Subcommands::Keep(args)) => return cmd::keep::keep(args),
        _ => interrupt::listen()?,
    }
    match cli.command {
        None => cmd::run::run(&cli.run),
        Some(Subcommands::List(args)) => cmd::list::list(&args),
        Some(Subcommands::New(args)) => cmd::new::new(&args),
        Some(Subcommands::Check(args)) => cmd::check::check(&args),
        Some(Subcommands::Calibrate(args)) => cmd::calibrate::calibrate(&args),
        Some(Subcommands::Ceiling(args)) => cmd::ceiling::ceiling(&args),
        Some(Subcommands::Doctor(args)) => cmd::doctor::doctor(&args),
        Some(Subcommands::Compare(args)) => cmd::compare::compare_reports(&args),
        Some(Subcommands::Report(args)) => cmd::report::report(&args),
        Some(Subcommands::Schema) => {
            output::write(report::schema::schema_text());
            Ok(ExitCode::SUCCESS)
        }
        Some(Subcommands::Guard(_) | Subcommands::Keep(_)) => unreachable!("returned above"),
    }
}
