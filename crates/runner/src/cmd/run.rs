//! `runner --model ...`: builds, measures, saves and shows.

mod prepare;
mod show;

use crate::{
    blocks::{self, Run},
    build,
    cli::RunArgs,
    discover::Workspace,
    interrupt, output,
    plan::{self, Scenario},
    profile, sample,
    save::RunDirectory,
    select::{Entrant, select, speech},
    usage::usage,
};
use anyhow::Context as _;
use protocol::client::Workload;
use report::{
    check::Verdict,
    environment::Environment,
    run::{AaControl, RUN_SCHEMA, RunReport},
};
use rustix::process::{Resource, getrlimit};
use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, ExitCode},
};

/// The usual code of a program that was ended by SIGINT.
const EXIT_INTERRUPTED: u8 = 130;

pub(crate) fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    let mut entrants = select(&args.models, &workspace, &args.outside())?;
    let speech = speech(&entrants, &args.outside())?;
    let aa_control = args.aa.then(|| run_twice(&mut entrants)).transpose()?;
    let names = entrants
        .iter()
        .map(|entrant| entrant.name.clone())
        .collect();
    let scenario = args.scenario.as_deref();
    let scenario = scenario.map(|name| Scenario::read(name, &workspace.scenarios()));
    let plan = plan::decide(args, scenario.transpose()?, names, speech)?;
    let workload = plan.workload.parse().unwrap_or(Workload::Echo);
    for entrant in &entrants {
        entrant.check_plan(&workload, plan.server_processes)?;
    }
    if args.profile && blocks::profile::load_of(&plan).is_none() {
        return Err(usage(
            "--profile: an idle server has nothing to show; add closed to --load",
        ));
    }
    let fits = plan::check_memory(&plan, sample::available_bytes());
    if args.dry_run {
        output::line(format_args!("{}", plan::describe(&plan)));
        output::line(format_args!("{}", prepare::command_lines(&plan, &entrants)));
        if let Err(error) = fits {
            output::say(format_args!("\nit would be refused: {error}"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !args.force {
        fits?;
    }
    output::say(format_args!("{}\n", plan::describe(&plan)));
    if args.profile
        && let Err(reason) = profile::check()
    {
        output::say(format_args!(
            "no profiles: {reason}; the run goes on without\n"
        ));
    }

    // Before the builds: a directory that can't be written is heard of at once.
    let started_at = jiff::Timestamp::now();
    let parent = args
        .out
        .clone()
        .unwrap_or_else(|| workspace.root.join("bench-results"));
    let label = started_at.strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
    let directory = RunDirectory::create(&parent, &label)?;
    let report = RunReport {
        schema: RUN_SCHEMA.to_owned(),
        run: directory.name.clone(),
        started_at: started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        // Until the last block is done.
        interrupted: true,
        plan,
        block_order: Vec::new(),
        models: Vec::new(),
        comparisons: Vec::new(),
        not_compared: Vec::new(),
        aa_control,
        noise_bands: BTreeMap::new(),
        verdict: Verdict::default(),
        environment: environment(&workspace.root),
    };
    let mut run = Run::new(report, directory, args.allow_remote);
    run.profile = args.profile;
    run.save()
        .inspect_err(|_| run.directory.remove_if_empty())?;

    let no_build = args.models.no_build;
    let loadgen =
        build::executable(&workspace, "loadgen", no_build).map_err(|failure| match no_build {
            true => usage(failure.reason),
            false => anyhow::anyhow!("{}\n{}", failure.reason, failure.stderr_tail),
        });
    if loadgen.is_err() && interrupt::asked() {
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    }
    let loadgen = loadgen?;
    run.null_server =
        build::executable(&workspace, "null", no_build).map_err(|failure| failure.reason);
    for entrant in &entrants {
        if interrupt::asked() {
            break;
        }
        let contestant = prepare::prepare(entrant, &workspace, &run.report, no_build);
        // A build that was cut short says nothing about the model.
        if !interrupt::asked() {
            run.enter(contestant);
        }
    }
    run.measure(&loadgen)?;
    show::show(&run, args.json, args.explain)
}

/// Enters the first model once more, under another name.
fn run_twice(entrants: &mut Vec<Entrant>) -> anyhow::Result<AaControl> {
    let first = entrants.first().context("no model takes part")?.clone();
    let control = AaControl {
        model: first.name.clone(),
        control: format!("{}-aa", first.name),
    };
    if entrants
        .iter()
        .any(|entrant| entrant.name == control.control)
    {
        return Err(usage(format!("--aa needs the name {}", control.control)));
    }
    let package = first.package.clone();
    entrants.insert(
        1,
        Entrant {
            name: control.control.clone(),
            package,
            ..first
        },
    );
    Ok(control)
}

/// The machine, and what the workspace at `root` was built with.
pub(crate) fn environment(root: &Path) -> Environment {
    let said = |program: &str, args: &[&str]| {
        let output = Command::new(program)
            .args(args)
            .current_dir(root)
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let mut environment = Environment::read();
    environment.open_files_max = getrlimit(Resource::Nofile).maximum;
    environment.rustc = said("rustc", &["--version"]);
    environment.git_revision = said("git", &["rev-parse", "HEAD"]);
    environment.git_dirty = said("git", &["status", "--porcelain"]).map(|text| !text.is_empty());
    environment.profile = "release".to_owned();
    for (is_missing, field, reason) in [
        (environment.rustc.is_none(), "rustc", "rustc can't be run"),
        (
            environment.git_revision.is_none(),
            "git_revision",
            "not a git checkout",
        ),
        (
            environment.git_dirty.is_none(),
            "git_dirty",
            "not a git checkout",
        ),
        (
            environment.open_files_max.is_none(),
            "open_files_max",
            "there is no limit",
        ),
    ] {
        if is_missing {
            environment
                .not_measured
                .insert(field.to_owned(), reason.to_owned());
        }
    }
    environment
}
