//! `runner --model ...`: builds, measures, saves and shows.

use crate::{
    blocks::{Contestant, Run},
    build,
    cli::RunArgs,
    discover::Workspace,
    interrupt, output,
    plan::{self, Scenario},
    sample,
    save::RunDirectory,
    select::{Entrant, select},
    usage::usage,
};
use anyhow::Context as _;
use report::{
    check::{Status, Verdict},
    compare::text,
    environment::Environment,
    model::{Failure, MODEL_SCHEMA, Model, ModelReport},
    run::{AaControl, Plan, RUN_SCHEMA, RunReport},
    table::{explanation, table},
};
use rustix::process::{Resource, getrlimit};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, ExitCode},
};

/// A model failed, or a verdict is invalid.
const EXIT_INVALID: u8 = 3;

/// The usual code of a program that was ended by SIGINT.
const EXIT_INTERRUPTED: u8 = 130;

pub(crate) fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    let mut entrants = select(&args.models, &workspace)?;
    let aa_control = args.aa.then(|| run_twice(&mut entrants)).transpose()?;
    let names = entrants
        .iter()
        .map(|entrant| entrant.name.clone())
        .collect();
    let scenario = args.scenario.as_deref();
    let scenario = scenario.map(|name| Scenario::read(name, &workspace.scenarios()));
    let plan = plan::decide(args, scenario.transpose()?, names)?;
    let fits = plan::check_memory(&plan, sample::available_bytes());
    if args.dry_run {
        output::line(format_args!("{}", plan::describe(&plan)));
        output::line(format_args!("{}", command_lines(&plan, &entrants)));
        if let Err(error) = fits {
            output::say(format_args!("\nit would be refused: {error}"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !args.force {
        fits?;
    }
    output::say(format_args!("{}\n", plan::describe(&plan)));

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
        let contestant = prepare(entrant, &workspace, &run.report, no_build);
        // A build that was cut short says nothing about the model.
        if !interrupt::asked() {
            run.enter(contestant);
        }
    }
    run.measure(&loadgen)?;
    show(&run, args.json, args.explain)
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

/// Builds a model and asks it whether it can run here.
fn prepare(
    entrant: &Entrant,
    workspace: &Workspace,
    run: &RunReport,
    no_build: bool,
) -> Contestant {
    let built = match &entrant.program {
        Some(program) => Ok(program.clone()),
        None => build::executable(workspace, &entrant.package, no_build),
    };
    let checked = built.and_then(|program| {
        plan::launch(&run.plan, &program)
            .preflight()
            .map(|()| program)
            .map_err(|reason| Failure {
                phase: "preflight".to_owned(),
                reason,
                stderr_tail: String::new(),
            })
    });
    let (program, failure) = match checked {
        Ok(program) => (Some(program), None),
        Err(failure) => (None, Some(failure)),
    };
    let mut model = describe(entrant);
    model.binary_sha256 = program.as_deref().and_then(sha256);
    Contestant {
        program,
        report: ModelReport {
            schema: MODEL_SCHEMA.to_owned(),
            run: run.run.clone(),
            interrupted: true,
            model,
            verdict: Verdict::default(),
            failure,
            ceiling: None,
            summary: report::model::Summary::default(),
            not_measured: BTreeMap::new(),
            trials: Vec::new(),
        },
    }
}

fn describe(entrant: &Entrant) -> Model {
    let name = entrant.name.clone();
    let Some(model) = &entrant.model else {
        return Model {
            title: name.clone(),
            name,
            ..Model::default()
        };
    };
    let metadata = model.metadata.clone();
    Model {
        name,
        title: metadata.title,
        runtime: Some(metadata.runtime),
        // A program from elsewhere may have been built with any version.
        runtime_version: model
            .runtime_version
            .clone()
            .filter(|_| entrant.program.is_none()),
        accept: Some(metadata.accept),
        cpu: Some(metadata.cpu),
        block: Some(metadata.block),
        binary_sha256: None,
    }
}

fn sha256(program: &Path) -> Option<String> {
    let digest = Sha256::digest(fs::read(program).ok()?);
    Some(digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
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

fn command_lines(plan: &Plan, entrants: &[Entrant]) -> String {
    let mut lines = vec!["\ncommands".to_owned()];
    for entrant in entrants {
        let program = match &entrant.program {
            Some(program) => program.clone(),
            None => {
                lines.push(format!("  cargo build --release -p {}", entrant.package));
                Path::new("target/release").join(&entrant.package)
            }
        };
        let launch = plan::launch(plan, &program);
        lines.push(format!(
            "  {} {}",
            program.display(),
            launch.args().join(" ")
        ));
    }
    lines.push("  cargo build --release -p loadgen".to_owned());
    let target = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    for load in &plan.loads {
        for generator in plan::generator_plans(plan, load, target, plan::schedule_seed(plan, 1)) {
            let text = serde_json::to_string(&generator).unwrap_or_default();
            lines.push(format!("  target/release/loadgen <<< '{text}'"));
        }
    }
    lines.join("\n")
}

/// Of two models the whole comparison; of more, where it is to be had.
fn show_comparison(run: &Run) {
    match run.report.comparisons.as_slice() {
        [] => {}
        [one] => output::say(format_args!("\n{}", text(one))),
        more => output::say(format_args!(
            "\n{} comparisons of pairs: runner compare {}",
            more.len(),
            run.directory.path.display()
        )),
    }
    for reason in &run.report.not_compared {
        output::say(format_args!("not compared: {reason}"));
    }
}

fn show(run: &Run, json: bool, explain: bool) -> anyhow::Result<ExitCode> {
    let reports: Vec<ModelReport> = run.contestants.iter().map(|c| c.report.clone()).collect();
    let any = reports
        .iter()
        .any(|r| !r.trials.is_empty() || r.failure.is_some());
    if run.report.interrupted && !any {
        output::say(
            "\ninterrupted before the first trial was over: the reports hold the plan only",
        );
    } else {
        output::say(format_args!(
            "\n{}\n{}",
            table(&reports),
            explanation(&reports, &run.report, explain)
        ));
    }
    show_comparison(run);
    for path in &run.saved {
        if json {
            let text = fs::read_to_string(path)
                .with_context(|| format!("can't read {} again", path.display()))?;
            output::write(format_args!("{text}"));
        } else {
            output::line(format_args!("{}", path.display()));
        }
    }
    let failed = run
        .contestants
        .iter()
        .any(|contestant| contestant.report.failure.is_some());
    Ok(if run.report.interrupted {
        ExitCode::from(EXIT_INTERRUPTED)
    } else if failed || run.report.verdict.status == Status::Invalid {
        ExitCode::from(EXIT_INVALID)
    } else {
        ExitCode::SUCCESS
    })
}
