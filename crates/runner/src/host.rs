//! What the other rooms have to be told of this machine and of this program.

use machine::{
    environment,
    host::{allowed_cpus, ephemeral_ports, nodes, siblings},
};
use plan::host::{Host, MemoryGroup};
use probe::{cgroup, kernel::available_bytes};
use process::guard::Guard;
use report::{environment::Environment, explain_missing};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::{path::Path, time::SystemTime};
use toolchain::{revision, rustc, told::Told};

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
        nodes: nodes(&cpus),
        cpus,
        open_files_max: getrlimit(Resource::Nofile).maximum,
        memory_available_bytes: available_bytes(),
        memory_group: cgroup::memory().map(|(group, limit)| MemoryGroup {
            max_bytes: limit.max,
            left_bytes: limit.left(),
            name: group.name,
        }),
        ports: ephemeral_ports(),
        others: None,
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
    explain_missing!(environment, "there is no limit", [open_files_max]);
    environment.rustc = rustc(root);
    explain_missing!(environment, "rustc can't be run", [rustc]);
    let told = Told::read(root);
    PROFILE.clone_into(&mut environment.profile);
    environment.profile_settings = told.profile(PROFILE);
    match told.rustflags() {
        Ok(flags) => environment.rustflags = Some(flags),
        Err(reason) => explain_missing!(environment, reason, [rustflags]),
    }
    match revision(root) {
        Ok((revision, is_dirty)) => {
            environment.git_revision = Some(revision);
            environment.git_dirty = Some(is_dirty);
        }
        Err(reason) => explain_missing!(environment, reason, [git_revision, git_dirty]),
    }
    environment
}
