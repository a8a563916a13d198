//! From a model that takes part to a server that can be started, and what its report says it is.

use crate::{
    build,
    discover::Workspace,
    host::guard,
    select::{Selected, Wanted},
};
use measure::{
    launch::launch,
    run::{Contestant, Run},
};
use plan::{Plan, generators::generator_plans};
use report::model::{self, Failure, Model, ModelReport, Phase};
use server::{
    external::{External, ExternalLaunch, Target},
    launch::Launch,
};
use sha2::{Digest as _, Sha256};
use std::{
    fmt::{Display, Write as _},
    fs,
    path::{Path, PathBuf},
};

/// A server that can be started, and its executable as far as that is known.
type Ready = (Launch, Option<PathBuf>);

/// Builds a model and asks it whether it can run here.
pub(super) fn prepare(
    selected: &Selected,
    workspace: &Workspace,
    run: &Run,
    no_build: bool,
) -> Contestant {
    let plan = &run.plan;
    let ready = match &selected.server {
        Wanted::Model {
            program: Some(program),
            ..
        }
        | Wanted::Program(program) => of_program(program, plan),
        Wanted::Model { model, .. } => build::executable(workspace, &model.package(), no_build)
            .map_err(build::BuildError::failure)
            .and_then(|program| of_program(&program, plan)),
        Wanted::External(external) => of_external(external, plan, no_build),
        Wanted::Target(target) => {
            let pid = target.pid;
            let program = pid.map(|pid| PathBuf::from(format!("/proc/{pid}/exe")));
            Ok((Launch::Target(target.clone()), program))
        }
    };
    let mut model = describe(selected);
    let (launch, failure) = match ready {
        Ok((launch, program)) => {
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

fn of_program(program: &Path, plan: &Plan) -> Result<Ready, Failure> {
    let launch = launch(plan, &guard(), program);
    launch.preflight().map_err(preflight_failed)?;
    Ok((launch.into(), Some(program.to_owned())))
}

fn of_external(external: &External, plan: &Plan, no_build: bool) -> Result<Ready, Failure> {
    if let Some(command) = external.build.as_ref().filter(|_| !no_build) {
        build::by_command(command, &external.directory, &external.environment)
            .map_err(build::BuildError::failure)?;
    }
    let program = external.executable().map_err(preflight_failed)?;
    let launch = ExternalLaunch {
        external: external.clone(),
        threads: plan.server_threads,
        guard: guard(),
        cpus: plan.server_cpus.clone(),
        open_files_max: None,
    };
    Ok((Launch::External(launch), Some(program)))
}

fn preflight_failed(reason: impl Display) -> Failure {
    Failure {
        phase: Phase::Preflight,
        reason: reason.to_string(),
        stderr_tail: String::new(),
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
        Wanted::Target(Target { addr, pid }) => Model {
            name,
            title: format!("the server at {addr}"),
            external: Some(model::External {
                command: None,
                target: Some(addr.to_string()),
                processes: if pid.is_some() { "pid" } else { "unknown" }.to_owned(),
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
    let digest = Sha256::digest(fs::read(program).ok()?);
    Some(digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// What a run would do, as command lines for people to try.
pub(super) fn command_lines(plan: &Plan, selected: &[Selected]) -> String {
    let mut lines = vec!["\ncommands".to_owned()];
    for one in selected {
        lines.extend(lines_of(plan, one));
    }
    lines.push("  cargo build --release -p loadgen".to_owned());
    let target = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    for load in &plan.loads {
        let generators = generator_plans(plan, load, target, plan.schedule_seed(1));
        if let Some(first) = generators.first() {
            let text = serde_json::to_string(first).unwrap_or_default();
            lines.push(format!("  target/release/loadgen <<< '{text}'"));
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

fn lines_of(plan: &Plan, selected: &Selected) -> Vec<String> {
    match &selected.server {
        Wanted::Model {
            program: Some(program),
            ..
        }
        | Wanted::Program(program) => lines_of_program(plan, program),
        Wanted::Model { model, .. } => {
            let package = model.package();
            let program = Path::new("target/release").join(&package);
            let build = format!("  cargo build --release -p {package}");
            std::iter::once(build)
                .chain(lines_of_program(plan, &program))
                .collect()
        }
        Wanted::External(external) => {
            let directory = format!("  cd {}", external.directory.display());
            let words = external.build.iter().chain([&external.command]);
            let words = words.map(|words| format!("  {}", words.join(" ")));
            std::iter::once(directory).chain(words).collect()
        }
        Wanted::Target(target) => vec![format!("  (running already: {})", target.addr)],
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
