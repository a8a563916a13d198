//! `runner check`: holds models to the conformance suite.

use crate::{exit::Exit, host::guard, models::ModelArgs, output, usage::usage, values};
use anyhow::anyhow;
use catalog::{
    select::{ExternalOptions, Selected, Wanted, build_external, select, unknown},
    workspace::Workspace,
};
use clap::Args;
use conformance::{
    promise::{Places, Promise},
    suite::{self, Outcome, Verdict},
};
use process::interrupt;
use protocol::wire::Wire;
use server::{contract::ContractLaunch, external::ExternalLaunch, launch::Launch};
use std::{net::Ipv4Addr, sync::Mutex, thread};
use toolchain::build::{self, Programs, Purpose};

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    models: ModelArgs,

    /// Check only this wire [default: both, of an external model its own]
    #[arg(long, value_parser = values::wire())]
    wire: Option<Wire>,

    /// Check only these cases, by the names that are printed [default: all]
    #[arg(long, value_name = "CASES", value_delimiter = ',')]
    only: Vec<String>,

    /// The server's I/O threads: more than one, so that they can get in each other's way
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: u32,

    /// Servers that are checked at a time; most cases wait most of their time [default: four for
    /// each CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: Option<u32>,
}

/// A server uses some 12 % of a CPU while it is checked: there is room for those that use more.
const JOBS_PER_CPU: usize = 4;

/// How all cases came out.
#[derive(Default)]
struct Counts {
    passed: u32,
    failed: u32,
    skipped: u32,
}

pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<Exit> {
    args.asks_something()?;
    let workspace = Workspace::find()?;
    let options = ExternalOptions {
        wire: args.wire,
        ..ExternalOptions::default()
    };
    let selected = select(&args.models.asked(), &workspace, &options)?;
    let packages: Vec<String> = selected.iter().filter_map(package_to_build).collect();
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    let mut programs = match packages.is_empty() {
        true => Programs::new(),
        false => build::programs(
            &workspace.tree,
            &packages,
            Purpose::Tested,
            args.models.no_build,
        )?,
    };
    let mut counts = Counts::default();
    let mut all = Vec::new();
    for selected in selected {
        let name = selected.name.clone();
        match promises(&selected, &mut programs, args) {
            Ok(promises) => all.extend(promises.into_iter().map(|promise| (name.clone(), promise))),
            Err(reason) => {
                output::line(format_args!("{name}: can't be checked: {reason:#}"));
                counts.failed += 1;
            }
        }
    }
    all.retain(|(_, promise)| args.asks_on(promise.wire));
    if all.is_empty() && counts.failed == 0 {
        return Err(usage(
            "none of these cases is asked on a wire that these servers speak",
        ));
    }
    hold_to(all, args, &mut counts);
    output::line(format_args!(
        "{} passed, {} failed, {} skipped",
        counts.passed, counts.failed, counts.skipped
    ));
    Ok(if interrupt::asked() {
        Exit::Interrupted
    } else if counts.failed > 0 {
        Exit::Failed
    } else {
        Exit::Fine
    })
}

/// Holds each server to its promise, so many at a time. With one at a time each case is shown as it
/// ends, with more all cases of a server.
fn hold_to(promises: Vec<(String, Promise)>, args: &CheckArgs, counts: &mut Counts) {
    let jobs = args.jobs();
    let queue = Mutex::new(promises.into_iter());
    let counts = Mutex::new(counts);
    let work = || {
        while !interrupt::asked() {
            let next = queue.lock().ok().and_then(|mut queue| queue.next());
            let Some((name, promise)) = next else {
                break;
            };
            let title = format!("{name}, {:?} wire", promise.wire);
            let outcomes = if jobs == 1 {
                output::line(title);
                suite::check(&promise, &args.only, show)
            } else {
                let outcomes = suite::check(&promise, &args.only, |_| {});
                // The lock keeps what belongs together together.
                let _printing = counts.lock();
                output::line(title);
                outcomes.iter().for_each(show);
                outcomes
            };
            if let Ok(mut counts) = counts.lock() {
                outcomes.iter().for_each(|outcome| counts.add(outcome));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..jobs {
            // One that can't be made leaves more work to the others.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        match outcome.verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed(_) => self.failed += 1,
            Verdict::Skipped(_) => self.skipped += 1,
        }
    }
}

impl CheckArgs {
    /// # Errors
    /// A case that doesn't exist, or none that is asked on the wire.
    fn asks_something(&self) -> anyhow::Result<()> {
        let names: Vec<&str> = suite::cases().map(|case| case.name).collect();
        let mut only = self.only.iter();
        if let Some(wanted) = only.find(|wanted| !names.contains(&wanted.as_str())) {
            return Err(unknown("case", wanted, &names).into());
        }
        if !Wire::OF_CONTRACT.iter().any(|wire| self.asks_on(*wire)) {
            return Err(usage("none of these cases makes sense on this wire"));
        }
        Ok(())
    }

    fn asks_on(&self, wire: Wire) -> bool {
        let is_wanted =
            |name: &str| self.only.is_empty() || self.only.iter().any(|one| one == name);
        self.wire.is_none_or(|only| only == wire)
            && suite::cases().any(|case| case.wires.contains(&wire) && is_wanted(case.name))
    }

    fn jobs(&self) -> usize {
        let cpus = || thread::available_parallelism().map_or(1, usize::from);
        self.jobs
            .map_or_else(|| JOBS_PER_CPU * cpus(), |jobs| jobs as usize)
    }
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
    let (program, relays, places) = match &selected.server {
        Wanted::Model { model, program } => {
            let places = Places {
                cpu: model.metadata.cpu.clone(),
                block: model.metadata.block.clone(),
            };
            let program = match program {
                Some(program) => program.clone(),
                None => build::take(programs, &model.package())?,
            };
            (program, Some(model.metadata.relay), Some(places))
        }
        Wanted::Program(program) => (program.clone(), None, None),
        Wanted::External(external) => {
            external.check_suite()?;
            let needs = |error: &dyn std::fmt::Display| anyhow!("{error}{}", external.needs_text());
            if !no_build {
                build_external(external).map_err(|error| needs(&error))?;
            }
            external.executable().map_err(|error| needs(&error))?;
            return Ok(vec![Promise {
                launch: Launch::External(ExternalLaunch {
                    external: external.clone(),
                    ip: Ipv4Addr::LOCALHOST,
                    processes: 1,
                    threads: args.threads,
                    guard: guard(),
                    cpus: Vec::new(),
                    backend: None,
                    open_files_max: None,
                }),
                wire: external.wire,
                message_bytes: external.message_bytes,
                kinds: external.workloads.clone(),
                relays: external.relay.is_some(),
                places: None,
            }]);
        }
        Wanted::Target(target) => {
            let place = &target.endpoint;
            anyhow::bail!("{place} is running already, and no case may stop it")
        }
    };
    let launch = ContractLaunch {
        threads: args.threads,
        ..ContractLaunch::new(&guard(), &program)
    };
    launch.preflight()?;
    // Whose description isn't known is asked.
    let relays = relays.unwrap_or_else(|| launch.offers_relaying());
    let on = |wire| Promise::of_contract(launch.clone().into(), wire, relays, places.clone());
    Ok(Wire::OF_CONTRACT.map(on).to_vec())
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
