//! Building: what is measured in release, each package on its own, and what is only tested at once.
//!
//! Building several together unifies features, so that what one model asks of a shared dependency
//! would be switched on in another.

use crate::discover::{Workspace, cargo};
use process::interrupt;
use report::model::{Failure, Phase};
use serde::Deserialize;
use server::external::without_directories;
use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, IsTerminal as _, Read, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};
use thiserror::Error;

/// What is kept of a build's messages.
const TAIL_BYTES: usize = 4 << 10;

#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
    message: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Target {
    /// A program is called like its package.
    name: String,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    rendered: Option<String>,
}

/// Why there is no program.
#[derive(Debug, Error)]
pub(crate) enum BuildError {
    /// It was to be there already.
    #[error("{0} has not been built; run again without --no-build")]
    NotBuilt(String),
    /// What builds can't be run.
    #[error("{what}: {source}")]
    CantRun { what: String, source: io::Error },
    /// It was run and failed.
    #[error("{what}\n{said}")]
    Failed { what: String, said: String },
}

impl BuildError {
    /// The row in the table and in the report.
    pub(crate) fn failure(self) -> Failure {
        let (reason, stderr_tail) = match self {
            Self::Failed { what, said } => (what, said),
            other => (other.to_string(), String::new()),
        };
        Failure {
            phase: Phase::Build,
            reason,
            stderr_tail,
        }
    }
}

/// Built programs, or why there is none, by package.
pub(crate) type Programs = BTreeMap<String, Result<PathBuf, BuildError>>;

/// How programs are built.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// In release. Contestants take a call each.
    Measured,
    /// Fast, apart from what is measured.
    Tested,
}

impl Purpose {
    fn profile(self) -> &'static str {
        match self {
            Self::Measured => "release",
            Self::Tested => "conformance",
        }
    }

    /// Where cargo puts what it builds.
    fn target(self, workspace: &Workspace) -> PathBuf {
        match self {
            Self::Measured => workspace.target.clone(),
            Self::Tested => workspace.target.join(self.profile()),
        }
    }
}

/// The release executable of a package: built, or with `no_build` just found.
///
/// # Errors
/// Why there is none, with the end of what cargo said.
pub(crate) fn executable(
    workspace: &Workspace,
    package: &str,
    no_build: bool,
) -> Result<PathBuf, BuildError> {
    take(
        &mut programs(workspace, &[package], Purpose::Measured, no_build)?,
        package,
    )
}

/// Takes a program out of those that were built.
///
/// # Errors
/// Why there is none.
pub(crate) fn take(programs: &mut Programs, package: &str) -> Result<PathBuf, BuildError> {
    let program = programs.remove(package);
    program.unwrap_or_else(|| Err(BuildError::NotBuilt(package.to_owned())))
}

/// Programs of some packages: built in one call, or with `no_build` just found.
///
/// # Errors
/// Cargo can't be run. That a package has no program is in its place in the map.
pub(crate) fn programs(
    workspace: &Workspace,
    packages: &[&str],
    purpose: Purpose,
    no_build: bool,
) -> Result<Programs, BuildError> {
    let (profile, target) = (purpose.profile(), purpose.target(workspace));
    if no_build {
        let found = packages.iter().map(|&package| {
            let path = target.join(profile).join(package);
            let missing = || BuildError::NotBuilt(package.to_owned());
            let path = path.is_file().then_some(path).ok_or_else(missing);
            (package.to_owned(), path)
        });
        return Ok(found.collect());
    }
    let mut command = cargo();
    command.args([
        "build",
        "--keep-going",
        "--profile",
        profile,
        "--target-dir",
    ]);
    command.arg(target);
    command.args(packages.iter().flat_map(|package| ["-p", package]));
    let mut built = run_cargo(workspace, command)?;
    let programs = packages.iter().map(|&package| {
        let failed = || BuildError::Failed {
            what: format!("cargo build --profile {profile} -p {package} failed"),
            said: built.said.clone(),
        };
        let program = built.programs.remove(package);
        (package.to_owned(), program.ok_or_else(failed))
    });
    Ok(programs.collect())
}

/// Runs the build command of an external model.
///
/// # Errors
/// It failed, with the end of what it said.
pub(crate) fn by_command(
    command: &[String],
    directory: &Path,
    environment: &BTreeMap<String, String>,
) -> Result<(), BuildError> {
    let shown = without_directories(&command.join(" "));
    let can_not = |source: io::Error| BuildError::CantRun {
        what: shown.clone(),
        source,
    };
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .current_dir(directory)
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(can_not)?;
    let said = child.stderr.take().map(pass_on).unwrap_or_default();
    match child.wait().map_err(can_not)? {
        status if status.success() => Ok(()),
        status => Err(BuildError::Failed {
            what: format!("{shown} failed ({status})"),
            said,
        }),
    }
}

/// What came of a call of cargo.
struct Built {
    /// By package.
    programs: BTreeMap<String, PathBuf>,
    /// The end of what it said, of errors if there were any.
    said: String,
}

/// Runs cargo, passing its progress on.
fn run_cargo(workspace: &Workspace, mut command: Command) -> Result<Built, BuildError> {
    let can_not = |source: io::Error| BuildError::CantRun {
        what: "cargo can't be run".to_owned(),
        source,
    };
    command
        .arg("--message-format=json")
        .current_dir(&workspace.root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if io::stderr().is_terminal() {
        // Its standard error is a pipe here, so cargo has to be told that people watch.
        command.env("CARGO_TERM_PROGRESS_WHEN", "always");
        command.env("CARGO_TERM_PROGRESS_WIDTH", "80");
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command.spawn().map_err(can_not)?;
    let progress = child
        .stderr
        .take()
        .map(|pipe| thread::spawn(move || pass_on(pipe)));
    let (mut programs, mut errors) = (BTreeMap::new(), String::new());
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let Ok(message) = serde_json::from_str::<Message>(&line) else {
                continue;
            };
            if let (Some(program), Some(target)) = (message.executable, message.target) {
                programs.insert(target.name, program);
            }
            if let Some(Diagnostic {
                level,
                rendered: Some(text),
            }) = message.message
                && level == "error"
            {
                let _ = io::stderr().write_all(text.as_bytes());
                errors.push_str(&text);
            }
        }
    }
    child.wait().map_err(can_not)?;
    let said = progress.and_then(|thread| thread.join().ok());
    let said = match (interrupt::asked(), errors.is_empty()) {
        (true, _) => "interrupted".to_owned(),
        (false, true) => said.unwrap_or_default(),
        (false, false) => tail(errors),
    };
    Ok(Built { programs, said })
}

/// Copies to standard error as it comes, and returns the end of it.
fn pass_on(mut pipe: impl Read) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = pipe.read(&mut buffer) {
        let _ = io::stderr().write_all(&buffer[..length]);
        kept.extend_from_slice(&buffer[..length]);
    }
    tail(String::from_utf8_lossy(&kept).into_owned())
}

fn tail(text: String) -> String {
    let mut start = text.len().saturating_sub(TAIL_BYTES);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text[start..].trim().to_owned()
}
