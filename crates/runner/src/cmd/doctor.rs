//! `runner doctor`: whether figures from this machine can be trusted, and what would stop many
//! connections; and the kernel's settings raised for them, and put back.

use crate::{exit::Exit, output, usage::usage};
use clap::Args;
use doctor::{
    examine::Examination,
    sysctls::Sysctls,
    tune::{Change, Outcome, TuneError, Tuner},
};
use process::interrupt;
use std::env;

/// Connections to judge by, when nobody says how many.
const CONNECTIONS: u32 = 1_000_000;
/// The same as in scripts/tune.
const CONNECTIONS_MAX: i64 = 100_000_000;
/// Where old values of settings are kept: gone with the next boot, as the settings are.
const STATE: &str = "/run/millionfold-tune";
/// Environment variables that tests name other places by.
const STATE_VARIABLE: &str = "MILLIONFOLD_TUNE_STATE";
const SYSCTLS_VARIABLE: &str = "MILLIONFOLD_SYSCTLS";

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
        runner doctor                        before the first run on a machine\n  \
        runner doctor --connections 100000   do so many fit?\n  \
        runner doctor --json | jq '.findings[] | select(.level == \"problem\")'\n  \
        runner doctor --apply --dry-run      what would be raised?\n\n\
        Exit codes: 0 measuring is possible and the connections asked for fit, 3 otherwise. A limit \
        of open files that only makes several processes necessary is met. With --apply and --undo: \
        0 every setting is as it should be, 3 some are not, 2 nothing was changed.")]
pub(crate) struct DoctorArgs {
    /// Connections that have to fit [default: 1000000, and they need not]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=CONNECTIONS_MAX))]
    connections: Option<u32>,

    /// Print the findings as JSON
    #[arg(long)]
    json: bool,

    /// Raise the kernel's settings that are too low for the connections, and lower none. Takes root;
    /// what was there before is remembered until --undo or the next boot
    #[arg(long, conflicts_with = "json")]
    apply: bool,

    /// Put back what --apply found
    #[arg(long, conflicts_with_all = ["json", "apply", "connections"])]
    undo: bool,

    /// With --apply: only settings that belong to the network namespace, a container's own
    #[arg(long, requires = "apply")]
    net_only: bool,

    /// With --apply or --undo: say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn doctor(args: &DoctorArgs) -> anyhow::Result<Exit> {
    if args.apply {
        return apply(args);
    }
    if args.undo {
        return undo(args);
    }
    if args.dry_run {
        return Err(usage("--dry-run goes with --apply or --undo"));
    }
    if !args.json {
        output::say("looking at the machine for a second ...");
    }
    let must_fit = args.connections.is_some();
    let examination = Examination::make(args.connections.unwrap_or(CONNECTIONS), must_fit);
    if interrupt::asked() {
        return Ok(Exit::Interrupted);
    }
    if args.json {
        output::line(examination.json()?);
    } else {
        output::line(examination.text());
    }
    Ok(
        if examination.is_prevented() || (must_fit && !examination.fits()) {
            Exit::Failed
        } else {
            Exit::Fine
        },
    )
}

fn apply(args: &DoctorArgs) -> anyhow::Result<Exit> {
    let connections = args.connections.unwrap_or(CONNECTIONS);
    let tuner = tuner(args);
    let changes = tuner
        .apply(connections, args.net_only)
        .map_err(|error| refused(&error, &format!("tune {connections}")))?;
    let exit = tell(&changes, args.dry_run);
    if !args.dry_run && tuner.remembers() {
        output::line(format_args!(
            "old values are in {}: scripts/untune puts them back",
            tuner.state.display()
        ));
    }
    Ok(exit)
}

fn undo(args: &DoctorArgs) -> anyhow::Result<Exit> {
    let tuner = tuner(args);
    if !tuner.remembers() {
        let state = tuner.state.display();
        output::line(format_args!("nothing to put back: there is no {state}"));
        return Ok(Exit::Fine);
    }
    let changes = tuner.undo().map_err(|error| refused(&error, "untune"))?;
    Ok(tell(&changes, args.dry_run))
}

fn tuner(args: &DoctorArgs) -> Tuner {
    Tuner {
        sysctls: env::var_os(SYSCTLS_VARIABLE).map_or_else(Sysctls::default, Sysctls::below),
        state: env::var_os(STATE_VARIABLE)
            .unwrap_or_else(|| STATE.into())
            .into(),
        is_dry: args.dry_run,
    }
}

/// Why nothing was changed, with the way out; `script` is the script that does the same.
fn refused(error: &TuneError, script: &str) -> anyhow::Error {
    match error {
        TuneError::NeedsRoot => usage(format_args!(
            "{error}: 'sudo scripts/{script}', or see --dry-run"
        )),
        TuneError::Memory(_) => usage(error),
    }
}

/// Tells what became of each setting: what is as it should be on standard output, what is not on
/// standard error.
fn tell(changes: &[Change], is_dry: bool) -> Exit {
    let not_done = if is_dry { " (not done)" } else { "" };
    for Change { name, outcome } in changes {
        match outcome {
            Outcome::Enough(value) => {
                output::line(format_args!("{name:<30} {value} is enough"));
            }
            Outcome::NotLoaded => output::line(format_args!("{name:<30} not loaded")),
            Outcome::Changed { from, to } => {
                output::line(format_args!("{name:<30} {from} -> {to}{not_done}"));
            }
            Outcome::NotSet(reason) => output::say(format_args!("{name:<30} {reason}")),
        }
    }
    if changes.iter().any(Change::is_failed) {
        output::say("some settings are not as they should be: see above");
        Exit::Failed
    } else {
        Exit::Fine
    }
}
