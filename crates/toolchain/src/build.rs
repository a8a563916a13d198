//! Building: what is measured in release, each package on its own, and what is only tested at once.
//!
//! Building several together unifies features, so that what one model asks of a shared dependency
//! would be switched on in another.

use crate::{cargo, package, told::Told};
use process::interrupt;
use report::model::{Failure, Phase};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, BufRead as _, BufReader, IsTerminal as _, Read, Write as _},
    iter,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
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
pub enum BuildError {
    /// It was to be there already.
    #[error("{0}; run again without --no-build")]
    NotBuilt(String),
    /// What builds can't be run.
    #[error("{what}: {source}")]
    CantRun {
        /// Which.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// It was run and failed.
    #[error("{what}\n{said}")]
    Failed {
        /// Which.
        what: String,
        /// The end of what it said.
        said: String,
    },
}

impl BuildError {
    /// The row in the table and in the report.
    pub fn failure(self) -> Failure {
        let way_out = match &self {
            // Says so itself.
            Self::NotBuilt(_) => "without --no-build it is built first",
            Self::CantRun { .. } => "see that this command is there: for cargo, from rustup.rs",
            Self::Failed { .. } => "mend what the compiler says, above and in the report",
        };
        let (reason, stderr_tail) = match self {
            Self::Failed { what, said } => (what, said),
            other => (other.to_string(), String::new()),
        };
        Failure {
            phase: Phase::Build,
            reason,
            stderr_tail,
            way_out: Some(way_out.to_owned()),
        }
    }
}

/// Built programs, or why there is none, by package.
pub type Programs = BTreeMap<String, Result<PathBuf, BuildError>>;

/// Where sources are, and where cargo puts what it builds of them.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The workspace's directory.
    pub root: PathBuf,
    /// Its target directory.
    pub target: PathBuf,
}

/// How programs are built.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
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

    /// The target directory that cargo is given.
    fn target(self, tree: &Tree) -> PathBuf {
        match self {
            Self::Measured => tree.target.clone(),
            Self::Tested => tree.target.join(self.profile()),
        }
    }
}

/// The release executable of a package: built, or with `no_build` just found.
///
/// # Errors
/// Why there is none, with the end of what cargo said.
pub fn executable(tree: &Tree, package: &str, no_build: bool) -> Result<PathBuf, BuildError> {
    take(
        &mut programs(tree, &[package], Purpose::Measured, no_build)?,
        package,
    )
}

/// Takes a program out of those that were built.
///
/// # Errors
/// Why there is none.
pub fn take(programs: &mut Programs, package: &str) -> Result<PathBuf, BuildError> {
    let program = programs.remove(package);
    program.unwrap_or_else(|| {
        Err(BuildError::NotBuilt(format!(
            "{package} has not been built"
        )))
    })
}

/// Where a build puts the program of a package that is measured.
pub fn place(tree: &Tree, package: &str) -> PathBuf {
    let purpose = Purpose::Measured;
    let mut directories = Told::read(&tree.root).directories(purpose.profile());
    let directory = purpose.target(tree).join(directories.swap_remove(0));
    directory.join(package)
}

/// The program that the last build of a package left, where cargo would put it now.
///
/// # Errors
/// There is none; if there is one elsewhere, that it is another one.
fn found(tree: &Tree, package: &str, purpose: Purpose) -> Result<PathBuf, BuildError> {
    let (profile, target) = (purpose.profile(), purpose.target(tree));
    let directories = Told::read(&tree.root).directories(profile);
    let program_in = |directory: &PathBuf| target.join(directory).join(package);
    let programs = directories.iter().map(program_in);
    if let Some(one) = only(
        programs.filter(|program| program.is_file()).collect(),
        package,
    ) {
        return one;
    }
    let below = fs::read_dir(&target).into_iter().flatten().flatten();
    let below = below.map(|entry| Path::new(&entry.file_name()).join(profile));
    let mut others = iter::once(PathBuf::from(profile)).chain(below);
    let elsewhere = others.find(|directory| program_in(directory).is_file());
    // Without the directory itself: this may get into a report.
    let shown = |directory: &Path| {
        let program = program_in(&directory.to_owned());
        let below = program.strip_prefix(&tree.target).map(Path::to_owned);
        below.unwrap_or_else(|_| directory.join(package))
    };
    let expected = shown(
        directories
            .first()
            .map_or(Path::new(profile), PathBuf::as_path),
    );
    let mut what = format!(
        "{package} has not been built: there is no {} in cargo's target directory",
        expected.display()
    );
    if let Some(other) = elsewhere {
        let _ = write!(
            what,
            ", and {} is another program: of another platform than cargo is told to build for \
             (build.target, CARGO_BUILD_TARGET)",
            shown(&other).display()
        );
    }
    Err(BuildError::NotBuilt(what))
}

/// Programs of some packages: built in one call, or with `no_build` just found.
///
/// # Errors
/// Cargo can't be run. That a package has no program is in its place in the map.
pub fn programs(
    tree: &Tree,
    packages: &[&str],
    purpose: Purpose,
    no_build: bool,
) -> Result<Programs, BuildError> {
    let (profile, target) = (purpose.profile(), purpose.target(tree));
    // There is nothing to build it of.
    if no_build || package::is_at(&tree.root) {
        let found = |&package: &&str| (package.to_owned(), found(tree, package, purpose));
        return Ok(packages.iter().map(found).collect());
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
    let mut built = run_cargo(tree, command)?;
    let programs = packages.iter().map(|&package| {
        let failed = || BuildError::Failed {
            what: format!("cargo build --profile {profile} -p {package} failed"),
            said: built.said.clone(),
        };
        let programs = built.programs.remove(package).unwrap_or_default();
        (
            package.to_owned(),
            only(programs, package).unwrap_or_else(|| Err(failed())),
        )
    });
    Ok(programs.collect())
}

/// Of several, nobody could say which one was measured. `None` of none.
fn only(mut programs: Vec<PathBuf>, package: &str) -> Option<Result<PathBuf, BuildError>> {
    let program = programs.pop()?;
    if programs.is_empty() {
        return Some(Ok(program));
    }
    Some(Err(BuildError::Failed {
        what: format!(
            "cargo builds {package} for several platforms (build.target): name the one to measure \
             with CARGO_BUILD_TARGET"
        ),
        said: String::new(),
    }))
}

/// What a build said last is here by then.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Runs a build command that isn't cargo's; `shown` is how a report has it.
///
/// # Errors
/// It failed, with the end of what it said.
pub fn by_command(
    (command, shown): (&[String], &str),
    directory: &Path,
    environment: &BTreeMap<String, String>,
) -> Result<(), BuildError> {
    let can_not = |source: io::Error| BuildError::CantRun {
        what: shown.to_owned(),
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
    let (told, said) = mpsc::channel();
    let pipe = child.stderr.take();
    // In a thread: what a build leaves running, a compiler's server for instance, may hold the pipe open.
    let passing = thread::Builder::new().spawn(move || {
        let pass = |pipe| pass_on(pipe, |piece| told.send(piece.to_vec()).is_ok());
        pipe.map(pass)
    });
    if let Err(error) = passing {
        let _ = child.kill().and_then(|()| child.wait());
        return Err(can_not(error));
    }
    let status = child.wait().map_err(can_not)?;
    let (mut kept, until) = (Vec::new(), Instant::now() + LAST_WORDS);
    let left = || until.saturating_duration_since(Instant::now());
    while let Ok(piece) = said.recv_timeout(left()) {
        kept.extend(piece);
    }
    match status.success() {
        true => Ok(()),
        false => Err(BuildError::Failed {
            what: format!("{shown} failed ({status})"),
            said: tail(&kept),
        }),
    }
}

/// What came of a call of cargo.
struct Built {
    /// By package, one for each platform.
    programs: BTreeMap<String, Vec<PathBuf>>,
    /// The end of what it said, of errors if there were any.
    said: String,
}

/// Runs cargo, passing its progress on.
fn run_cargo(tree: &Tree, mut command: Command) -> Result<Built, BuildError> {
    let can_not = |source: io::Error| BuildError::CantRun {
        what: "cargo can't be run".to_owned(),
        source,
    };
    command
        .arg("--message-format=json")
        .current_dir(&tree.root)
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
    let pipe = child.stderr.take();
    let progress = match pipe.map(|pipe| thread::Builder::new().spawn(move || pass_all(pipe))) {
        None => None,
        Some(Ok(thread)) => Some(thread),
        Some(Err(error)) => {
            let _ = child.kill().and_then(|()| child.wait());
            return Err(can_not(error));
        }
    };
    let mut programs = BTreeMap::<String, Vec<PathBuf>>::new();
    let mut errors = String::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let Ok(message) = serde_json::from_str::<Message>(&line) else {
                continue;
            };
            if let (Some(program), Some(target)) = (message.executable, message.target) {
                programs.entry(target.name).or_default().push(program);
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
        (false, false) => tail(errors.as_bytes()),
    };
    Ok(Built { programs, said })
}

/// Copies to standard error what comes, for as long as somebody wants it.
fn pass_on(mut pipe: impl Read, mut is_wanted: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = pipe.read(&mut buffer) {
        let piece = &buffer[..length];
        if !is_wanted(piece) {
            return;
        }
        let _ = io::stderr().write_all(piece);
    }
}

/// The same to its end, which is returned.
fn pass_all(pipe: impl Read) -> String {
    let mut kept = Vec::new();
    pass_on(pipe, |piece| {
        kept.extend_from_slice(piece);
        true
    });
    tail(&kept)
}

fn tail(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let mut start = text.len().saturating_sub(TAIL_BYTES);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text[start..].trim().to_owned()
}
