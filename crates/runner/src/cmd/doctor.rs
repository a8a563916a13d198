//! `runner doctor`: whether figures from this machine can be trusted, and what would stop many
//! connections.

use crate::{exit::Exit, output};
use clap::Args;
use doctor::examine::Examination;
use process::interrupt;

/// Connections to judge by, when nobody says how many.
const CONNECTIONS: u32 = 1_000_000;
/// The same as in scripts/tune.
const CONNECTIONS_MAX: i64 = 100_000_000;

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
        runner doctor                        before the first run on a machine\n  \
        runner doctor --connections 100000   do so many fit?\n  \
        runner doctor --json | jq '.findings[] | select(.level == \"problem\")'\n\n\
        Exit codes: 0 measuring is possible and the connections asked for fit, 3 otherwise. A limit \
        of open files that only makes several processes necessary is met.")]
pub(crate) struct DoctorArgs {
    /// Connections that have to fit [default: 1000000, and they need not]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=CONNECTIONS_MAX))]
    connections: Option<u32>,

    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn doctor(args: &DoctorArgs) -> anyhow::Result<Exit> {
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
