//! What the runner's tests share: the runner itself, and models that misbehave.

#![allow(dead_code, reason = "one of the test programs uses a part of this")]

pub(crate) mod foreign;

use report::{model::ModelReport, run::RunReport};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub(crate) fn runner() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    command
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What makes a closed load light and short: every request waits a little, so an echo's rate, which
/// would use all CPUs, isn't had, nor a null server measured beside it; and the window opens after a
/// second, steady or not. On a busy machine the load mostly isn't, and every run would wait for its
/// five.
pub(crate) const LIGHT: [&str; 4] = ["--workload", "wait:5ms", "--warm-up", "1"];

/// A directory with programs, and one for reports.
pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    /// A program that behaves like the fake model's `mode`; the argument for --bin.
    pub(crate) fn fake(&self, mode: &str) -> String {
        self.script(mode, &format!("exec $fake {mode} $mark \"$@\""))
    }

    /// A start script in which `$fake MODE $mark` is the fake model; the argument for --bin.
    pub(crate) fn script(&self, name: &str, lines: &str) -> String {
        let example = Path::new(env!("CARGO_BIN_EXE_runner")).with_file_name("examples/fake_model");
        assert!(
            example.is_file(),
            "{} is built by cargo test",
            example.display()
        );
        let path = self.dir.path().join(name);
        let script = format!(
            "#!/bin/sh\nfake={}\nmark={}\n{lines}\n",
            example.display(),
            self.mark()
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        format!("{name}={}", path.display())
    }

    /// Marks this fixture's processes.
    pub(crate) fn mark(&self) -> String {
        self.dir.path().display().to_string()
    }

    /// A short run of one fake model.
    pub(crate) fn run(&self, mode: &str, args: &[&str]) -> Output {
        self.run_bin(&self.fake(mode), args)
    }

    /// A short run of a program, given as --bin takes it: a light one, unless `args` ask for work of
    /// their own.
    pub(crate) fn run_bin(&self, bin: &str, args: &[&str]) -> Output {
        let (name, _) = bin.split_once('=').unwrap();
        let mut command = runner();
        command
            .args(["--model", name, "--bin", bin, "--trials", "1"])
            .args(["--duration", "0.3", "--connections", "20", "--out"])
            .arg(self.out())
            .args(args);
        match ["--workload", "idle"]
            .iter()
            .any(|asks| args.contains(asks))
        {
            true => command.args(["--warm-up", "1"]),
            false => command.args(LIGHT),
        };
        command.output().unwrap()
    }

    /// The reports of this fixture's only run.
    pub(crate) fn reports(&self) -> (RunReport, Vec<ModelReport>) {
        let runs: Vec<_> = fs::read_dir(self.out()).unwrap().flatten().collect();
        assert_eq!(runs.len(), 1, "one run has one directory");
        let directory = runs[0].path();
        let (run, models) = store::read::run(&directory).unwrap();
        let files = fs::read_dir(&directory).unwrap().count();
        let graphs = models.iter().filter(|model| model.profile.is_some());
        // A runner that was killed made none.
        let pages = usize::from(directory.join("report.html").is_file());
        assert_eq!(
            files,
            2 * run.models.len() + 1 + graphs.count() + pages,
            "nothing is left beside the reports"
        );
        (run, models)
    }

    /// The page of this fixture's only run.
    pub(crate) fn page(&self) -> String {
        let run = fs::read_dir(self.out()).unwrap().flatten().next().unwrap();
        fs::read_to_string(run.path().join("report.html")).unwrap()
    }

    pub(crate) fn report(&self) -> ModelReport {
        self.reports().1.remove(0)
    }

    /// Asserts that no process of this fixture is left, or will be soon.
    pub(crate) fn assert_nothing_left(&self) {
        eventually("all processes end", || {
            processes_with(&self.mark()).is_empty()
        });
    }
}

/// Waits until something holds, for as long as a slow machine may take: on a fresh checkout a
/// release build may come first.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(600);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within ten minutes");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// So often something is tried that a busy machine may spoil.
const ATTEMPTS: u32 = 3;

/// What comes of something that isn't spoiled, or why it was each time.
pub(crate) fn unspoiled<T>(mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let mut reasons = Vec::new();
    for _ in 0..ATTEMPTS {
        match attempt() {
            Ok(result) => return result,
            Err(reason) => reasons.push(reason),
        }
    }
    panic!("{reasons:#?}");
}

/// Processes whose command line mentions `mark`.
pub(crate) fn processes_with(mark: &str) -> Vec<u32> {
    pids()
        .filter(|pid| command_line(*pid).is_some_and(|line| line.contains(mark)))
        .collect()
}

/// Processes whose parent this is.
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let is_child = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status
            .lines()
            .any(|line| line == format!("PPid:\t{parent}"))
    };
    pids().filter(is_child).collect()
}

pub(crate) fn is_alive(pid: u32) -> bool {
    command_line(pid).is_some_and(|line| !line.is_empty())
}

fn command_line(pid: u32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}
