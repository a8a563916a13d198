//! `runner check`: holds models to the conformance suite.

use crate::{
    build,
    cli::WireArg,
    conformance::{self, Candidate, Outcome, Verdict},
    discover::Workspace,
    external::ExternalLaunch,
    interrupt,
    origin::Origin,
    output,
    select::{Entrant, ModelArgs, Outside, select},
    server::Launch,
};
use clap::Args;
use protocol::wire::Wire;
use std::process::ExitCode;

/// A case failed, or a model couldn't be checked.
const EXIT_FAILED: u8 = 3;
const EXIT_INTERRUPTED: u8 = 130;

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    models: ModelArgs,

    /// Check only this wire [default: both, of an external model its own]
    #[arg(long, value_enum)]
    wire: Option<WireArg>,

    /// The server's I/O threads: more than one, so that they can get in each other's way
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: u32,
}

pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    let only = args.wire.map(WireArg::wire);
    let outside = Outside {
        wire: only,
        ..Outside::default()
    };
    for entrant in select(&args.models, &workspace, &outside)? {
        let candidates = match candidates(&entrant, &workspace, args) {
            Ok(candidates) => candidates,
            Err(reason) => {
                output::line(format_args!("{}: can't be checked: {reason}", entrant.name));
                failed += 1;
                continue;
            }
        };
        for candidate in candidates {
            if only.is_some_and(|only| only != candidate.wire) || interrupt::asked() {
                continue;
            }
            output::line(format_args!("{}, {:?} wire", entrant.name, candidate.wire));
            let metadata = entrant.model.as_ref().map(|model| &model.metadata);
            for outcome in conformance::check(&candidate, metadata, show) {
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

/// The server on each wire that it speaks.
fn candidates(
    entrant: &Entrant,
    workspace: &Workspace,
    args: &CheckArgs,
) -> Result<Vec<Candidate>, String> {
    let no_build = args.models.no_build;
    if let Some(external) = entrant.external() {
        if let Some(command) = external.build.as_ref().filter(|_| !no_build) {
            build::by_command(command, &external.directory, &external.environment)
                .map_err(|failure| failure.reason)?;
        }
        external.executable()?;
        return Ok(vec![Candidate {
            origin: Origin::External(ExternalLaunch {
                external: external.clone(),
                threads: args.threads,
                cpus: Vec::new(),
                open_files_max: None,
            }),
            wire: external.wire,
            message_bytes: external.message_bytes,
            kinds: external.workloads.clone(),
        }]);
    }
    let program = match &entrant.program {
        Some(program) => program.clone(),
        None => build::executable(workspace, &entrant.package, no_build)
            .map_err(|failure| failure.reason)?,
    };
    let launch = Launch {
        threads: args.threads,
        ..Launch::new(&program)
    };
    launch.preflight()?;
    let on = |wire| Candidate::of_contract(Origin::Contract(launch.clone()), wire);
    Ok(vec![on(Wire::Framed), on(Wire::Raw)])
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
