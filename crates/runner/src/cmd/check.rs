//! `runner check`: holds models to the conformance suite.

use crate::{
    build,
    conformance::{self, Outcome, Verdict},
    discover::Workspace,
    interrupt, output,
    select::{ModelArgs, select},
    server::Launch,
};
use clap::{Args, ValueEnum};
use protocol::wire::Wire;
use std::process::ExitCode;

/// A case failed, or a model couldn't be checked.
const EXIT_FAILED: u8 = 3;
const EXIT_INTERRUPTED: u8 = 130;

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    models: ModelArgs,

    /// Check only this wire [default: both]
    #[arg(long, value_enum)]
    wire: Option<WireArg>,

    /// The server's I/O threads: more than one, so that they can get in each other's way
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WireArg {
    /// A header, then a payload
    Framed,
    /// Bytes are echoed as they come
    Raw,
}

pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for entrant in select(&args.models, &workspace)? {
        let program = match &entrant.program {
            Some(program) => Ok(program.clone()),
            None => {
                let package = format!("model-{}", entrant.name);
                build::executable(&workspace, &package, args.models.no_build)
                    .map_err(|failure| failure.reason)
            }
        };
        let launch = program.map(|program| Launch {
            threads: args.threads,
            ..Launch::new(&program)
        });
        let launch = launch.and_then(|launch| launch.preflight().map(|()| launch));
        let launch = match launch {
            Ok(launch) => launch,
            Err(reason) => {
                output::line(format_args!("{}: can't be checked: {reason}", entrant.name));
                failed += 1;
                continue;
            }
        };
        for (arg, wire) in [(WireArg::Framed, Wire::Framed), (WireArg::Raw, Wire::Raw)] {
            if args.wire.is_some_and(|only| only != arg) || interrupt::asked() {
                continue;
            }
            output::line(format_args!("{}, {wire:?} wire", entrant.name));
            let metadata = entrant.model.as_ref().map(|model| &model.metadata);
            for outcome in conformance::check(&launch, wire, metadata, show) {
                match outcome.verdict {
                    Verdict::Passed => passed += 1,
                    Verdict::Failed(_) => failed += 1,
                    Verdict::Skipped(_) => skipped += 1,
                }
            }
        }
    }
    output::line(format_args!(
        "{passed} passed, {failed} failed, {skipped} skipped"
    ));
    Ok(if interrupt::asked() {
        ExitCode::from(EXIT_INTERRUPTED)
    } else if failed > 0 {
        ExitCode::from(EXIT_FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

fn show(outcome: &Outcome) {
    let Outcome {
        name,
        about,
        elapsed,
        verdict,
    } = outcome;
    let (word, reason) = match verdict {
        Verdict::Passed => ("ok  ", None),
        Verdict::Failed(reason) => ("FAIL", Some(reason)),
        Verdict::Skipped(reason) => ("skip", Some(reason)),
    };
    output::line(format_args!(
        "  {word} {name:18} {:5.1} s  {about}",
        elapsed.as_secs_f64()
    ));
    if let Some(reason) = reason {
        output::line(format_args!("       {}", reason.replace('\n', "\n       ")));
    }
}
