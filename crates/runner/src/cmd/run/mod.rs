//! `runner --model ...`: builds, measures, saves and shows.

mod args;
mod baselines;
mod hosts;
mod prepare;
mod show;

pub(crate) use args::RunArgs;

use crate::{
    exit::Exit,
    host::{environment, guard, host, now},
    output,
    progress::{ProgressLine, write_unfinished},
    usage::usage,
};
use anyhow::Context as _;
use catalog::{
    select::{Selected, Wanted, check_reach, select, speech},
    workspace::Workspace,
};
use generators::here::Here;
use link::Network;
use measure::{
    fleet::Fleet,
    run::{Instruments, Run, profile::load_of},
};
use plan::{
    Plan, descriptors::check_descriptors, generators::closes_in_order, host::Host,
    memory::check_memory, notes::notes,
};
use probe::profile;
use process::interrupt;
use report::{
    environment::Environment,
    run::{AaControl, RunReport},
};
use request::{Contestants, Request};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    rc::Rc,
    time::{SystemTime, UNIX_EPOCH},
};
use store::save::RunDirectory;
use toolchain::build::{self, Purpose};

pub(crate) fn run(args: &RunArgs, fleet: Option<&Fleet>) -> anyhow::Result<Exit> {
    if args.hosts.are_given() && fleet.is_none() {
        return args.hosts.launch(args.dry_run, args.models.no_build);
    }
    let workspace = Workspace::find()?;
    let mut selected = select(&args.models.asked(), &workspace, &args.external())?;
    let aa_control = args.aa.then(|| run_twice(&mut selected)).transpose()?;
    let mut host = host();
    host.others = fleet.map(Fleet::others);
    let mut plan = plan(args, &workspace, &selected, &host)?;
    plan.is_target = selected.iter().all(Selected::is_target);
    if let Some(fleet) = fleet {
        check_fleet(args, &host)?;
        check_reach(&selected, "several hosts", Some(plan.server_ip().into()))?;
        plan.hosts = fleet.kinds(&machine::environment::read());
    }
    let parent = parent(args, &workspace);
    let baselines = args.baselines.read(&parent, &plan.to_report())?;
    let heavy = selected.iter().filter_map(Selected::heavy);
    let heavy = heavy.max_by_key(|one| one.bytes_per_connection);
    let fits = check_memory(&plan, &host, heavy.as_ref());
    let has_pipes = check_descriptors(&plan, &host);
    let mut described = render::plan::describe(&plan.to_report());
    let of_memory = heavy.map(|heavy| heavy.note(&plan, &host));
    let has_foreign = selected.iter().any(Selected::has_foreign_ports);
    let of_resets = (has_foreign && !closes_in_order(plan.connections_max())).then(|| {
        "so many connections are reset at a trial's end, those to servers that aren't ours, too: \
         closed in the ordinary way they would keep their ports for a minute"
            .to_owned()
    });
    let own = [of_memory, of_resets].into_iter().flatten();
    for note in notes(&plan, &host).into_iter().chain(own) {
        let _ = write!(described, "\nnote        {note}");
    }
    if args.dry_run {
        output::line(&described);
        output::line(prepare::command_lines(
            &plan,
            &selected,
            &workspace,
            args.models.no_build,
        ));
        let has_network = Network::of(plan.network.as_ref(), &guard());
        let too_large = fits.err().filter(|_| !args.force);
        let refusals = [too_large, has_pipes.err()].into_iter().flatten();
        let refusals = refusals.map(|refusal| refusal.to_string());
        let refusals = refusals.chain(has_network.err().map(|error| error.to_string()));
        let mut exit = Exit::Fine;
        for error in refusals {
            output::say(format_args!("\nit would be refused: {error}"));
            exit = Exit::WrongUse;
        }
        return Ok(exit);
    }
    if !args.force {
        fits?;
    }
    has_pipes?;
    if !args.quiet {
        output::say(format_args!("{described}\n"));
    }
    if args.profile
        && let Err(reason) = profile::check()
    {
        output::say(format_args!(
            "no profiles: {reason}; the run goes on without\n"
        ));
    }
    let no_build = args.models.no_build;
    if no_build {
        // Without it nothing begins, and no directory is made.
        build::executable(&workspace.tree, "loadgen", no_build)?;
    }
    let network = Network::of(plan.network.as_ref(), &guard()).map_err(usage)?;
    // Before the builds: a directory that can't be written is heard of at once.
    let environment = network.at_server(|| environment(&workspace.tree.root))?;
    let mut run = begin(&parent, plan, aa_control, environment)?;
    run.report.hosts = fleet.map_or_else(Vec::new, Fleet::hosts);
    if args.open {
        open_page(&run);
    }
    // They are no contestants: what one asks of a dependency may be switched on in the other.
    let packages = ["loadgen", "null"];
    let programs = build::programs(&workspace.tree, &packages, Purpose::Measured, no_build);
    if interrupt::asked() {
        return Ok(Exit::Interrupted);
    }
    let mut programs = programs?;
    let loadgen = build::take(&mut programs, "loadgen")?;
    let instruments = Instruments {
        generators: match fleet {
            Some(fleet) => (fleet.generators)(&loadgen)?,
            None => Rc::new(Here {
                program: loadgen,
                guard: network.generator_guard(&guard()),
            }),
        },
        null_server: build::take(&mut programs, "null").map_err(|error| error.to_string()),
        guard: guard(),
        allow_remote: args.allow_remote,
        profile: args.profile,
    };
    enter_all(&mut run, &selected, &workspace, args);
    network.at_server(|| run.measure(&instruments, &ProgressLine::new(args.quiet)))??;
    let exit = show::show(&run, args)?;
    if let Some(fleet) = fleet.filter(|_| run.unsaved.is_none()) {
        output::say(fleet.place_of_reports(&run.directory.path));
    }
    let reports: Vec<_> = run.contestants.iter().map(|c| c.report.clone()).collect();
    let judged = args
        .baselines
        .judge(&baselines, &run.report, &reports, exit);
    args.baselines.keep(&parent, &run.report, &reports, exit)?;
    Ok(args.gates.pass(&reports, judged))
}

/// What can't be asked of servers whose generators are elsewhere.
fn check_fleet(args: &RunArgs, host: &Host) -> anyhow::Result<()> {
    if args.network.is_some() || args.target.is_some() {
        return Err(usage(
            "over several machines there is no --network, because there is a real one, and no --target: \
             servers are started on the first machine, and sampled there",
        ));
    }
    let others = host.others.as_ref();
    let is_elsewhere = others.is_some_and(|others| !others.shares_cpus);
    if is_elsewhere && (args.source.is_some() || !args.client_cpus.is_empty()) {
        return Err(usage(
            "over several machines there is no --source and no --client-cpus: each generator connects from \
             addresses of its own machine, and uses all of its CPUs",
        ));
    }
    if is_elsewhere && args.listen.is_none() {
        return Err(usage(
            "--listen says at which address of the first machine the others reach its servers, such as \
             --listen 192.0.2.1 --allow-remote",
        ));
    }
    Ok(())
}

/// The directory that runs are made in.
fn parent(args: &RunArgs, workspace: &Workspace) -> PathBuf {
    let own = || workspace.tree.root.join("bench-results");
    args.out.clone().unwrap_or_else(own)
}

/// Shows the page in a browser, before there is anything on it: it reloads itself.
fn open_page(run: &Run) {
    write_unfinished(&run.report, &[], &run.directory);
    let path = run.directory.path.join(page::FILE);
    // Its error is of the launcher, of which nobody has heard.
    if open::that_detached(&path).is_err() {
        output::say(format_args!(
            "--open: no browser could be started here; the page is {}",
            path.display()
        ));
    }
}

/// Builds what takes part and enters it, until the user wants to stop.
fn enter_all(run: &mut Run, selected: &[Selected], workspace: &Workspace, args: &RunArgs) {
    for one in selected {
        if interrupt::asked() {
            return;
        }
        let profile = prepare::given_profile(one);
        let contestant = prepare::prepare(one, workspace, run, args);
        // A build that was cut short says nothing about the model.
        if interrupt::asked() {
            return;
        }
        for step in contestant.steps(&run.plan) {
            if let Some(profile) = &profile {
                let profiles = &mut run.report.environment.given_profiles;
                profiles.insert(step.report.model.name.clone(), profile.clone());
            }
            run.enter(step);
        }
    }
}

/// What the run will do.
///
/// # Errors
/// What was asked for can't be done, or not here.
fn plan(
    args: &RunArgs,
    workspace: &Workspace,
    selected: &[Selected],
    host: &Host,
) -> anyhow::Result<Plan> {
    let (wire, message_bytes) = speech(selected, &args.external())?;
    let contestants = Contestants {
        names: selected.iter().map(|one| one.name.clone()).collect(),
        addresses: selected.iter().map(Selected::address).collect(),
        wire,
        message_bytes,
    };
    if let Some(link) = &args.network {
        check_reach(selected, &format!("--network {link}"), None)?;
    }
    let scenario = args.scenario.as_deref();
    let scenario = scenario.map(|name| workspace.scenario(name)).transpose()?;
    let seed = args.seed.unwrap_or_else(any_seed);
    let request = Request::resolve(&args.options(), scenario, contestants, seed)?;
    let plan = plan::decide(request, host)?;
    let mut running = selected
        .iter()
        .filter(|one| matches!(one.server, Wanted::Target(_)));
    if let Some(one) = running
        .next()
        .filter(|_| !plan.server_threads_ladder.is_empty())
    {
        return Err(usage(format!(
            "--threads: {} runs already, with the threads it has",
            one.name
        )));
    }
    args.gates.check(&plan.loads)?;
    for one in selected {
        one.check_plan(&plan.workload, plan.server_processes)?;
    }
    if args.profile && load_of(&plan.loads).is_none() {
        return Err(usage(
            "--profile: an idle server has nothing to show; add closed to --load",
        ));
    }
    Ok(plan)
}

/// Only has to differ from run to run. Short, so that it can be typed again.
fn any_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::from(since.unwrap_or_default().subsec_micros())
}

/// Makes the run's directory and writes the plan there.
///
/// # Errors
/// It can't be written.
fn begin(
    parent: &Path,
    plan: Plan,
    aa_control: Option<AaControl>,
    environment: Environment,
) -> anyhow::Result<Run> {
    let started_at = now();
    // Colons have a meaning in paths elsewhere.
    let directory = RunDirectory::create(parent, &started_at.replace(':', "-"))?;
    let report = RunReport {
        id: Some(format!("{:016x}", fastrand::u64(..))),
        aa_control,
        ..RunReport::new(&directory.name, started_at, plan.to_report(), environment)
    };
    let mut run = Run::new(plan, report, directory);
    run.save()
        .inspect_err(|_| run.directory.remove_if_empty())?;
    Ok(run)
}

/// Enters the first model once more, under another name.
fn run_twice(selected: &mut Vec<Selected>) -> anyhow::Result<AaControl> {
    let first = selected.first().context("no model takes part")?.clone();
    let control = AaControl {
        model: first.name.clone(),
        control: format!("{}-aa", first.name),
    };
    if selected.iter().any(|one| one.name == control.control) {
        return Err(usage(format!("--aa needs the name {}", control.control)));
    }
    let again = Selected {
        name: control.control.clone(),
        ..first
    };
    selected.insert(1, again);
    Ok(control)
}
