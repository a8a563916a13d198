//! `runner new` in a copy of the workspace.

use crate::common::{stderr, stdout};
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A copy of the workspace with the names of its crates and their sources.
struct Copy {
    root: PathBuf,
}

impl Copy {
    /// Always in the same place, so that builds there are found again.
    fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if root.exists() {
            fs::remove_dir_all(&root).unwrap();
        }
        fs::create_dir_all(&root).unwrap();
        let original = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        for file in ["Cargo.toml", "Cargo.lock"] {
            fs::copy(original.join(file), root.join(file)).unwrap();
        }
        copy(&original.join("crates"), &root.join("crates"));
        Self { root }
    }

    /// The runner in this copy, building where everything has been built already.
    fn runner(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_runner"))
            .args(args)
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", target())
            .output()
            .unwrap()
    }

    fn refused(&self, args: &[&str]) -> String {
        let before = self.entries();
        let output = self.runner(args);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert_eq!(self.entries(), before, "{args:?} left something");
        said
    }

    fn entries(&self) -> Vec<PathBuf> {
        let entries = |directory: &Path| fs::read_dir(directory).unwrap().flatten();
        let mut all: Vec<PathBuf> = entries(&self.root)
            .chain(entries(&self.root.join("crates")))
            .map(|entry| entry.path())
            .collect();
        all.sort();
        all
    }
}

/// The target directory that this test was built in.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// Keeps the time of change, by which cargo knows what it has built.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() && path.file_name() != Some(OsStr::new("target")) {
            copy(&path, &copied);
        } else if path.is_file() {
            fs::copy(&path, &copied).unwrap();
            let changed = entry.metadata().unwrap().modified().unwrap();
            let file = fs::File::options().write(true).open(&copied).unwrap();
            file.set_modified(changed).unwrap();
        }
    }
}

#[test]
fn a_new_model_is_listed_and_conforms_with_no_other_edit() {
    let copy = Copy::new("new-model");
    let made = copy.runner(&["new", "brand-new"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let steps = stdout(&made);
    for part in [
        "crates/model-brand-new/Cargo.toml",
        "crates/model-brand-new/src/main.rs",
        "check --model brand-new",
        "--model brand-new,",
        "cpu and block (inline, offload)",
    ] {
        assert!(steps.contains(part), "no {part} in {steps}");
    }
    let listed = stdout(&copy.runner(&["list"]));
    assert!(listed.contains("brand-new, so far a copy of"), "{listed}");
    // It is a copy of a model that is held to the whole suite elsewhere.
    let some = "sizes,pipelined,counters,stop-sigterm";
    let checked = copy.runner(&["check", "--model", "brand-new", "--only", some]);
    assert!(
        checked.status.success(),
        "{}{}",
        stdout(&checked),
        stderr(&checked)
    );
    assert!(stdout(&checked).contains(" passed, 0 failed"));
}

#[test]
fn what_is_there_stays_and_what_is_wrong_leaves_nothing() {
    let copy = Copy::new("no-new-model");
    let made = copy.runner(&["new", "second", "--like", "epoll"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let main = copy.root.join("crates/model-second/src/main.rs");
    fs::write(&main, "// mine").unwrap();
    let said = copy.refused(&["new", "second"]);
    assert!(said.contains("crates/model-second is there"), "{said}");
    assert_eq!(fs::read_to_string(&main).unwrap(), "// mine");
    for taken in ["kit", "tokio"] {
        assert!(copy.refused(&["new", taken]).contains("is there already"));
    }
    assert!(copy.refused(&["new", "Second"]).contains("lower-case"));
    assert!(copy.refused(&["new", "../second"]).contains("lower-case"));
    let said = copy.refused(&["new", "third", "--like", "epol"]);
    assert!(said.contains("did you mean epoll"), "{said}");
    // A workspace that is broken is not taken for another one.
    let manifest = copy.root.join("crates/model-second/Cargo.toml");
    fs::write(&manifest, "[package\n").unwrap();
    let before = copy.entries();
    assert!(
        !copy
            .runner(&["new", "third", "--like", "second"])
            .status
            .success()
    );
    assert_eq!(copy.entries(), before);
}
