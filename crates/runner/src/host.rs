//! What the other rooms have to be told of this machine and of this program.

use crate::cargo::Told;
use plan::host::{Host, MemoryGroup};
use probe::{
    cgroup, environment,
    host::{allowed_cpus, ephemeral_ports, siblings},
    kernel::available_bytes,
};
use process::guard::Guard;
use report::environment::Environment;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::{fs, path::Path, process::Command, time::SystemTime};

/// The profile that everything measured is built in.
const PROFILE: &str = "release";

/// The guard of all children: this program itself.
pub(crate) fn guard() -> Guard {
    Guard::new("/proc/self/exe")
}

/// The machine, as far as plans depend on it.
pub(crate) fn host() -> Host {
    let cpus = allowed_cpus();
    Host {
        siblings: siblings(&cpus),
        cpus,
        open_files_max: getrlimit(Resource::Nofile).maximum,
        memory_available_bytes: available_bytes(),
        memory_group: cgroup::memory().map(|(group, limit)| MemoryGroup {
            max_bytes: limit.max,
            left_bytes: limit.left(),
            name: group.name,
        }),
        ports: ephemeral_ports(),
    }
}

/// Raises this process' limit of open files as far as it may: it holds pipes to every server and
/// generator, and these get the limit from it. That it can't is no matter for most runs.
pub(crate) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

/// The time in UTC, to the second.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// The machine, and what the workspace at `root` was built with.
pub(crate) fn environment(root: &Path) -> Environment {
    let mut environment = environment::read();
    environment.open_files_max = getrlimit(Resource::Nofile).maximum;
    let mut missing = Vec::new();
    if environment.open_files_max.is_none() {
        missing.push(("open_files_max", "there is no limit"));
    }
    environment.rustc = said(root, "rustc", &["--version"]).ok();
    if environment.rustc.is_none() {
        missing.push(("rustc", "rustc can't be run"));
    }
    let told = Told::read(root);
    PROFILE.clone_into(&mut environment.profile);
    environment.profile_settings = told.profile(PROFILE);
    match told.rustflags() {
        Ok(flags) => environment.rustflags = Some(flags),
        Err(reason) => missing.push(("rustflags", reason)),
    }
    match revision(root) {
        Ok((revision, is_dirty)) => {
            environment.git_revision = Some(revision);
            environment.git_dirty = Some(is_dirty);
        }
        Err(reason) => missing.extend([("git_revision", reason), ("git_dirty", reason)]),
    }
    let missing = missing.into_iter();
    let missing = missing.map(|(field, reason)| (field.to_owned(), reason.to_owned()));
    environment.not_measured.extend(missing);
    environment
}

/// The revision of the sources at `root`, and whether they differ from it.
///
/// # Errors
/// Why it can't be told.
fn revision(root: &Path) -> Result<(String, bool), &'static str> {
    let git = |args: &[&str]| said(root, "git", args).map_err(why_no_revision);
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let same = |a: &Path, b: &Path| fs::canonicalize(a).ok() == fs::canonicalize(b).ok();
    if !same(Path::new(&top), root) {
        return Err("not a git checkout: a repository encloses it, which is of something else");
    }
    let revision = git(&["rev-parse", "HEAD"])?;
    Ok((revision, !git(&["status", "--porcelain"])?.is_empty()))
}

fn why_no_revision(error: Option<String>) -> &'static str {
    match error {
        Some(said) if said.contains("dubious ownership") => {
            "git doesn't trust the repository: it belongs to another user (dubious ownership; git \
             config --global --add safe.directory names it)"
        }
        Some(_) => "not a git checkout",
        None => "git can't be run",
    }
}

/// What a program writes to its standard output, in a directory.
///
/// # Errors
/// What it says when it fails; `None` when it can't be run.
fn said(directory: &Path, program: &str, args: &[&str]) -> Result<String, Option<String>> {
    let mut command = Command::new(program);
    // Told from its words: they are English in this locale.
    command.args(args).current_dir(directory).env("LC_ALL", "C");
    let output = command.output().map_err(|_| None)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(Some(text(&output.stderr)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(directory: &Path, args: &[&str]) {
        let identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
        said(directory, "git", &[&identity[..], args].concat()).unwrap();
    }

    #[test]
    fn a_repository_of_somebody_else_is_said_to_be_that() {
        let said = "fatal: detected dubious ownership in repository at '/x'\nTo add ...";
        assert!(why_no_revision(Some(said.to_owned())).contains("dubious ownership"));
        assert!(!why_no_revision(Some("fatal: not a git".to_owned())).contains("dubious"));
        assert_eq!(why_no_revision(None), "git can't be run");
    }

    #[test]
    fn a_revision_is_that_of_the_tree_and_not_of_what_encloses_it() {
        let outer = tempfile::tempdir().unwrap();
        assert!(revision(outer.path()).is_err());
        git(outer.path(), &["init", "--quiet"]);
        let no_commit = revision(outer.path());
        assert!(no_commit.is_err(), "{no_commit:?}");
        git(
            outer.path(),
            &["commit", "--quiet", "--allow-empty", "-m", "x"],
        );
        let (id, is_dirty) = revision(outer.path()).unwrap();
        assert_eq!((id.len(), is_dirty), (40, false));
        let inner = outer.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("file"), "").unwrap();
        assert!(revision(&inner).unwrap_err().contains("encloses"));
        assert!(revision(outer.path()).unwrap().1, "a new file");
    }
}
