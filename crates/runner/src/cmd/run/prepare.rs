//! From a model that takes part to a server that can be started, and what its report says it is.

use crate::{
    blocks::Contestant,
    build,
    discover::Workspace,
    external::{External, ExternalLaunch, Target},
    origin::Origin,
    plan,
    select::{Entrant, Foreign},
};
use report::{
    check::Verdict,
    model::{self, Failure, MODEL_SCHEMA, Model, ModelReport},
    run::{Plan, RunReport},
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// A server that can be started, and its executable as far as that is known.
type Ready = (Origin, Option<PathBuf>);

/// Builds a model and asks it whether it can run here.
pub(super) fn prepare(
    entrant: &Entrant,
    workspace: &Workspace,
    run: &RunReport,
    no_build: bool,
) -> Contestant {
    let ready = match &entrant.foreign {
        None => of_ours(entrant, workspace, &run.plan, no_build),
        Some(Foreign::External(external)) => of_external(external, &run.plan, no_build),
        Some(Foreign::Target(target)) => {
            let program = target
                .pid
                .map(|pid| PathBuf::from(format!("/proc/{pid}/exe")));
            Ok((Origin::Target(target.clone()), program))
        }
    };
    let mut model = describe(entrant);
    let (origin, failure) = match ready {
        Ok((origin, program)) => {
            model.binary_sha256 = program.as_deref().and_then(sha256);
            (Some(origin), None)
        }
        Err(failure) => (None, Some(failure)),
    };
    Contestant {
        origin,
        report: ModelReport {
            schema: MODEL_SCHEMA.to_owned(),
            run: run.run.clone(),
            interrupted: true,
            model,
            verdict: Verdict::default(),
            failure,
            ceiling: None,
            profile: None,
            summary: model::Summary::default(),
            not_measured: BTreeMap::new(),
            trials: Vec::new(),
        },
    }
}

fn of_ours(
    entrant: &Entrant,
    workspace: &Workspace,
    plan: &Plan,
    no_build: bool,
) -> Result<Ready, Failure> {
    let program = match &entrant.program {
        Some(program) => program.clone(),
        None => build::executable(workspace, &entrant.package, no_build)?,
    };
    let launch = plan::launch(plan, &program);
    launch.preflight().map_err(preflight_failed)?;
    Ok((Origin::Contract(launch), Some(program)))
}

fn of_external(external: &External, plan: &Plan, no_build: bool) -> Result<Ready, Failure> {
    if let Some(command) = external.build.as_ref().filter(|_| !no_build) {
        build::by_command(command, &external.directory, &external.environment)?;
    }
    let program = external.executable().map_err(preflight_failed)?;
    let launch = ExternalLaunch {
        external: external.clone(),
        threads: plan.server_threads,
        cpus: plan.server_cpus.clone(),
        open_files_max: None,
    };
    Ok((Origin::External(launch), Some(program)))
}

fn preflight_failed(reason: String) -> Failure {
    Failure {
        phase: "preflight".to_owned(),
        reason,
        stderr_tail: String::new(),
    }
}

fn describe(entrant: &Entrant) -> Model {
    let name = entrant.name.clone();
    match (&entrant.foreign, &entrant.model) {
        (Some(Foreign::External(external)), _) => Model {
            name,
            title: external.title.clone(),
            external: Some(model::External {
                command: Some(external.shared_command()),
                target: None,
                processes: "descendants".to_owned(),
            }),
            ..Model::default()
        },
        (Some(Foreign::Target(Target { addr, pid })), _) => Model {
            name,
            title: format!("the server at {addr}"),
            external: Some(model::External {
                command: None,
                target: Some(addr.to_string()),
                processes: if pid.is_some() { "pid" } else { "unknown" }.to_owned(),
            }),
            ..Model::default()
        },
        (None, None) => Model {
            title: name.clone(),
            name,
            ..Model::default()
        },
        (None, Some(model)) => {
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
pub(super) fn command_lines(plan: &Plan, entrants: &[Entrant]) -> String {
    let mut lines = vec!["\ncommands".to_owned()];
    for entrant in entrants {
        match &entrant.foreign {
            None => lines.extend(lines_of_ours(plan, entrant)),
            Some(Foreign::External(external)) => {
                lines.push(format!("  cd {}", external.directory.display()));
                let words = external.build.iter().chain([&external.command]);
                lines.extend(words.map(|words| format!("  {}", words.join(" "))));
            }
            Some(Foreign::Target(target)) => {
                lines.push(format!("  (running already: {})", target.addr));
            }
        }
    }
    lines.push("  cargo build --release -p loadgen".to_owned());
    let target = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    for load in &plan.loads {
        let generators = plan::generator_plans(plan, load, target, plan::schedule_seed(plan, 1));
        if let Some(first) = generators.first() {
            let text = serde_json::to_string(first).unwrap_or_default();
            lines.push(format!("  target/release/loadgen <<< '{text}'"));
        }
        if let [_, second, ..] = generators.as_slice() {
            lines.push(format!(
                "  ({} more like it, the next with \"first_connection\":{})",
                generators.len() - 1,
                second.first_connection
            ));
        }
    }
    lines.join("\n")
}

fn lines_of_ours(plan: &Plan, entrant: &Entrant) -> Vec<String> {
    let mut lines = Vec::new();
    let program = match &entrant.program {
        Some(program) => program.clone(),
        None => {
            lines.push(format!("  cargo build --release -p {}", entrant.package));
            Path::new("target/release").join(&entrant.package)
        }
    };
    let args = plan::launch(plan, &program).args().join(" ");
    lines.push(format!("  {} {args}", program.display()));
    if plan.server_processes > 1 {
        let more = plan.server_processes - 1;
        lines.push(format!(
            "  ({more} more like it, at the first one's address)"
        ));
    }
    lines
}
