//! From a model that takes part to a server that can be started, and what its report says it is.

use super::args::RunArgs;
use crate::{host::guard, output};
use catalog::{
    select::{Selected, Wanted, build_external},
    workspace::Workspace,
};
use measure::{
    launch::{backend, launch},
    run::{Contestant, Run},
};
use plan::{Plan, generators::generator_plans};
use report::model::{self, Failure, Model, ModelReport, Phase};
use server::{
    external::{External, ExternalLaunch},
    launch::Launch,
};
use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};
use toolchain::{
    build::{self, BuildError},
    digest,
};

/// A server that can be started, and its executable as far as that is known.
type Ready = (Launch, Option<PathBuf>);

/// Builds a model and asks it whether it can run here.
pub(super) fn prepare(
    selected: &Selected,
    workspace: &Workspace,
    run: &Run,
    args: &RunArgs,
) -> Contestant {
    let (plan, no_build) = (&run.plan, args.models.no_build);
    let ready = match &selected.server {
        Wanted::Model {
            program: Some(program),
            ..
        }
        | Wanted::Program(program) => of_program(program, plan),
        Wanted::Model { model, .. } if plan.relays() && !model.metadata.relay => {
            Err(offers_no_relaying("relay = true in its Cargo.toml"))
        }
        Wanted::Model { model, .. } => {
            build::executable(&workspace.tree, &model.package(), no_build)
                .map_err(BuildError::failure)
                .and_then(|program| of_program(&program, plan))
        }
        Wanted::External(External { relay: None, .. }) | Wanted::Target(_) if plan.relays() => {
            Err(offers_no_relaying("'relay' in its description"))
        }
        Wanted::External(external) => of_external(external, plan, no_build),
        Wanted::Target(target) => {
            let program = |pid: u32| PathBuf::from(format!("/proc/{pid}/exe"));
            Ok((Launch::Target(target.clone()), target.pid.map(program)))
        }
    };
    let mut model = describe(selected);
    let (launch, failure) = match ready {
        Ok((launch, program)) => {
            if !args.quiet {
                say_program(&selected.name, program.as_deref());
            }
            model.binary_sha256 = program.as_deref().and_then(sha256);
            (Some(launch), None)
        }
        Err(failure) => (None, Some(failure)),
    };
    Contestant {
        launch,
        report: ModelReport {
            failure,
            ..ModelReport::new(&run.report.run, model)
        },
    }
}

/// What is measured, by its path: the run says what it took, and not only what it was to take.
fn say_program(name: &str, program: Option<&Path>) {
    let Some(program) = program else { return };
    // Of a server that runs already a link is known.
    let place = fs::canonicalize(program).unwrap_or_else(|_| program.to_owned());
    let profile = match profile_of(program).as_deref() {
        Some("dev") => ", a debug build: its figures say nothing about a release build",
        _ => "",
    };
    output::say(format_args!("{name:11} {}{profile}", place.display()));
}

/// The profile of a program that was given instead of built; `None` for any other.
pub(super) fn given_profile(selected: &Selected) -> Option<String> {
    let (Wanted::Program(program)
    | Wanted::Model {
        program: Some(program),
        ..
    }) = &selected.server
    else {
        return None;
    };
    Some(profile_of(program).unwrap_or_else(|| "unknown".to_owned()))
}

/// The profile that cargo built a program in: the name of the directory that it put it into, which a
/// lock of its own tells from others. `None` elsewhere.
fn profile_of(program: &Path) -> Option<String> {
    let directory = program.parent()?;
    directory.join(".cargo-lock").is_file().then_some(())?;
    let name = directory.file_name()?.to_string_lossy();
    // See the Cargo Book, "Profiles".
    Some(match &*name {
        "debug" => "dev".to_owned(),
        _ => name.into_owned(),
    })
}

fn of_program(program: &Path, plan: &Plan) -> Result<Ready, Failure> {
    if !plan.wire.is_of_contract() {
        let wire = plan.wire.word();
        return Err(preflight_failed(
            format!("models speak the wires framed and raw, and this run {wire}"),
            "leave it out, or --wire raw for all",
        ));
    }
    let launch = launch(plan, &guard(), program);
    launch
        .preflight()
        .map_err(|error| preflight_failed(&error, error.way_out()))?;
    Ok((launch.into(), Some(program.to_owned())))
}

fn of_external(external: &External, plan: &Plan, no_build: bool) -> Result<Ready, Failure> {
    // Whoever described it knows the way out best.
    let needs = |failure: Failure| match &external.needs {
        Some(needs) => Failure {
            way_out: Some(format!("it needs {needs}")),
            ..failure
        },
        None => failure,
    };
    if !no_build {
        build_external(external).map_err(|error| needs(error.failure()))?;
    }
    let program = external.executable().map_err(|error| {
        let way_out = "install it, or see 'command' in its description";
        needs(preflight_failed(error, way_out))
    })?;
    let launch = ExternalLaunch {
        external: external.clone(),
        ip: plan.server_ip(),
        processes: plan.server_processes,
        threads: plan.server_threads,
        guard: guard(),
        cpus: plan.server_cpus.clone(),
        backend: None,
        open_files_max: None,
    };
    Ok((Launch::External(launch), Some(program)))
}

fn offers_no_relaying(says: &str) -> Failure {
    preflight_failed(
        format!("it offers no relaying: a server that does says so by {says}"),
        "leave it out, or --workload echo",
    )
}

fn preflight_failed(reason: impl Display, way_out: &str) -> Failure {
    Failure {
        phase: Phase::Preflight,
        reason: reason.to_string(),
        stderr_tail: String::new(),
        way_out: Some(way_out.to_owned()),
    }
}

fn describe(selected: &Selected) -> Model {
    let name = selected.name.clone();
    match &selected.server {
        Wanted::External(external) => Model {
            name,
            title: external.title.clone(),
            external: Some(model::External {
                command: Some(external.shared_command()),
                target: None,
                processes: "descendants".to_owned(),
            }),
            ..Model::default()
        },
        Wanted::Target(target) => Model {
            name,
            title: format!("the server at {}", target.shared_place()),
            external: Some(model::External {
                command: None,
                target: Some(target.shared_place()),
                processes: if target.pid.is_some() {
                    "pid"
                } else {
                    "unknown"
                }
                .to_owned(),
            }),
            ..Model::default()
        },
        Wanted::Program(_) => Model {
            title: name.clone(),
            name,
            ..Model::default()
        },
        Wanted::Model { model, program } => {
            let metadata = model.metadata.clone();
            Model {
                name,
                title: metadata.title,
                runtime: Some(metadata.runtime),
                // A program from elsewhere may have been built with any version.
                runtime_version: model.runtime_version.clone().filter(|_| program.is_none()),
                accept: Some(metadata.accept),
                cpu: Some(metadata.cpu),
                block: Some(metadata.block),
                ..Model::default()
            }
        }
    }
}

fn sha256(program: &Path) -> Option<String> {
    Some(digest::sha256(&fs::read(program).ok()?))
}

/// What a run would do, as command lines for people to try: with `no_build` by the programs that are
/// there.
pub(super) fn command_lines(
    plan: &Plan,
    selected: &[Selected],
    workspace: &Workspace,
    no_build: bool,
) -> String {
    let package = |package: &str| lines_of_package(workspace, package, no_build);
    let mut lines = vec!["\ncommands".to_owned()];
    for one in selected {
        lines.extend(lines_of(plan, one, no_build, &package));
    }
    if plan.relays() {
        let (build, null) = package("null");
        lines.extend(build);
        let args = backend(plan, &guard(), &null).args().join(" ");
        lines.push(format!("  {} {args}", null.display()));
    }
    let (build, loadgen) = package("loadgen");
    lines.extend(build);
    let target = std::net::SocketAddr::from((plan.server_ip(), 0)).into();
    for load in &plan.loads {
        let generators = generator_plans(plan, load, &target, plan.schedule_seed(1));
        if let Some(first) = generators.first() {
            let text = serde_json::to_string(first).unwrap_or_default();
            lines.push(format!("  {} <<< '{text}'", loadgen.display()));
        }
        if let [_, more @ ..] = generators.as_slice()
            && !more.is_empty()
        {
            let more = more.len();
            lines.push(format!(
                "  ({more} more like it, the next with \"process\":1)"
            ));
        }
    }
    lines.join("\n")
}

/// What builds a package or, with `no_build`, why that has to be done first; and its program.
fn lines_of_package(
    workspace: &Workspace,
    package: &str,
    no_build: bool,
) -> (Option<String>, PathBuf) {
    let place = || build::place(&workspace.tree, package);
    if !no_build {
        let build = format!("  cargo build --release -p {package}");
        return (Some(build), place());
    }
    match build::executable(&workspace.tree, package, true) {
        Ok(program) => (None, program),
        Err(error) => (Some(format!("  ({error})")), place()),
    }
}

fn lines_of(
    plan: &Plan,
    selected: &Selected,
    no_build: bool,
    package: &impl Fn(&str) -> (Option<String>, PathBuf),
) -> Vec<String> {
    match &selected.server {
        Wanted::Model {
            program: Some(program),
            ..
        }
        | Wanted::Program(program) => lines_of_program(plan, program),
        Wanted::Model { model, .. } => {
            let (build, program) = package(&model.package());
            let own = lines_of_program(plan, &program);
            build.into_iter().chain(own).collect()
        }
        Wanted::External(external) => {
            let directory = format!("  cd {}", external.directory.display());
            let build = external.build.iter().filter(|_| !no_build);
            let relay = external.relay.as_ref().filter(|_| plan.relays());
            let words = build.chain([relay.unwrap_or(&external.command)]);
            let words = words.map(|words| format!("  {}", words.join(" ")));
            std::iter::once(directory).chain(words).collect()
        }
        Wanted::Target(target) => vec![format!("  (running already: {})", target.endpoint)],
    }
}

fn lines_of_program(plan: &Plan, program: &Path) -> Vec<String> {
    let args = launch(plan, &guard(), program).args().join(" ");
    let mut lines = vec![format!("  {} {args}", program.display())];
    if plan.server_processes > 1 {
        let more = plan.server_processes - 1;
        lines.push(format!(
            "  ({more} more like it, at the first one's address)"
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_told_where_cargo_put_the_program() {
        let target = tempfile::tempdir().unwrap();
        for (directory, profile) in [("debug", "dev"), ("release", "release"), ("mine", "mine")] {
            let directory = target.path().join(directory);
            let program = directory.join("model-x");
            fs::create_dir(&directory).unwrap();
            assert_eq!(profile_of(&program), None, "a directory like any other");
            fs::write(directory.join(".cargo-lock"), "").unwrap();
            assert_eq!(profile_of(&program).as_deref(), Some(profile));
        }
    }
}
