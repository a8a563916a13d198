//! What the other rooms have to be told of this machine and of this program.

use plan::host::Host;
use probe::{environment, host::allowed_cpus, kernel::available_bytes};
use process::guard::Guard;
use report::environment::Environment;
use rustix::process::{Resource, getrlimit};
use std::{path::Path, process::Command, time::SystemTime};

/// The guard of all children: this program itself.
pub(crate) fn guard() -> Guard {
    Guard::new("/proc/self/exe")
}

/// The machine, as far as plans depend on it.
pub(crate) fn host() -> Host {
    Host {
        cpus: allowed_cpus(),
        open_files_max: getrlimit(Resource::Nofile).maximum,
        memory_available_bytes: available_bytes(),
    }
}

/// The time in UTC, to the second.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// The machine, and what the workspace at `root` was built with.
pub(crate) fn environment(root: &Path) -> Environment {
    let said = |program: &str, args: &[&str]| {
        let output = Command::new(program)
            .args(args)
            .current_dir(root)
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let mut environment = environment::read();
    environment.open_files_max = getrlimit(Resource::Nofile).maximum;
    environment.rustc = said("rustc", &["--version"]);
    environment.git_revision = said("git", &["rev-parse", "HEAD"]);
    environment.git_dirty = said("git", &["status", "--porcelain"]).map(|text| !text.is_empty());
    environment.profile = "release".to_owned();
    for (is_missing, field, reason) in [
        (environment.rustc.is_none(), "rustc", "rustc can't be run"),
        (
            environment.git_revision.is_none(),
            "git_revision",
            "not a git checkout",
        ),
        (
            environment.git_dirty.is_none(),
            "git_dirty",
            "not a git checkout",
        ),
        (
            environment.open_files_max.is_none(),
            "open_files_max",
            "there is no limit",
        ),
    ] {
        if is_missing {
            environment
                .not_measured
                .insert(field.to_owned(), reason.to_owned());
        }
    }
    environment
}
