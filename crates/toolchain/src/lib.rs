//! How a source tree is built.
//!
//! | module | |
//! |---|---|
//! | [`build`] | what is measured in release, each package on its own; what is only tested at once |
//! | [`digest`] | which program something is |
//! | [`package`] | programs that were built elsewhere |
//! | [`told`] | what cargo's configuration and the environment say |

#![forbid(unsafe_code)]

pub mod build;
pub mod digest;
pub mod package;
pub mod told;

use package::Package;
use std::{env, fs, path::Path, process::Command};

/// The cargo that runs this, or that in the path.
pub fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The version of the compiler in a directory; `None` where there is none.
pub fn rustc(directory: &Path) -> Option<String> {
    if let Some(package) = Package::at(directory) {
        return Some(package.rustc);
    }
    said(directory, "rustc", &["--version"]).ok()
}

/// The revision of the sources at `root`, and whether they differ from it.
///
/// # Errors
/// Why it can't be told.
pub fn revision(root: &Path) -> Result<(String, bool), &'static str> {
    if let Some(package) = Package::at(root) {
        let revision = package.git_revision.zip(package.git_dirty);
        return revision.ok_or("the package was made of no git checkout");
    }
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
