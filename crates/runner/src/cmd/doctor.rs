//! `runner doctor`: whether figures from this machine can be trusted, what would stop many
//! connections, and the kernel's settings raised for them.

use crate::{exit::Exit, output, usage::usage};
use clap::Args;
use doctor::{examine::Examination, tune::Tuning};
use process::interrupt;
use rustix::process::geteuid;
use std::{
    env,
    io::stdout,
    path::{Path, PathBuf},
};

/// Where the settings of this machine are.
const SETTINGS: &str = "/proc/sys";
/// Gone with the next boot, as what was set is.
const STATE: &str = "/run/millionfold-tune";

/// Connections to judge by, when nobody says how many.
const CONNECTIONS: u32 = 1_000_000;
const CONNECTIONS_MAX: i64 = 100_000_000;

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
        runner doctor                        before the first run on a machine\n  \
        runner doctor --connections 100000   do so many fit?\n  \
        runner doctor --connections 100000 --apply   as root: raise what is too low\n  \
        runner doctor --undo                 as root: put them back\n  \
        runner doctor --json | jq '.findings[] | select(.level == \"problem\")'\n\n\
        --apply lowers nothing, and a second one keeps what the first one found. All of it is gone \
        with the next boot. Limits of a process (open files, locked memory) can't be set for other \
        shells: the findings say how.\n\n\
        Exit codes: 0 measuring is possible and the connections asked for fit, or every setting is \
        what it should be, 3 otherwise. A limit of open files that only makes several processes \
        necessary is met.")]
pub(crate) struct DoctorArgs {
    /// Connections that have to fit [default: 1000000, and they need not]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=CONNECTIONS_MAX))]
    connections: Option<u32>,

    /// Print the findings as JSON
    #[arg(long, conflicts_with = "change")]
    json: bool,

    /// Raise the kernel's settings that are too low for the connections with both ends on this
    /// machine, and remember what they were
    #[arg(long, group = "change")]
    apply: bool,

    /// Put back what --apply found
    #[arg(long, group = "change", conflicts_with = "connections")]
    undo: bool,

    /// Say what --apply or --undo would do, and do nothing
    #[arg(long, requires = "change")]
    dry_run: bool,

    /// Raise only settings that belong to the network namespace: a container's own
    #[arg(long, requires = "apply")]
    net_only: bool,

    /// Where --apply keeps the old values
    #[arg(long, value_name = "FILE", default_value = STATE, requires = "change")]
    state: PathBuf,

    /// Where the settings are
    #[arg(long, value_name = "DIR", default_value = SETTINGS, requires = "change", hide = true)]
    proc: PathBuf,
}

pub(crate) fn doctor(args: &DoctorArgs) -> anyhow::Result<Exit> {
    if args.apply || args.undo {
        return tune(args);
    }
    if !args.json {
        output::say("looking at the machine for two seconds ...");
    }
    let must_fit = args.connections.is_some();
    let examination = Examination::make(args.connections.unwrap_or(CONNECTIONS), must_fit);
    if interrupt::asked() {
        return Ok(Exit::Interrupted);
    }
    if args.json {
        output::line(examination.json()?);
    } else {
        output::line(examination.text(output::columns(stdout())));
    }
    Ok(
        if examination.is_prevented() || (must_fit && !examination.fits()) {
            Exit::Failed
        } else {
            Exit::Fine
        },
    )
}

fn tune(args: &DoctorArgs) -> anyhow::Result<Exit> {
    let state = args.state.display();
    let mut tuning =
        Tuning::new(args.proc.clone(), args.state.clone(), args.dry_run).map_err(usage)?;
    if args.undo && !tuning.is_tuned() {
        output::line(format_args!("nothing to put back: there is no {state}"));
        return Ok(Exit::Fine);
    }
    let connections = args.connections.unwrap_or(CONNECTIONS);
    if args.proc == Path::new(SETTINGS) && !args.dry_run && !geteuid().is_root() {
        return Err(not_root(args.undo, connections));
    }
    let changes = if args.undo {
        tuning.undo()
    } else {
        tuning.apply(connections, args.net_only)
    };
    let changes = changes.map_err(usage)?;
    for change in &changes {
        if change.is_failure {
            output::say(&change.line);
        } else {
            output::line(&change.line);
        }
    }
    if args.apply && tuning.is_tuned() {
        output::line(format_args!(
            "old values are in {state}: 'runner doctor --undo' puts them back"
        ));
    }
    Ok(if changes.iter().any(|change| change.is_failure) {
        Exit::Failed
    } else {
        Exit::Fine
    })
}

/// With the way out: root may not find cargo, so the program is named by its path.
fn not_root(undo: bool, connections: u32) -> anyhow::Error {
    let runner = env::current_exe().unwrap_or_else(|_| "runner".into());
    let words = env::args().skip(1).collect::<Vec<_>>().join(" ");
    let script = if undo {
        "untune".to_owned()
    } else {
        format!("tune {connections}")
    };
    usage(format_args!(
        "the kernel's settings are root's: 'sudo {} {words}', or 'sudo scripts/{script}'; \
         --dry-run only says what would be done",
        runner.display()
    ))
}
