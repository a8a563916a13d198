//! `runner check`: holds models to the conformance suite.

use crate::{
    build::{self, Programs, Purpose},
    discover::Workspace,
    exit::Exit,
    host::guard,
    output,
    select::{ExternalOptions, ModelArgs, Selected, Wanted, select},
    values,
};
use clap::Args;
use conformance::{
    promise::{Places, Promise},
    suite::{self, Outcome, Verdict},
};
use process::interrupt;
use protocol::wire::Wire;
use server::{contract::ContractLaunch, external::ExternalLaunch, launch::Launch};

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    models: ModelArgs,

    /// Check only this wire [default: both, of an external model its own]
    #[arg(long, value_parser = values::wire())]
    wire: Option<Wire>,

    /// The server's I/O threads: more than one, so that they can get in each other's way
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: u32,
}

pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<Exit> {
    let workspace = Workspace::find()?;
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    let only = args.wire;
    let options = ExternalOptions {
        wire: only,
        ..ExternalOptions::default()
    };
    let selected = select(&args.models, &workspace, &options)?;
    let packages: Vec<String> = selected.iter().filter_map(package_to_build).collect();
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    let mut programs = match packages.is_empty() {
        true => Programs::new(),
        false => build::programs(&workspace, &packages, Purpose::Tested, args.models.no_build)?,
    };
    for selected in selected {
        let name = &selected.name;
        let promises = match promises(&selected, &mut programs, args) {
            Ok(promises) => promises,
            Err(reason) => {
                output::line(format_args!("{name}: can't be checked: {reason:#}"));
                failed += 1;
                continue;
            }
        };
        for promise in promises {
            if only.is_some_and(|only| only != promise.wire) || interrupt::asked() {
                continue;
            }
            output::line(format_args!("{name}, {:?} wire", promise.wire));
            for outcome in suite::check(&promise, show) {
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
        Exit::Interrupted
    } else if failed > 0 {
        Exit::Failed
    } else {
        Exit::Fine
    })
}

/// The package of a model for which no program was given.
fn package_to_build(selected: &Selected) -> Option<String> {
    match &selected.server {
        Wanted::Model {
            model,
            program: None,
        } => Some(model.package()),
        _ => None,
    }
}

/// The server on each wire that it speaks.
fn promises(
    selected: &Selected,
    programs: &mut Programs,
    args: &CheckArgs,
) -> anyhow::Result<Vec<Promise>> {
    let no_build = args.models.no_build;
    let (program, places) = match &selected.server {
        Wanted::Model { model, program } => {
            let places = Places {
                cpu: model.metadata.cpu.clone(),
                block: model.metadata.block.clone(),
            };
            let program = match program {
                Some(program) => program.clone(),
                None => build::take(programs, &model.package())?,
            };
            (program, Some(places))
        }
        Wanted::Program(program) => (program.clone(), None),
        Wanted::External(external) => {
            if let Some(command) = external.build.as_ref().filter(|_| !no_build) {
                build::by_command(command, &external.directory, &external.environment)?;
            }
            external.executable()?;
            return Ok(vec![Promise {
                launch: Launch::External(ExternalLaunch {
                    external: external.clone(),
                    threads: args.threads,
                    guard: guard(),
                    cpus: Vec::new(),
                    open_files_max: None,
                }),
                wire: external.wire,
                message_bytes: external.message_bytes,
                kinds: external.workloads.clone(),
                places: None,
            }]);
        }
        Wanted::Target(target) => {
            anyhow::bail!(
                "{} is running already, and no case may stop it",
                target.addr
            )
        }
    };
    let launch = ContractLaunch {
        threads: args.threads,
        ..ContractLaunch::new(&guard(), &program)
    };
    launch.preflight()?;
    let on = |wire| Promise::of_contract(launch.clone().into(), wire, places.clone());
    Ok(Wire::ALL.map(on).to_vec())
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
