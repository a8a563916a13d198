//! Servers that aren't ours, for tests: each in a fixture's directory, by which its processes are
//! found.

use super::{Fixture, runner};
use std::{
    fs,
    process::{Command, Output, Stdio},
};

/// Load that is over soon, and doesn't wait to be steady.
const SHORT: [&str; 8] = [
    "--trials",
    "1",
    "--duration",
    "0.3",
    "--warm-up",
    "1",
    "--connections",
    "20",
];

/// Load without a rate that has to be found out first, and without the null server beside it.
pub(crate) const AT_A_RATE: [&str; 4] = ["--load", "open", "--rate", "2000"];

/// Whether a program is here. Says visibly when it isn't: what needs it isn't tested then.
pub(crate) fn is_here(program: &str, args: &[&str]) -> bool {
    let said = Command::new(program)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let is_here = said.is_ok_and(|status| status.success());
    if !is_here {
        eprintln!("NOT TESTED HERE: there is no {program}");
    }
    is_here
}

impl Fixture {
    /// The C server in one of its modes, as a command; `None` where there is no compiler.
    pub(crate) fn foreign(&self, mode: &str) -> Option<String> {
        if !is_here("cc", &["--version"]) {
            return None;
        }
        let program = self.dir.path().join("foreign");
        if !program.exists() {
            let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/external/foreign.c");
            let built = Command::new("cc")
                .args(["-O2", "-Wall", "-Werror", source, "-o"])
                .arg(&program)
                .output()
                .unwrap();
            assert!(built.status.success(), "{built:?}");
        }
        Some(format!("{} {mode} {{port}}", program.display()))
    }

    /// A short run with an external model `them`, at a rate that no machine notices.
    pub(crate) fn run_foreign(&self, command: &str) -> Output {
        let external = format!("them={command}");
        self.run_with(&[&["--external", &external][..], &AT_A_RATE].concat())
    }

    /// A short run of what `args` name.
    pub(crate) fn run_with(&self, args: &[&str]) -> Output {
        runner()
            .args(SHORT)
            .args(args)
            .arg("--out")
            .arg(self.out())
            .output()
            .unwrap()
    }

    /// A file of external models; its path.
    pub(crate) fn models(&self, text: &str) -> String {
        let path = self.dir.path().join("mine.toml");
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}
